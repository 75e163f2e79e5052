import Testing

@testable import Statistics

@Suite struct StatisticsTests {
    @Test func noIntervalBelowEightPieces() throws {
        let values = [1.0, 2, 3, 4, 5, 6, 7]
        #expect(Bootstrap.interval(ofMean: values) == nil)
        #expect(Bootstrap.interval(ofMean: values + [8]) != nil)
        // Sixteen values, but of seven pieces.
        let pieces = (0..<16).map { "work-\($0 % 7)" }
        let many = (0..<16).map(Double.init)
        #expect(Bootstrap.interval(ofMean: many, pieces: pieces) == nil)
        let first = Dictionary(uniqueKeysWithValues: (0..<9).map { ("work-\($0)", Double($0)) })
        #expect(Bootstrap.interval(ofDifference: first, first.filter { $0.key < "work-7" }) == nil)
    }

    @Test func filesOfAPieceCountAsOne() throws {
        // Ten files of the first piece must not weigh more than the one of each other.
        let values = [Double](repeating: 100, count: 10) + (1..<9).map { Double($0 * $0) * 1.37 }
        let pieces = [String](repeating: "work-0", count: 10) + (1..<9).map { "work-\($0)" }
        let interval = try #require(Bootstrap.interval(ofMean: values, pieces: pieces))
        #expect(interval.pieceCount == 9)
        #expect(abs(interval.mean - (100 + 204 * 1.37) / 9) < 1e-12)
        // The order of files does not matter, the seed does.
        #expect(
            Bootstrap.interval(ofMean: values.reversed(), pieces: pieces.reversed()) == interval)
        #expect(Bootstrap.interval(ofMean: values, pieces: pieces, seed: 1) != interval)
    }

    @Test func pairedDifferencesAreNarrower() throws {
        let pieces = (0..<12).map { "work-\($0)" }
        let first = Dictionary(uniqueKeysWithValues: pieces.enumerated().map { ($1, Double($0 * 10)) })
        let second = Dictionary(
            uniqueKeysWithValues: pieces.enumerated().map { ($1, Double($0 * 10 - 1 + $0 % 2)) })
        let interval = try #require(Bootstrap.interval(ofDifference: first, second))
        #expect(interval.mean == 0.5 && interval.lower > 0 && interval.upper < 1)
        let back = try #require(Bootstrap.interval(ofDifference: second, first))
        #expect(back.mean == -0.5)
    }

    @Test func strengthIsTheMeanOfBothDirections() {
        #expect(
            TransferStrength.oneWay(before: [0.9, 0.7], after: [0.1, 0.3]).map { abs($0 - 0.6) < 1e-12 }
                == true)
        #expect(TransferStrength.bothWays(forward: ([1], [0]), backward: ([0.5], [0.5])) == 0.5)
        #expect(TransferStrength.bothWays(forward: ([1], [0]), backward: ([], [])) == nil)
    }

    @Test func fewOrEqualSamplesHaveNoDensity() {
        #expect(GaussianDensity([1]) == nil)
        #expect(GaussianDensity([1, 1, 1]) == nil)
        #expect(SetComparison(outputs: [[1]], reference: [[1], [2], [3]]) == nil)
        #expect(KernelDistance(reference: [[1, 2]]) == nil)
        #expect(KernelDistance(reference: [[1], [2]])?.distance(of: [[1]]) == nil)
        #expect(DynamicTimeWarping.align([], [[1]], metric: .cosine) == nil)
    }

    @Test func densityFarAwayHasAFiniteLogarithm() throws {
        let density = try #require(GaussianDensity([0, 1, 2]))
        #expect(density.density(at: 1000) == 0)
        #expect(density.logDensity(at: 1000) < -100_000 && density.logDensity(at: 1000).isFinite)
        // Sets that do not overlap at all have a large divergence, not an infinite one.
        let far = try #require(
            SetComparison(outputs: [[0], [0.1], [0.3]], reference: [[1000], [1000.1], [1000.3]]))
        #expect(
            far.outputs.overlapArea < 1e-6 && far.outputs.divergence > 100 && far.outputs.divergence.isFinite)
    }

    @Test func classesThatAreMissingAreImprobable() {
        let features = (0..<30).map { [Double($0 % 3), Double($0 % 7)] }
        let labels = features.map { Int($0[0]) == 2 ? 3 : Int($0[0]) }
        let classifier = LogisticRegression(features: features, labels: labels, classCount: 4)
        for (sample, label) in zip(features, labels) {
            let probabilities = classifier.probabilities(of: sample)
            #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12)
            #expect(probabilities[2] < 1e-3 && probabilities[label] == probabilities.max())
        }
        // Data that a plane separates have finite weights by the penalty.
        let separable = LogisticRegression(
            features: [[0], [1], [2], [3]], labels: [0, 0, 1, 1], classCount: 2, c: 1e6)
        #expect(separable.weights[0][0].isFinite && separable.probabilities(of: [3])[1] > 0.999)
    }

    @Test func foldsKeepGroupsTogether() {
        let groups = (0..<200).map { "work-\($0 * 7 % 43)" }
        let labels = groups.map { ($0.last?.wholeNumberValue ?? 0) % 2 }
        let folds = CrossValidation.folds(groups: groups, labels: labels, count: 5)
        let foldsOfGroup = Dictionary(grouping: zip(groups, folds), by: \.0).mapValues { Set($0.map(\.1)) }
        #expect(foldsOfGroup.count == 43 && foldsOfGroup.values.allSatisfy { $0.count == 1 })
        let sizes = Dictionary(grouping: foldsOfGroup.values.compactMap(\.first), by: { $0 }).mapValues(
            \.count)
        #expect(sizes.values.sorted() == [8, 8, 9, 9, 9])
        let reversed = CrossValidation.folds(groups: groups.reversed(), labels: labels.reversed(), count: 5)
        #expect(Array(reversed.reversed()) == folds)
    }

    @Test func scoresNeedBothKinds() {
        #expect(ClassifierScores.auc(scores: [1, 2], isPositive: [true, true]) == nil)
        #expect(ClassifierScores.auc(scores: [2, 1], isPositive: [true, false]) == 1)
        #expect(ClassifierScores.balancedAccuracy(predictions: [0, 0, 0, 1], labels: [0, 0, 0, 1]) == 1)
        #expect(ClassifierScores.balancedAccuracy(predictions: [0, 0, 0, 0], labels: [0, 0, 0, 1]) == 0.5)
        #expect(ClassifierScores.balancedAccuracy(predictions: [], labels: []) == nil)
    }
}
