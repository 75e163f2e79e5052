import Files
import Loading

/// Labels as exports write them: one value, or several, which the snapshot has as one text with U+001F between them.
struct LabelValues {
    /// The labels' names, in the order of their bytes.
    let names: [String]
    private let classes: [String: Classes]
    private let several: Set<String>

    init(_ snapshot: Snapshot) {
        names = snapshot.vocabularies.keys.sorted { utf8Order($0, $1) }
        classes = snapshot.vocabularies.mapValues { Classes($0) }
        var several: Set<String> = []
        var before: [String: String] = [:]
        // Neighbours mostly have equal labels.
        for source in snapshot.sources where source.labels != before {
            before = source.labels
            for (name, text) in source.labels where LabelText.isSeveral(text) { several.insert(name) }
        }
        self.several = several
    }

    /// Whether some source has several values of a label; each segment then has a list of them.
    func isList(_ name: String) -> Bool { several.contains(name) }

    /// The label's text, or the list of its values; null if it is unknown.
    func text(_ labels: [String: String], _ name: String) -> ParquetValue {
        guard let text = labels[name] else { return .null }
        return isList(name) ? .list(LabelText.values(text).map { .text($0) }) : .text(text)
    }

    /// The label's number in the vocabulary, or the list of its values' numbers; null if it is unknown.
    func number(_ labels: [String: String], _ name: String) -> ParquetValue {
        guard let text = labels[name], let classes = classes[name] else { return .null }
        let numbers = LabelText.values(text).compactMap { classes[$0].map { ParquetValue($0) } }
        return isList(name) ? .list(numbers) : numbers.first ?? .null
    }

    /// The number of the only value; −1 where it is unknown, or there are several.
    func only(_ labels: [String: String], _ name: String) -> Int32 {
        labels[name].flatMap { classes[name]?[$0] }.map { Int32($0) } ?? -1
    }

    /// For each value of the vocabulary whether a label has it: 1 or 0.
    func flags(_ labels: [String: String], _ name: String, _ vocabulary: [String]) -> [UInt8] {
        let own = Set((labels[name].map { LabelText.values($0) } ?? []).map { Array($0.utf8) })
        return vocabulary.map { own.contains(Array($0.utf8)) ? 1 : 0 }
    }
}

/// The numbers of a label's values in the snapshot's vocabulary; by bytes, as the vocabulary is sorted.
struct Classes {
    private let places: [[UInt8]: Int]

    init(_ vocabulary: [String]) {
        places = Dictionary(uniqueKeysWithValues: vocabulary.enumerated().map { (Array($1.utf8), $0) })
    }

    subscript(_ value: String) -> Int? { places[Array(value.utf8)] }
}
