internal import Files
import Loading
internal import Tensors
internal import Torch
internal import Training

/// How a classifier of segments is measured: by segment, by class and by piece.
struct Classification {
    let classes: Classes
    let kind: SegmentKind
    let snapshot: Snapshot

    /// The segment's number in its split, by which its piece is found: a view of batches to measure on.
    static let number = LoaderView("number", .segment(.number))

    /// The views of a plan, with the segment's number where batches are to measure on.
    static func views(_ views: [LoaderView], for purpose: FeedPurpose) -> [LoaderView] {
        purpose == .measuring ? views + [number] : views
    }

    /// Counts, for a pass, which class is predicted for each segment and each piece.
    ///
    /// - Parameters:
    ///   - feed: What to pass over; its batches have the label and the number.
    ///   - logits: Of a batch, `[N, classes]`.
    /// - Returns: The tally, and the sum of the segments' cross entropies.
    /// - Throws: What the feed and `logits` throw.
    func tally(
        on feed: any Feed, logits: (Batch) throws -> TorchTensor
    ) throws -> (tally: ClassTally, loss: Double) {
        var tally = ClassTally(classes.names, pieces: pieces(of: feed))
        var loss = 0.0
        try feed.forEachBatch { batch in
            let logits = try logits(batch)
            let targets = try batch[classes.label].elements(as: Int64.self)
            loss += try logits.crossEntropy(batch[classes.label], reduction: .sum).item()
            let shares = try logits.softmax(1).to(.f64).elements(as: Double.self)
            let numbers = try numbers(of: batch, in: tally)
            for (row, target) in targets.enumerated() {
                let own = Array(shares[row * classes.names.count..<(row + 1) * classes.names.count])
                tally.add(own, target: Int(target), number: numbers?[row])
            }
        }
        return (tally, loss)
    }

    /// The loss, then the measures of a tally.
    func measures(on feed: any Feed, logits: (Batch) throws -> TorchTensor) throws -> [Measure] {
        let (tally, loss) = try tally(on: feed, logits: logits)
        return [Measure("loss", loss / Double(max(tally.count, 1)))] + tally.measures
    }

    /// The measures of constants: the most frequent class of the train split and, as a bound, that of the pass itself.
    func baselines(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        func targets(_ feed: any Feed) throws -> (ClassTally, [(target: Int, number: Int?)]) {
            let tally = ClassTally(classes.names, pieces: pieces(of: feed))
            var all: [(Int, Int?)] = []
            try feed.forEachBatch { batch in
                let numbers = try numbers(of: batch, in: tally)
                for (row, target) in try batch[classes.label].elements(as: Int64.self).enumerated() {
                    all.append((Int(target), numbers?[row]))
                }
            }
            return (tally, all)
        }
        let (empty, here) = try targets(feed)
        func constant(_ segments: [(target: Int, number: Int?)]) -> [Measure] {
            let counts = classes.names.indices.map { name in segments.count { $0.target == name } }
            let most = counts.firstIndex(of: counts.max() ?? 0) ?? 0
            var tally = empty
            let shares = classes.names.indices.map { $0 == most ? 1.0 : 0 }
            for segment in here { tally.add(shares, target: segment.target, number: segment.number) }
            return tally.measures
        }
        let label = classes.label
        return [
            "most frequent \(label) of the train split": constant(try targets(train).1),
            "most frequent \(label) of this split": constant(here),
        ]
    }

    /// The confusion matrix: for each class, the classes that are predicted for its segments.
    func confusion(on feed: any Feed, logits: (Batch) throws -> TorchTensor) throws -> Confusion {
        let (tally, _) = try tally(on: feed, logits: logits)
        return Confusion(label: classes.label, classes: classes.names, counts: tally.confusion)
    }

    private func numbers(of batch: Batch, in tally: ClassTally) throws -> [Int]? {
        guard tally.hasPieces else { return nil }
        return try batch[Self.number.name].elements(as: Int64.self).map { Int($0) }
    }

    private func pieces(of feed: any Feed) -> [Int]? { feed.split.flatMap { pieces(of: $0) } }

    /// The piece of each segment of a split by its number, each piece a number of its own; nil where single segments
    /// were assigned to splits.
    func pieces(of split: Split) -> [Int]? {
        let all = kind == .midi ? snapshot.scores : snapshot.recordings
        let sources = all.filter { $0.split == split }
        var numbers: [String: Int] = [:]
        let pieces = Snapshot.segmentOrder(of: sources).flatMap { place in
            let source = sources[place]
            let number = numbers[source.piece] ?? numbers.count
            numbers[source.piece] = number
            return [Int](repeating: number, count: source.segments)
        }
        let shards = (snapshot.shards[split] ?? []).filter { $0.kind == kind }
        let count = shards.reduce(0) { $0 + $1.segments }
        return pieces.count == count && count > 0 ? pieces : nil
    }
}
