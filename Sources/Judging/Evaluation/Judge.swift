public import Statistics

/// A classifier of styles that takes no part in any system: a logistic regression on features of a piece.
///
/// It is fitted in folds, so that a piece is only ever judged by classifiers that have not seen it.
struct Judge<Piece: Sendable>: Sendable {
    /// A piece with a known style.
    struct Example: Sendable {
        let piece: Piece
        /// The piece's id: examples of one piece are never on both sides.
        let group: String
        /// The style's number.
        let style: Int
    }

    let view: JudgeView<Piece>
    /// How well it does on pieces that it has not seen.
    let record: JudgeRecord
    private let classifiers: [LogisticRegression]
    private let foldOfGroup: [String: Int]

    /// The inverse strength of the penalty on squared weights, as scikit-learn counts it.
    ///
    /// The more features there are for a piece, the stronger is the penalty.
    private static func strength(_ featureCount: Int) -> Double { min(1, 10 / Double(max(1, featureCount))) }

    /// How often labels are shuffled.
    private static var shuffles: Int { 5 }

    /// Fits a judge.
    ///
    /// - Parameters:
    ///   - view: What it sees.
    ///   - examples: Pieces with styles.
    ///   - styles: The styles' names.
    ///   - folds: The fold of each example, 0 to `foldCount` − 1.
    ///   - foldCount: The number of folds.
    ///   - seed: Of the shuffled labels.
    /// - Throws: what a view's features throw.
    init(
        _ view: JudgeView<Piece>, _ examples: [Example], styles: [String], folds: [Int], foldCount: Int,
        seed: UInt64
    ) throws {
        self.view = view
        let features = try examples.map { try view.features($0.piece) }
        let labels = examples.map(\.style)
        let fitted = Self.fit(features, labels, folds, foldCount, styles.count)
        classifiers = fitted.classifiers
        foldOfGroup = Dictionary(zip(examples.map(\.group), folds), uniquingKeysWith: { first, _ in first })
        // Labels that say nothing: what a judge of this kind reaches by chance.
        var random = SplitMix64(seed: seed)
        let byChance = (0..<Self.shuffles).compactMap { _ in
            var order = Array(labels.indices)
            random.shuffle(&order)
            let chance = order.map { labels[$0] }
            return ClassifierScores.balancedAccuracy(
                predictions: Self.fit(features, chance, folds, foldCount, styles.count).probabilities.map(
                    largest), labels: chance)
        }
        record = JudgeRecord(
            name: view.name, sees: view.sees, isNuisance: view.isNuisance, styles: styles,
            pieces: examples.map(\.group), labels: labels, probabilities: fitted.probabilities,
            shuffledAccuracy: byChance.isEmpty
                ? nil : byChance.reduce(0, +) / Double(byChance.count))
    }

    /// The classifiers, each fitted without one fold, and what they say of that fold.
    private static func fit(
        _ features: [[Double]], _ labels: [Int], _ folds: [Int], _ foldCount: Int, _ classCount: Int
    ) -> (classifiers: [LogisticRegression], probabilities: [[Double]]) {
        var probabilities = [[Double]](repeating: [], count: features.count)
        let classifiers = (0..<foldCount).map { fold in
            let others = features.indices.filter { folds[$0] != fold }
            let classifier = LogisticRegression(
                features: others.map { features[$0] }, labels: others.map { labels[$0] },
                classCount: classCount, c: strength(features.first?.count ?? 0))
            for index in features.indices where folds[index] == fold {
                probabilities[index] = classifier.probabilities(of: features[index])
            }
            return classifier
        }
        return (classifiers, probabilities)
    }

    /// The probability of each style for a piece.
    ///
    /// - Parameters:
    ///   - piece: The piece.
    ///   - group: The piece of the dataset that it is made of. Classifiers that were fitted with that one have no say.
    /// - Returns: A probability a style.
    /// - Throws: what the view's features throw.
    func probabilities(of piece: Piece, group: String) throws -> [Double] {
        let features = try view.features(piece)
        let entitled = foldOfGroup[group].map { [classifiers[$0]] } ?? classifiers
        var sums = [Double](repeating: 0, count: record.styles.count)
        for classifier in entitled {
            for (index, value) in classifier.probabilities(of: features).enumerated() { sums[index] += value }
        }
        return sums.map { $0 / Double(entitled.count) }
    }
}

/// The place of the largest number; of several the first.
func largest(_ values: [Double]) -> Int {
    values.indices.max { (values[$0], -$0) < (values[$1], -$1) } ?? 0
}

/// How well a judge does on pieces that it has not seen.
public struct JudgeRecord: Sendable {
    /// Its name.
    public let name: String
    /// What it sees, in words.
    public let sees: String
    /// Whether it sees only what style does not depend on.
    public let isNuisance: Bool
    /// The styles that it tells apart.
    public let styles: [String]
    /// The mean balanced accuracy of judges that were fitted to shuffled labels; nil if there are no pieces.
    public let shuffledAccuracy: Double?
    let pieces: [String]
    let labels: [Int]
    let probabilities: [[Double]]

    init(
        name: String, sees: String, isNuisance: Bool, styles: [String], pieces: [String], labels: [Int],
        probabilities: [[Double]], shuffledAccuracy: Double?
    ) {
        (self.name, self.sees, self.isNuisance, self.styles) = (name, sees, isNuisance, styles)
        (self.pieces, self.labels, self.probabilities) = (pieces, labels, probabilities)
        self.shuffledAccuracy = shuffledAccuracy
    }

    /// The mean over the styles of the share of their pieces that it recognises.
    public var balancedAccuracy: Double? {
        ClassifierScores.balancedAccuracy(predictions: probabilities.map(largest), labels: labels)
    }

    /// Its accuracy over pieces with an interval; nil for fewer than 8 pieces.
    public var interval: Bootstrap.Interval? {
        let hits = zip(probabilities, labels).map { largest($0) == $1 ? 1.0 : 0.0 }
        return Bootstrap.interval(ofMean: hits, pieces: pieces)
    }

    /// How well it tells two styles apart, by their numbers: balanced accuracy among the pieces of the two.
    public func accuracy(between first: Int, and second: Int) -> Double? {
        let both = labels.indices.filter { labels[$0] == first || labels[$0] == second }
        return ClassifierScores.balancedAccuracy(
            predictions: both.map { probabilities[$0][first] >= probabilities[$0][second] ? first : second },
            labels: both.map { labels[$0] })
    }

    /// The two styles that it tells apart least well, and how well; nil for fewer than two styles.
    public var weakestPair: (first: String, second: String, accuracy: Double)? {
        var weakest: (first: String, second: String, accuracy: Double)?
        for first in styles.indices {
            for second in styles.indices where second > first {
                guard let accuracy = accuracy(between: first, and: second),
                    accuracy < weakest?.accuracy ?? .infinity
                else { continue }
                weakest = (styles[first], styles[second], accuracy)
            }
        }
        return weakest
    }

    /// The area under the ROC curve of one style against the rest.
    public func auc(of style: Int) -> Double? {
        ClassifierScores.auc(scores: probabilities.map { $0[style] }, isPositive: labels.map { $0 == style })
    }
}
