/// Rows of numbers, scaled so that their Euclidean distance says how alike two rows are, whatever their class.
///
/// Each number has mean 0 and standard deviation 1, and is 0 where it is unknown or always the same. Numbers that vary
/// within classes count less, and correlated numbers count once: the distance is Mahalanobis's, by the covariance
/// within classes. That covariance is shrunk by the share `shrinkage` towards independent numbers of equal variance
/// (Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004; the share is
/// fixed).
struct WhitenedRows {
    /// [rows, width / 16, rounded up]: sixteen numbers of a row side by side, zeros after the last.
    private let values: [SIMD16<Float>]
    /// The vectors of a row.
    private let vectors: Int

    private static let shrinkage = 0.5

    /// Whitens rows.
    ///
    /// - Parameters:
    ///   - rows: [rows, width]; NaN is unknown.
    ///   - classes: the class of each row.
    ///   - fitted: the rows by which the covariance is estimated.
    init(_ rows: [[Float]], classes: [String], fitted: [Int]) {
        let width = rows.first?.count ?? 0
        vectors = (width + 15) / 16
        var values = Self.scaled(rows)
        let factor = Self.factor(values, width, classes, fitted)
        values.withUnsafeMutableBufferPointer { values in
            for row in rows.indices where !factor.isEmpty {
                // Forward substitution: the row times the inverse of the factor.
                for column in 0..<width {
                    var sum = values[row * width + column]
                    for other in 0..<column {
                        sum -= factor[column * width + other] * values[row * width + other]
                    }
                    values[row * width + column] = sum / factor[column * width + column]
                }
            }
        }
        var side = [SIMD16<Float>](repeating: .zero, count: rows.count * vectors)
        for row in rows.indices {
            for column in 0..<width {
                side[row * vectors + column / 16][column % 16] = values[row * width + column]
            }
        }
        self.values = side
    }

    private static func scaled(_ rows: [[Float]]) -> [Float] {
        guard let width = rows.first?.count else { return [] }
        var result = rows.flatMap { $0 }
        for column in 0..<width {
            let values = rows.map { Double($0[column]) }.filter(\.isFinite)
            let mean = values.reduce(0, +) / Double(max(values.count, 1))
            let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = (square / Double(max(values.count, 1))).squareRoot()
            for row in rows.indices {
                let value = (Double(rows[row][column]) - mean) / deviation
                result[row * width + column] = value.isFinite ? Float(value) : 0
            }
        }
        return result
    }

    /// [width, width]: the lower Cholesky factor of the covariance within classes; empty where no number varies.
    private static func factor(
        _ values: [Float], _ width: Int, _ classes: [String], _ fitted: [Int]
    ) -> [Float] {
        var means: [String: (sum: [Double], count: Int)] = [:]
        for row in fitted {
            for column in 0..<width {
                means[classes[row], default: (.init(repeating: 0, count: width), 0)].sum[column] +=
                    Double(values[row * width + column])
            }
            means[classes[row]]?.count += 1
        }
        var covariance = [Double](repeating: 0, count: width * width)
        covariance.withUnsafeMutableBufferPointer { covariance in
            for row in fitted {
                guard let (sum, count) = means[classes[row]] else { continue }
                let own = (0..<width).map { Double(values[row * width + $0]) - sum[$0] / Double(count) }
                for a in 0..<width where own[a] != 0 {
                    for b in 0...a { covariance[a * width + b] += own[a] * own[b] / Double(fitted.count) }
                }
            }
        }
        let mean = (0..<width).reduce(0) { $0 + covariance[$1 * width + $1] } / Double(max(width, 1))
        guard mean > 0 else { return [] }
        for index in covariance.indices { covariance[index] *= 1 - shrinkage }
        for column in 0..<width { covariance[column * width + column] += shrinkage * mean }
        for column in 0..<width {
            for row in column..<width {
                var sum = covariance[row * width + column]
                for other in 0..<column {
                    sum -= covariance[row * width + other] * covariance[column * width + other]
                }
                covariance[row * width + column] =
                    row == column ? sum.squareRoot() : sum / covariance[column * width + column]
            }
        }
        return covariance.map { Float($0) }
    }

    /// The rows nearest to a row, nearest first.
    ///
    /// - Parameters:
    ///   - row: the row.
    ///   - count: the most rows to find.
    ///   - compared: the rows that may be found; the row itself is not.
    ///   - isAllowed: whether one of them may be found.
    /// - Returns: their numbers.
    func nearest(to row: Int, count: Int, of compared: [Int], where isAllowed: (Int) -> Bool) -> [Int] {
        var nearest: [(distance: Float, row: Int)] = []
        values.withUnsafeBufferPointer { values in
            for other in compared where other != row {
                let most = nearest.count == count ? nearest.last?.distance ?? .infinity : .infinity
                var distance: Float = 0
                var vector = 0
                // Most rows are farther than the last one found long before all numbers are added.
                while vector < vectors, distance < most {
                    let difference = values[row * vectors + vector] - values[other * vectors + vector]
                    distance += (difference * difference).sum()
                    vector += 1
                }
                guard distance < most, isAllowed(other) else { continue }
                let place = nearest.firstIndex { $0.distance > distance } ?? nearest.count
                nearest.insert((distance, other), at: place)
                if nearest.count > count { nearest.removeLast() }
            }
        }
        return nearest.map(\.row)
    }
}
