internal import Training

/// The classes predicted for the segments and pieces of each class on a pass.
struct ClassTally {
    let names: [String]
    /// Segments by their class, then by the predicted class.
    private(set) var confusion: [[Int]]
    /// The piece of each segment by its number in the split.
    private let pieces: [Int]?
    private var sums: [Int: (shares: [Double], target: Int)] = [:]

    /// Nothing counted yet; `pieces` has the piece of each segment by its number, if they are known.
    init(_ names: [String], pieces: [Int]?) {
        self.names = names
        self.pieces = pieces
        confusion = names.map { _ in names.map { _ in 0 } }
    }

    /// Whether pieces are known.
    var hasPieces: Bool { pieces != nil }
    /// The segments counted.
    var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }

    /// Counts a segment.
    ///
    /// - Parameters:
    ///   - shares: The probability of each class.
    ///   - target: Its class.
    ///   - number: Its number in the split.
    mutating func add(_ shares: [Double], target: Int, number: Int?) {
        guard names.indices.contains(target) else { return }
        confusion[target][Self.greatest(shares)] += 1
        guard let number, let pieces, pieces.indices.contains(number) else { return }
        // Pieces may have parts of several classes, which are counted apart.
        let key = pieces[number] * names.count + target
        let before = sums[key]?.shares ?? names.map { _ in 0 }
        sums[key] = (zip(before, shares).map { $0 + $1 }, target)
    }

    /// The first of the greatest.
    private static func greatest(_ shares: [Double]) -> Int {
        shares.firstIndex(of: shares.max() ?? 0) ?? 0
    }

    /// Accuracies over segments, over classes and over pieces, then precision, recall and F1 of each class that
    /// occurs.
    ///
    /// The prediction for a piece is the class of the greatest mean probability over its segments. A class that is never
    /// predicted has precision 0, and so an F1 of 0.
    var measures: [Measure] {
        let present = names.indices.filter { confusion[$0].contains { $0 > 0 } }
        let all = Double(max(count, 1))
        let hits = Double(names.indices.reduce(0) { $0 + confusion[$1][$1] })
        let each = present.map { own in
            let right = Double(confusion[own][own])
            let taken = Double(names.indices.reduce(0) { $0 + confusion[$1][own] })
            let whole = Double(confusion[own].reduce(0, +))
            return (
                precision: taken > 0 ? right / taken : 0, recall: right / whole,
                f1: 2 * right / (taken + whole)
            )
        }
        let number = Double(max(present.count, 1))
        var measures = [
            Measure("accuracy", hits / all),
            Measure("balanced_accuracy", each.reduce(0) { $0 + $1.recall } / number),
            Measure("macro_f1", each.reduce(0) { $0 + $1.f1 } / number),
        ]
        if hasPieces {
            let right = sums.values.count { Self.greatest($0.shares) == $0.target }
            measures += [
                Measure("piece_accuracy", Double(right) / Double(max(sums.count, 1))),
                Measure("pieces", Double(sums.count)),
            ]
        }
        measures.append(Measure("segments", Double(count)))
        for (own, result) in zip(present, each) {
            measures += [
                Measure("precision_\(names[own])", result.precision),
                Measure("recall_\(names[own])", result.recall), Measure("f1_\(names[own])", result.f1),
            ]
        }
        return measures
    }
}
