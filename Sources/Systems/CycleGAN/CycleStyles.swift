internal import Files
internal import Loading
internal import Torch
internal import Training

/// The two styles of a training, and those that its extra discriminators mix: values of one label.
struct CycleStyles {
    /// The label.
    let label: String
    /// The first and the second style.
    let names: [String]
    /// Their numbers in batches.
    let numbers: [Int64]
    /// The styles of mixed music; none in the base model.
    let mixture: [String]

    /// The styles that settings ask for.
    init(_ settings: Settings, _ snapshot: Snapshot) {
        label = settings.word("label")
        let known = snapshot.learnedValues(of: label, .midi)
        let named = [settings.word("a"), settings.word("b")]
        let names = named == ["", ""] ? Array(known.prefix(2)) : Self.filled(named, among: known)
        self.names = names
        numbers = snapshot.numbers(of: names, in: label)
        switch settings.word("model") {
        case "base": mixture = []
        case "partial": mixture = names
        default: mixture = known
        }
    }

    /// Two names, of which one may be missing where there is only one other.
    private static func filled(_ named: [String], among known: [String]) -> [String] {
        let others = known.filter { !named.contains($0) }
        return named.map { $0.isEmpty && others.count == 1 ? others[0] : $0 }
    }

    /// Why settings do not name two styles of a snapshot; nil if they do.
    static func fault(_ settings: Settings, _ snapshot: Snapshot) -> String? {
        let label = settings.word("label")
        if let fault = Classes.fault(label, of: snapshot) { return fault }
        let known = snapshot.learnedValues(of: label, .midi)
        let list = known.joined(separator: ", ")
        guard known.count > 1 else {
            return
                "its train split has fewer than two values of the label '\(label)'; write 'splits: {method: exact, stratify: \(label)}' in the manifest"
        }
        let named = [settings.word("a"), settings.word("b")]
        if let other = named.first(where: { !$0.isEmpty && !known.contains($0) }) {
            return "no '\(label)' of its train split is '\(other)'; there are \(list)"
        }
        let names = named == ["", ""] && known.count == 2 ? known : filled(named, among: known)
        if names.contains("") {
            return
                "its label '\(label)' has \(known.count) values; choose two of \(list) with --set a=… --set b=…"
        }
        if names[0] == names[1] { return "a and b are both '\(names[0])'; choose two of \(list)" }
        if settings.word("model") == "full", known.count == 2 {
            return
                "model=full mixes further styles, and its label '\(label)' has only \(list); set model=partial, which mixes these two"
        }
        return nil
    }

    /// The sets of segments of a batch: the first style, the second, then each style of the mixture.
    var sets: [LoaderPlan.SegmentSet] {
        (names + mixture).map { LoaderPlan.SegmentSet(labels: [label: $0]) }
    }

    /// Mixed music `[N, steps, pitches]` of a batch: the styles of the mixture in turn, another one first at each step.
    func mixed(_ batch: Batch, _ view: String, at step: Int) throws -> TorchTensor {
        let sets = mixture.indices.map { batch[view, set: 2 + $0] }
        return try .concatenated(
            (0..<batch.count).map { row in
                try sets[(row + step) % sets.count].narrowed(0, from: row, count: 1)
            })
    }
}
