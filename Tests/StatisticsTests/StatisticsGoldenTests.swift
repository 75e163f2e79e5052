import Tensors
import TestSupport
import Testing

@testable import Statistics

/// Held against scipy, scikit-learn, librosa and numpy (tools/oracles/judging_golden.py).
@Suite struct StatisticsGoldenTests {
    let file: TensorFile

    init() throws { file = try golden("judging-statistics") }

    private func doubles(_ name: String) throws -> [Double] {
        (try file.tensor(name) as Tensor<Double>).elements
    }

    private func integers(_ name: String) throws -> [Int] {
        (try file.tensor(name) as Tensor<Int64>).elements.map { Int($0) }
    }

    private func rows(_ name: String) throws -> [[Double]] {
        let tensor: Tensor<Double> = try file.tensor(name)
        let width = tensor.shape[1]
        return (0..<tensor.shape[0]).map { Array(tensor.elements[$0 * width..<($0 + 1) * width]) }
    }

    private func largest(_ ours: [Double], _ theirs: [Double]) -> Double {
        #expect(ours.count == theirs.count)
        return zip(ours, theirs).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test(arguments: ["near", "far", "single"]) func overlapIsScipys(name: String) throws {
        let reference = try rows("overlap.reference")
        let comparison = try #require(
            SetComparison(
                outputs: rows("overlap.\(name).outputs"),
                reference: name == "single" ? reference.map { [$0[0]] } : reference))
        let theirs = try rows("overlap.\(name)")
        for (ours, row) in zip([comparison.outputs, comparison.reference], theirs) {
            // The trapezoid rule of scipy on the same grid; the quadrature does without one.
            #expect(abs(ours.overlapArea - row[1]) < 1e-10)
            #expect(abs(ours.overlapArea - row[0]) < 1e-5)
            #expect(abs(ours.divergence - row[2]) < 1e-9 * max(1, row[2]))
        }
        // The near set overlaps more than the far one, or nothing was compared.
        #expect(theirs[1][0] > 0.1 && theirs[1][0] < 1)
    }

    @Test(arguments: ["same", "other"]) func kernelDistanceIsKadtks(name: String) throws {
        let distance = try #require(KernelDistance(reference: rows("kernel.reference")))
        let sample = try rows("kernel.\(name).sample")
        let test = try #require(distance.test(sample, permutations: 200, seed: 7))
        let theirs = try doubles("kernel.\(name)")
        #expect(abs(distance.bandwidth - theirs[0]) < 1e-12 * theirs[0])
        #expect(abs(test.distance - theirs[1]) < 1e-9)
        #expect(test.pValue == theirs[2])
        #expect(distance.distance(of: sample) == test.distance)
        #expect(name == "same" ? test.pValue > 0.05 : test.pValue < 0.01)
    }

    @Test(arguments: [("cosine", DynamicTimeWarping.Metric.cosine), ("euclidean", .euclidean)])
    func warpingIsLibrosas(name: String, metric: DynamicTimeWarping.Metric) throws {
        let path = try #require(
            DynamicTimeWarping.align(
                rows("warping.\(name).first"), rows("warping.\(name).second"), metric: metric))
        #expect(abs(path.cost - (try doubles("warping.\(name).cost"))[0]) < 1e-10)
        #expect(try path.pairs.flatMap { [$0.first, $0.second] } == integers("warping.\(name).path"))
    }

    @Test func intervalIsNumpys() throws {
        let values = try doubles("bootstrap.values")
        let theirs = try rows("bootstrap")
        for (row, (confidence, seed)) in zip(theirs, [(0.95, 3), (0.8, 4)] as [(Double, UInt64)]) {
            let interval = try #require(
                Bootstrap.interval(ofMean: values, resamples: 500, confidence: confidence, seed: seed))
            #expect(largest([interval.lower, interval.upper, interval.mean], row) < 1e-12)
        }
        // Scipy draws other samples: bounds of 20,000 and of 10,000 resamples differ by their own error.
        let interval = try #require(Bootstrap.interval(ofMean: values))
        let scipy = try doubles("bootstrap.scipy")
        #expect(largest([interval.lower, interval.upper], scipy) < 0.05 * (scipy[1] - scipy[0]))
    }

    @Test(arguments: ["two", "three", "wide"]) func probabilitiesAreScikitLearns(name: String) throws {
        let features = try rows("logistic.\(name).features")
        let labels = try integers("logistic.\(name).labels")
        let fresh = try rows("logistic.\(name).fresh")
        for (c, text) in [(0.1, "0.1"), (1, "1"), (30, "30")] {
            let classifier = LogisticRegression(
                features: features, labels: labels, classCount: name == "three" ? 3 : 2, c: c)
            let ours = (features + fresh).flatMap { classifier.probabilities(of: $0) }
            let difference = largest(ours, try doubles("logistic.\(name).\(text)"))
            #expect(difference < 1e-6, "\(name), C = \(c): \(difference)")
        }
    }

    @Test func crossValidationIsScikitLearns() throws {
        let labels = try integers("logistic.two.labels")
        let groups = labels.enumerated().map { "work-\($1)-\($0 % 9)" }
        #expect(try CrossValidation.folds(groups: groups, labels: labels, count: 5) == integers("folds"))
        let probabilities = CrossValidation.probabilities(
            features: try rows("logistic.two.features"), labels: labels, groups: groups, classCount: 2)
        #expect(largest(probabilities.flatMap { $0 }, try doubles("folds.probabilities")) < 1e-6)
        let scores = probabilities.map { $0[1] }
        let predictions = probabilities.map { $0[1] > $0[0] ? 1 : 0 }
        let isPositive = labels.map { $0 == 1 }
        let ours = [
            ClassifierScores.auc(scores: scores, isPositive: isPositive),
            // Rounded to tenths, many scores are equal.
            ClassifierScores.auc(
                scores: scores.map { ($0 * 10).rounded(.toNearestOrEven) / 10 }, isPositive: isPositive),
            ClassifierScores.balancedAccuracy(predictions: predictions, labels: labels),
            ClassifierScores.accuracy(predictions: predictions, labels: labels),
        ].map { $0 ?? .nan }
        #expect(largest(ours, try doubles("scores")) < 1e-12)
    }
}
