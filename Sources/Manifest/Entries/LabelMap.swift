package import Files
internal import Foundation

extension LabelText {
    /// A text in Unicode's normal form C, with several values in the order of the new bytes.
    package static func composed(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
        let composed = text.precomposedStringWithCanonicalMapping
        return isSeveral(composed) ? joined(values(composed)) : composed
    }
}

/// The values of `map` that some entry had.
struct MapUses {
    private struct Value: Hashable {
        let item: Int
        let label: String
        let value: String
    }

    private var found: Set<Value> = []

    fileprivate mutating func note(_ item: Int, _ label: String, _ value: String) {
        found.insert(Value(item: item, label: label, value: value))
    }

    /// A warning for each label of an item whose map names values that no entry has.
    func unused(of index: Int, _ item: SourceItem, in file: String) -> [String] {
        item.map.sorted { utf8Order($0.key, $1.key) }.compactMap { label, values in
            let unused = values.keys.filter { !found.contains(Value(item: index, label: label, value: $0)) }
                .sorted { utf8Order($0, $1) }
            guard let first = unused.first else { return nil }
            let more = unused.count > 1 ? " (and \(unused.count - 1) more)" : ""
            return "\(file):\(item.line): map.\(label) names '\(first)', which no file of the item has\(more)"
        }
    }
}

extension SourceItem {
    /// Gives the values of labels their new names, and drops those that the map drops.
    func mapLabels(_ labels: inout [String: String], _ index: Int, _ uses: inout MapUses) {
        for (label, values) in map {
            guard let text = labels[label] else { continue }
            let mapped = LabelText.values(text).compactMap { value -> String? in
                guard let new = values[value] else { return value }
                uses.note(index, label, value)
                return new
            }
            let new = LabelText.joined(mapped)
            labels[label] = new.isEmpty ? nil : new
        }
    }
}
