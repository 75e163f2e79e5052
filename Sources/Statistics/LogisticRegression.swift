#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A classifier that is linear in its features: logistic regression with an L2 penalty.
///
/// Features are standardised first. For two classes one weight vector is fitted, for more the softmax of one per class.
/// The loss is `c` times the sum of the samples' cross-entropies plus half the squared weights; intercepts are not
/// penalised. This is scikit-learn's `LogisticRegression(C=c)` on the output of `StandardScaler`. The fit is
/// deterministic, so equal data give equal weights.
public struct LogisticRegression: Hashable, Sendable {
    /// The classes.
    public let classCount: Int
    /// By the training features.
    private let standardisation: Standardisation
    /// [1 or class][feature]: the weights of standardised features; of two classes those of class 1.
    public let weights: [[Double]]
    /// [1 or class]: the intercepts.
    public let intercepts: [Double]

    /// Fits a classifier by L-BFGS, until no component of the gradient of the mean loss exceeds 1e-10.
    ///
    /// - Parameters:
    ///   - features: [sample][feature]; at least one sample, all finite.
    ///   - labels: The class of each sample, 0 to `classCount` − 1; classes may be missing.
    ///   - classCount: The classes, at least 2.
    ///   - c: The weight of the data against the penalty, scikit-learn's C.
    public init(features: [[Double]], labels: [Int], classCount: Int, c: Double = 1) {
        precondition(
            features.count == labels.count && !features.isEmpty,
            "\(features.count) samples and \(labels.count) labels")
        precondition(classCount > 1 && c > 0, "\(classCount) classes, C = \(c)")
        precondition(
            labels.allSatisfy { (0..<classCount).contains($0) }, "a label is not in 0 to \(classCount - 1)")
        let standardisation = Standardisation(features)
        let width = standardisation.means.count
        let loss = LogisticLoss(
            samples: features.flatMap { standardisation($0) + [1] }, labels: labels,
            width: width + 1, rows: classCount == 2 ? 1 : classCount, penalty: 1 / (c * Double(labels.count)))
        let start = [Double](repeating: 0, count: loss.rows * (width + 1))
        let best = LBFGS.minimise(from: start, gradientTolerance: 1e-10, limit: 5000, loss.evaluate)
        self.classCount = classCount
        self.standardisation = standardisation
        weights = (0..<loss.rows).map { Array(best[$0 * (width + 1)..<$0 * (width + 1) + width]) }
        intercepts = (0..<loss.rows).map { best[$0 * (width + 1) + width] }
    }

    /// The probability of each class.
    public func probabilities(of features: [Double]) -> [Double] {
        let width = standardisation.means.count
        precondition(features.count == width, "\(features.count) features, not \(width)")
        let standard = standardisation(features)
        let logits = zip(weights, intercepts).map { row, intercept in
            zip(row, standard).reduce(intercept) { $0 + $1.0 * $1.1 }
        }
        if classCount == 2 {
            // Each from its own exponential, so that small ones keep their digits.
            return [1 / (1 + exp(logits[0])), 1 / (1 + exp(-logits[0]))]
        }
        let largest = logits.reduce(-.infinity, max)
        let powers = logits.map { exp($0 - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }
}

/// Features brought to mean 0 and standard deviation 1 by the samples of a table, as scikit-learn's `StandardScaler`.
package struct Standardisation: Hashable, Sendable {
    /// The mean of each feature.
    package let means: [Double]
    /// The standard deviation (over n) of each feature; 1 where it does not vary.
    let scales: [Double]

    /// The moments of [sample][feature], at least one sample.
    package init(_ features: [[Double]]) {
        let (count, width) = (Double(features.count), features[0].count)
        precondition(features.allSatisfy { $0.count == width }, "samples of different lengths")
        var means = [Double](repeating: 0, count: width)
        for sample in features { for index in 0..<width { means[index] += sample[index] / count } }
        var squares = [Double](repeating: 0, count: width)
        for sample in features {
            for index in 0..<width {
                squares[index] += (sample[index] - means[index]) * (sample[index] - means[index]) / count
            }
        }
        self.means = means
        // As scikit-learn, a variance that is rounding alone counts as none.
        scales = zip(squares, means).map { square, mean in
            let lost = count * mean * Double.ulpOfOne
            let rounding = count * Double.ulpOfOne * square + lost * lost
            return square <= rounding ? 1 : square.squareRoot()
        }
    }

    /// A sample's features, standardised.
    package func callAsFunction(_ sample: [Double]) -> [Double] {
        sample.indices.map { (sample[$0] - means[$0]) / scales[$0] }
    }
}

/// The mean cross-entropy of samples with a penalty, and its gradient.
private struct LogisticLoss {
    /// [sample, width]; the last column is 1.
    let samples: [Double]
    let labels: [Int]
    let width: Int
    /// Weight vectors: 1 for two classes.
    let rows: Int
    let penalty: Double

    func evaluate(_ parameters: [Double], _ gradient: inout [Double]) -> Double {
        for index in gradient.indices { gradient[index] = 0 }
        var loss = 0.0
        let share = 1 / Double(labels.count)
        var logits = [Double](repeating: 0, count: rows)
        samples.withUnsafeBufferPointer { samples in
            parameters.withUnsafeBufferPointer { parameters in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    for (sample, label) in labels.enumerated() {
                        let x = UnsafeBufferPointer(rebasing: samples[sample * width..<(sample + 1) * width])
                        for row in 0..<rows {
                            logits[row] = dot(
                                UnsafeBufferPointer(rebasing: parameters[row * width..<(row + 1) * width]), x)
                        }
                        loss += residuals(&logits, label)
                        for row in 0..<rows {
                            let factor = logits[row] * share
                            for index in 0..<width { gradient[row * width + index] += factor * x[index] }
                        }
                    }
                }
            }
        }
        loss *= share
        for row in 0..<rows {
            for index in row * width..<(row + 1) * width - 1 {
                loss += penalty / 2 * parameters[index] * parameters[index]
                gradient[index] += penalty * parameters[index]
            }
        }
        return loss
    }

    /// The cross-entropy of a sample; logits become predicted probabilities less the true ones.
    private func residuals(_ logits: inout [Double], _ label: Int) -> Double {
        if rows == 1 {
            let z = logits[0]
            logits[0] = 1 / (1 + exp(-z)) - Double(label)
            // log(1 + exp(z)) without overflow, less z for class 1.
            return max(z, 0) + log1p(exp(-abs(z))) - (label == 1 ? z : 0)
        }
        let largest = logits.reduce(-.infinity, max)
        let target = logits[label]
        var sum = 0.0
        for row in 0..<rows {
            logits[row] = exp(logits[row] - largest)
            sum += logits[row]
        }
        for row in 0..<rows { logits[row] /= sum }
        logits[label] -= 1
        return largest + log(sum) - target
    }
}
