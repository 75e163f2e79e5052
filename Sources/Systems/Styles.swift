import Loading
internal import Torch
internal import Training

/// The styles of a dataset: the values of the label `style` that its files to learn from have.
struct Styles {
    /// The values, sorted.
    let names: [String]
    /// Their numbers in batches.
    let numbers: [Int64]

    /// The view of batches that has them.
    static let label = "style"

    /// The styles of a snapshot's MIDI files, or of its recordings, which may have others.
    init(_ snapshot: Snapshot, of kind: SegmentKind = .midi) {
        names = snapshot.learnedValues(of: Self.label, kind)
        numbers = snapshot.numbers(of: names, in: Self.label)
    }

    /// A set of segments for each style, to be fed side by side.
    var sets: [LoaderPlan.SegmentSet] { names.map { LoaderPlan.SegmentSet(labels: [Self.label: $0]) } }

    /// Calls a body with the segments of one style in each batch of an epoch, and the style's place.
    ///
    /// - Parameters:
    ///   - feed: What to pass over; its batches have the label.
    ///   - views: The views wanted.
    ///   - body: Takes copies of the views' rows.
    /// - Throws: what the feed and the body throw.
    func forEachPart(
        of feed: any Feed, views: [String], _ body: (_ part: Batch, _ style: Int) throws -> Void
    ) throws {
        try feed.forEachPart(of: numbers, in: Self.label, views: views, body)
    }

    /// The first source without a style, with the line to write; nil if each has one.
    static func unlabelled(_ sources: [Snapshot.Source]) -> String? {
        sources.first { $0.labels[label] == nil }.map {
            "'\($0.path)' has no label 'style'; write 'labels: {style: …}' beside each path in the manifest"
        }
    }

    /// What to write where the train split lacks a style.
    static let absence =
        "a style is not in its train split; write 'splits: {method: exact, stratify: style}' in the manifest"

    /// A style for every source; exactly so many where a system tells them apart.
    static func need(exactly count: Int?) -> Need {
        Need(count.map { "a label 'style' of \($0) values" } ?? "a label 'style'") { snapshot in
            let played = snapshot.scores
            if let fault = unlabelled(played) ?? snapshot.severalValues(of: label) { return fault }
            let all = Set(played.compactMap { $0.labels[label] }).sorted()
            if let count, all.count != count {
                return
                    "its label 'style' has \(all.count) values (\(all.joined(separator: ", "))), not \(count)"
            }
            if let count, Styles(snapshot).names.count != count { return absence }
            return nil
        }
    }
}

extension Snapshot {
    /// The sources to learn from; where segments are split one by one, a source has no split of its own.
    func learned(_ kind: SegmentKind) -> [Source] {
        (kind == .midi ? scores : recordings).filter { $0.split == .train || $0.split == nil }
    }

    /// The values of a label that sources to learn from have, in the vocabulary's order.
    func learnedValues(of label: String, _ kind: SegmentKind) -> [String] {
        let values = Set(learned(kind).compactMap { $0.labels[label] })
        return (vocabularies[label] ?? []).filter(values.contains)
    }

    /// The numbers that values of a label have in batches.
    func numbers(of values: [String], in label: String) -> [Int64] {
        let vocabulary = vocabularies[label] ?? []
        return values.map { value in Int64(vocabulary.firstIndex(of: value) ?? 0) }
    }
}

extension Feed {
    /// Calls a body with the examples of each value of a label in each batch of an epoch, and the value's place.
    ///
    /// - Parameters:
    ///   - numbers: The values' numbers in batches.
    ///   - label: The label, which the batches have.
    ///   - views: The views wanted.
    ///   - body: Takes copies of the views' rows.
    /// - Throws: what the feed and the body throw.
    func forEachPart(
        of numbers: [Int64], in label: String, views: [String],
        _ body: (_ part: Batch, _ place: Int) throws -> Void
    ) throws {
        try forEachBatch { batch in
            for (place, number) in numbers.enumerated() {
                guard let part = try batch.examples(where: label, is: number, of: views) else { continue }
                try body(part, place)
            }
        }
    }
}

extension [NamedParameter] {
    /// Those of one style's network, where a module keeps a network for each style in an array.
    func of(style: Int, in list: String = "styles") -> [NamedParameter] {
        filter { $0.name.hasPrefix("\(list).\(style).") }
    }
}
