/// Judging a classifier on pieces that it has not seen.
public enum CrossValidation {
    /// Assigns samples to folds by their groups, so that no group is in two.
    ///
    /// Groups of one label are sorted by a hash of their names and take the folds in turn; the next label begins where
    /// the one before ended. So folds differ by at most one group in all, and by at most one group of each label, and
    /// the order of the samples does not matter. A group has the label that most of its samples have, of several the
    /// smallest.
    ///
    /// - Parameters:
    ///   - groups: The group, such as the piece, of each sample.
    ///   - labels: The label of each sample.
    ///   - count: The folds.
    /// - Returns: The fold of each sample, 0 to `count` − 1.
    public static func folds(groups: [String], labels: [Int], count: Int) -> [Int] {
        precondition(
            groups.count == labels.count && count > 1,
            "\(groups.count) groups, \(labels.count) labels, \(count) folds")
        var votes: [String: [Int: Int]] = [:]
        for (group, label) in zip(groups, labels) { votes[group, default: [:]][label, default: 0] += 1 }
        let order = votes.map { group, votes in
            (
                label: votes.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key ?? 0, hash: hash(group),
                group: group
            )
        }.sorted { ($0.label, $0.hash, $0.group) < ($1.label, $1.hash, $1.group) }
        let folds = Dictionary(
            uniqueKeysWithValues: order.enumerated().map { ($1.group, $0 % count) })
        return groups.map { folds[$0] ?? 0 }
    }

    /// The probabilities of each sample by a classifier that was fitted without the sample's fold.
    ///
    /// - Parameters:
    ///   - features: [sample][feature].
    ///   - labels: The class of each sample.
    ///   - groups: The group, such as the piece, of each sample.
    ///   - classCount: The classes.
    ///   - foldCount: The folds, as `folds` assigns them; at most as many as groups.
    ///   - c: As for `LogisticRegression`.
    /// - Returns: [sample][class].
    public static func probabilities(
        features: [[Double]], labels: [Int], groups: [String], classCount: Int, foldCount: Int = 5,
        c: Double = 1
    ) -> [[Double]] {
        let folds = folds(groups: groups, labels: labels, count: foldCount)
        var result = [[Double]](repeating: [], count: features.count)
        for fold in Set(folds).sorted() {
            let training = features.indices.filter { folds[$0] != fold }
            precondition(!training.isEmpty, "all samples are of one group")
            let classifier = LogisticRegression(
                features: training.map { features[$0] }, labels: training.map { labels[$0] },
                classCount: classCount, c: c)
            for sample in features.indices where folds[sample] == fold {
                result[sample] = classifier.probabilities(of: features[sample])
            }
        }
        return result
    }

    /// FNV-1a over the name's UTF-8, 64 bits.
    private static func hash(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

/// How well a classifier's answers agree with the labels.
public enum ClassifierScores {
    /// The area under the ROC curve: how often a positive sample scores higher than a negative one, a tie counting
    /// half.
    ///
    /// - Returns: 0 to 1, nil unless there are both positive and negative samples.
    public static func auc(scores: [Double], isPositive: [Bool]) -> Double? {
        precondition(scores.count == isPositive.count, "\(scores.count) scores, \(isPositive.count) labels")
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        let positives = isPositive.count { $0 }
        let negatives = isPositive.count - positives
        guard positives > 0, negatives > 0 else { return nil }
        // Twice the pairs that are in order; ties count once.
        var (pairs, below, start) = (0, 0, 0)
        while start < order.count {
            var (end, ours, others) = (start, 0, 0)
            while end < order.count, scores[order[end]] == scores[order[start]] {
                if isPositive[order[end]] { ours += 1 } else { others += 1 }
                end += 1
            }
            pairs += ours * (2 * below + others)
            below += others
            start = end
        }
        return Double(pairs) / Double(2 * positives * negatives)
    }

    /// The share of right answers; nil without samples.
    public static func accuracy(predictions: [Int], labels: [Int]) -> Double? {
        precondition(
            predictions.count == labels.count, "\(predictions.count) predictions, \(labels.count) labels")
        guard !labels.isEmpty else { return nil }
        return Double(zip(predictions, labels).count { $0 == $1 }) / Double(labels.count)
    }

    /// The mean over the classes that occur of the share of their samples that are recognised; nil without samples.
    public static func balancedAccuracy(predictions: [Int], labels: [Int]) -> Double? {
        precondition(
            predictions.count == labels.count, "\(predictions.count) predictions, \(labels.count) labels")
        var counts: [Int: (right: Int, all: Int)] = [:]
        for (prediction, label) in zip(predictions, labels) {
            let (right, all) = counts[label] ?? (0, 0)
            counts[label] = (right + (prediction == label ? 1 : 0), all + 1)
        }
        guard !counts.isEmpty else { return nil }
        let recalls = counts.sorted { $0.key < $1.key }.map { Double($0.value.right) / Double($0.value.all) }
        return recalls.reduce(0, +) / Double(recalls.count)
    }
}
