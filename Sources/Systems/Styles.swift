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
        let sources = kind == .midi ? snapshot.scores : snapshot.recordings
        // Where segments are split one by one, a source has no split of its own.
        let learned = sources.filter { $0.split == .train || $0.split == nil }
        let values = Set(learned.compactMap { $0.labels[Self.label] })
        let vocabulary = snapshot.vocabularies[Self.label] ?? []
        names = vocabulary.filter(values.contains)
        numbers = vocabulary.indices.filter { values.contains(vocabulary[$0]) }.map { Int64($0) }
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
        try feed.forEachBatch { batch in
            for (style, number) in numbers.enumerated() {
                guard let part = try batch.examples(where: Self.label, is: number, of: views) else {
                    continue
                }
                try body(part, style)
            }
        }
    }

    /// A style for every source; exactly so many where a system tells them apart.
    static func need(exactly count: Int?) -> Need {
        Need(count.map { "a label 'style' of \($0) values" } ?? "a label 'style'") { snapshot in
            let played = snapshot.scores
            if let other = played.first(where: { $0.labels[label] == nil }) {
                return
                    "'\(other.path)' has no label 'style'; write 'labels: {style: …}' beside each path in the manifest"
            }
            let all = Set(played.compactMap { $0.labels[label] }).sorted()
            if let count, all.count != count {
                return
                    "its label 'style' has \(all.count) values (\(all.joined(separator: ", "))), not \(count)"
            }
            if let count, Styles(snapshot).names.count != count {
                return
                    "a style is not in its train split; write 'splits: {method: exact, stratify: style}' in the manifest"
            }
            return nil
        }
    }
}

extension [NamedParameter] {
    /// Those of one style's network, where a module keeps a network for each style in an array.
    func of(style: Int, in list: String = "styles") -> [NamedParameter] {
        filter { $0.name.hasPrefix("\(list).\(style).") }
    }
}
