public import Files

/// A number, word or switch that a recipe can be given.
public struct Parameter: Sendable, Hashable {
    /// Its name, as `--set` takes it.
    public let name: String
    /// Its value unless set; the kind of JSON value it is, is the kind that it takes.
    public let standard: JSONValue
    /// What it does, in a line, with its unit.
    public let summary: String
    /// The words it takes; empty: any.
    public let choices: [String]
    /// The numbers it takes.
    public let range: ClosedRange<Double>
    /// Its value in runs that began before the recipe had it.
    public let formerly: JSONValue

    /// Declares a parameter.
    ///
    /// - Parameters:
    ///   - name: Its name, as `--set` takes it.
    ///   - standard: Its value unless set.
    ///   - summary: What it does, in a line, with its unit.
    ///   - choices: The words it takes; empty: any.
    ///   - range: The numbers it takes.
    ///   - formerly: What runs did before the recipe had it; nil: as with the standard value.
    public init(
        _ name: String, _ standard: JSONValue, _ summary: String, choices: [String] = [],
        in range: ClosedRange<Double> = 0...Double.greatestFiniteMagnitude, formerly: JSONValue? = nil
    ) {
        self.name = name
        self.standard = standard
        self.summary = summary
        self.choices = choices
        self.range = range
        self.formerly = formerly ?? standard
    }

    /// What it takes, in words; nil where a value of `run.json` is such.
    func refusal(of value: JSONValue) -> String? {
        switch standard {
        case .bool: return value.bool == nil ? "true or false" : nil
        case .integer:
            let isTaken = value.integer.map { range.contains(Double($0)) } ?? false
            return isTaken ? nil : "a whole number\(limits)"
        case .number:
            let isTaken = value.double.map { $0.isFinite && range.contains($0) } ?? false
            return isTaken ? nil : "a number\(limits)"
        default:
            guard let word = value.string else { return "a text" }
            return choices.isEmpty || choices.contains(word) ? nil : choices.joined(separator: " or ")
        }
    }

    /// The value that a text means.
    ///
    /// - Throws: `train.usage` when it is of another kind or out of range.
    func value(of text: String) throws(TrainingError) -> JSONValue {
        switch standard {
        case .bool:
            if text == "true" || text == "false" { return .bool(text == "true") }
            throw fault(text, "true or false")
        case .integer:
            guard let value = Int(text), range.contains(Double(value)) else {
                throw fault(text, "a whole number\(limits)")
            }
            return JSONValue(value)
        case .number:
            guard let value = Double(text), value.isFinite, range.contains(value) else {
                throw fault(text, "a number\(limits)")
            }
            return .number(value)
        default:
            guard choices.isEmpty || choices.contains(text) else {
                throw fault(text, choices.joined(separator: " or "))
            }
            return .string(text)
        }
    }

    private var limits: String {
        range.upperBound == .greatestFiniteMagnitude
            ? " of at least \(range.lowerBound)" : " from \(range.lowerBound) to \(range.upperBound)"
    }

    private func fault(_ text: String, _ wanted: String) -> TrainingError {
        TrainingError(.usage, "\(name) is '\(text)'; write \(wanted)")
    }
}

/// The value of every parameter of a recipe for one run.
public struct Settings: Sendable, Hashable {
    /// The values by their parameters' names.
    public private(set) var values: [String: JSONValue]

    /// The standard values, then those of a preset, then single ones.
    ///
    /// - Parameters:
    ///   - recipe: Declares the parameters.
    ///   - preset: One of the recipe's presets; nil: none.
    ///   - assignments: `key=value` each; the last of equal keys counts.
    /// - Throws: `train.usage` for a name that the recipe does not declare, or a value it does not take.
    public init(
        _ recipe: Recipe, preset: String? = nil, assignments: [String] = []
    ) throws(TrainingError) {
        values = Dictionary(uniqueKeysWithValues: recipe.parameters.map { ($0.name, $0.standard) })
        if let preset {
            guard let chosen = recipe.presets[preset] else {
                throw TrainingError(
                    .usage,
                    "\(recipe.name) has no preset '\(preset)'; it has \(recipe.presets.keys.sorted().joined(separator: ", "))"
                )
            }
            values.merge(chosen) { $1 }
        }
        try assign(assignments, recipe.name, recipe.parameters)
    }

    /// The settings of a transfer: the standard values, those of the preset that `preset=…` names, then single ones.
    ///
    /// - Parameters:
    ///   - recipe: Declares `transferParameters`.
    ///   - assignments: `key=value` each; the last of equal keys counts.
    /// - Throws: `train.usage` as above.
    public init(transferBy recipe: Recipe, assignments: [String]) throws(TrainingError) {
        values = Dictionary(uniqueKeysWithValues: recipe.transferParameters.map { ($0.name, $0.standard) })
        // Of a recipe that is trained, presets are of its training.
        if case .optimised = recipe.kind, let named = assignments.last(where: { $0.hasPrefix("preset=") }) {
            values.merge(recipe.presets[String(named.dropFirst("preset=".count))] ?? [:]) { $1 }
        }
        try assign(assignments, "a transfer by \(recipe.name)", recipe.transferParameters)
    }

    private mutating func assign(
        _ assignments: [String], _ owner: String, _ parameters: [Parameter]
    ) throws(TrainingError) {
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "=") else {
                throw TrainingError(.usage, "'\(assignment)' sets nothing; write --set key=value")
            }
            let name = String(assignment[..<equals])
            guard let parameter = parameters.first(where: { $0.name == name }) else {
                let known = parameters.map(\.name).sorted().joined(separator: ", ")
                throw TrainingError(
                    .usage,
                    "\(owner) has no parameter '\(name)'; it has \(known.isEmpty ? "none" : known)")
            }
            values[name] = try parameter.value(of: String(assignment[assignment.index(after: equals)...]))
        }
    }

    /// The settings that `run.json` holds.
    ///
    /// A parameter that the recipe had not yet when the run began has the value that stands for what runs did then.
    ///
    /// - Parameters:
    ///   - recipe: Declares the parameters.
    ///   - recorded: The values by name.
    ///   - file: The path of `run.json`, for messages.
    /// - Throws: `train.bad-run` for a parameter that the recipe does not have, or a value it does not take.
    public init(
        _ recipe: Recipe, recorded: [String: JSONValue], file: String
    ) throws(TrainingError) {
        values = [:]
        for parameter in recipe.parameters {
            let value = recorded[parameter.name] ?? parameter.formerly
            if let wanted = parameter.refusal(of: value) {
                throw TrainingError(
                    .badRun,
                    "\(file): 'parameters.\(parameter.name)' is \(value.canonical); expected \(wanted)")
            }
            values[parameter.name] = value
        }
        if let stranger = recorded.keys.filter({ values[$0] == nil }).min() {
            throw TrainingError(
                .badRun,
                "\(file): 'parameters.\(stranger)' is not a parameter of \(recipe.name) in this version; train it again"
            )
        }
    }

    /// Whether the recipe declares a parameter.
    func has(_ name: String) -> Bool { values[name] != nil }

    private func value(_ name: String) -> JSONValue {
        guard let value = values[name] else { preconditionFailure("the recipe declares no '\(name)'") }
        return value
    }

    /// A whole number.
    public func integer(_ name: String) -> Int { value(name).integer ?? 0 }
    /// A number.
    public func number(_ name: String) -> Double { value(name).double ?? 0 }
    /// A switch.
    public func flag(_ name: String) -> Bool { value(name).bool ?? false }
    /// A word.
    public func word(_ name: String) -> String { value(name).string ?? "" }

    /// Sets a number of epochs in place of the recipe's.
    ///
    /// - Throws: `train.usage` for a number that the parameter does not take.
    mutating func setEpochs(_ epochs: Int, of recipe: Recipe) throws(TrainingError) {
        try assign(["epochs=\(epochs)"], recipe.name, recipe.parameters)
    }
    /// Names the run that a parameter asks for.
    public mutating func set(_ name: String, _ word: String) { values[name] = .string(word) }
}
