internal import Files

/// The members of a JSON object in a run's folder, each checked before it is used: anyone may have written the file.
struct CheckedFields {
    private let members: JSONValue
    /// The file's path, for messages.
    private let file: String
    /// What precedes a member's name in messages, such as `progress.`.
    private let prefix: String

    /// The members of an object.
    ///
    /// - Throws: `train.bad-run` when it is nil or no object.
    init(_ json: JSONValue?, file: String, prefix: String = "") throws(TrainingError) {
        guard let json, json.object != nil else {
            let name = prefix.isEmpty ? "" : " '\(prefix.dropLast())'"
            throw TrainingError(.badRun, "\(file) has no object\(name)")
        }
        members = json
        self.file = file
        self.prefix = prefix
    }

    /// Whether a member exists and is not null.
    func has(_ name: String) -> Bool { members[name].map { $0 != .null } ?? false }

    /// A whole number in a range.
    ///
    /// - Throws: `train.bad-run`, naming the file and the member.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(TrainingError) -> Int {
        guard let value = members[name]?.integer, range.contains(value) else {
            throw fault(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A finite number in a range.
    ///
    /// - Throws: `train.bad-run`, naming the file and the member.
    func number(
        _ name: String,
        in range: ClosedRange<Double> = -Double
            .greatestFiniteMagnitude...Double
            .greatestFiniteMagnitude
    ) throws(TrainingError) -> Double {
        guard let value = members[name]?.double, value.isFinite, range.contains(value) else {
            throw fault(
                name,
                range.upperBound == .greatestFiniteMagnitude
                    ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A text.
    ///
    /// - Throws: `train.bad-run`, naming the file and the member.
    func text(_ name: String) throws(TrainingError) -> String {
        guard let value = members[name]?.string else { throw fault(name, "a text") }
        return value
    }

    /// A hash of 64 hexadecimal digits.
    ///
    /// - Throws: `train.bad-run`, naming the file and the member.
    func digest(_ name: String) throws(TrainingError) -> Digest {
        guard let value = members[name]?.string.flatMap({ Digest(hex: $0) }) else {
            throw fault(name, "a hash of 64 hexadecimal digits")
        }
        return value
    }

    /// The members of an object within this one.
    ///
    /// - Throws: `train.bad-run`, naming the file and the member.
    func fields(_ name: String) throws(TrainingError) -> CheckedFields {
        try CheckedFields(members[name], file: file, prefix: "\(prefix)\(name).")
    }

    /// The members as they are.
    var all: [String: JSONValue] { members.object ?? [:] }

    private func fault(_ name: String, _ wanted: String) -> TrainingError {
        let found = members[name].map { "is \($0.canonical)" } ?? "is missing"
        return TrainingError(.badRun, "\(file): '\(prefix)\(name)' \(found); expected \(wanted)")
    }
}
