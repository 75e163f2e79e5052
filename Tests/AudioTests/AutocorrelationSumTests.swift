import Audio
import Testing

@Suite struct AutocorrelationSumTests {
    /// By the definition, in double precision.
    private func direct(_ rows: [[Float]], lags: Int) -> [Double] {
        (0..<lags).map { lag in
            rows.reduce(0) { sum, row in
                sum + (lag..<row.count).reduce(0) { $0 + Double(row[$1]) * Double(row[$1 - lag]) }
            }
        }
    }

    @Test(arguments: [(1, 1, 1), (2, 7, 7), (5, 64, 64), (6, 100, 3), (3, 257, 257)])
    func equalsTheSumOfProducts(_ rows: Int, _ length: Int, _ lags: Int) {
        var noise = Noise(seed: UInt64(rows * 1000 + length))
        let values = (0..<rows * length).map { _ in noise.next() }
        let matrix = (0..<rows).map { Array(values[$0 * length..<($0 + 1) * length]) }
        let expected = direct(matrix, lags: lags)
        // Row by row, and the same rows as the columns of the transposed matrix.
        let lying = AutocorrelationSum(length: length, lags: lags)
        lying.add(values, rows: rows, rowStride: length, stride: 1)
        let transposed = (0..<rows * length).map { values[$0 % rows * length + $0 / rows] }
        let standing = AutocorrelationSum(length: length, lags: lags)
        standing.add(transposed, rows: rows, rowStride: 1, stride: rows)
        for (lag, want) in expected.enumerated() {
            #expect(abs(lying.sums[lag] - want) <= 1e-6 * expected[0], "lag \(lag)")
            #expect(abs(standing.sums[lag] - want) <= 1e-6 * expected[0], "lag \(lag)")
        }
    }

    @Test func addsUp() {
        let rows: [[Float]] = [[1, 2, 3], [4, 5, 6], [-1, 0, 1], [2, -2, 2]]
        let sum = AutocorrelationSum(length: 3, lags: 3)
        sum.add(rows[0] + rows[1] + rows[2], rows: 3, rowStride: 3, stride: 1)
        sum.add(rows[3], rows: 1, rowStride: 3, stride: 1)
        for (found, want) in zip(sum.sums, direct(rows, lags: 3)) { #expect(abs(found - want) < 1e-5) }
    }

    @Test func rootsAreTheStandardLibrarys() {
        var noise = Noise(seed: 5)
        var values =
            (0..<1003).map { _ in abs(noise.next()) * 1e6 } + [
                0, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
            ]
        let expected = values.map { $0.squareRoot() }
        values.withUnsafeMutableBufferPointer { FeatureMath.squareRoots($0) }
        #expect(values == expected)
    }
}
