import Testing

@testable import Files
@testable import Insight

struct DistributionTests {
    @Test func momentsAndQuantiles() {
        var spread = Distribution()
        for value in [4.0, 1, 3, 2] { spread.add(value) }
        spread.add(nil)
        spread.add(.nan)
        #expect(spread.count == 4)
        #expect(spread.mean == 2.5)
        #expect(abs(spread.deviation - 1.25.squareRoot()) < 1e-15)
        // numpy.quantile([1, 2, 3, 4], [0, 0.25, 0.5, 1])
        #expect(spread.quantiles([0, 0.25, 0.5, 1]) == [1, 1.75, 2.5, 4])
        #expect(Distribution().json == .null)
    }

    @Test func histogramHoldsEveryValue() throws {
        var spread = Distribution()
        for value in 0...100 { spread.add(Double(value)) }
        let histogram = try #require(spread.histogram(bins: 10))
        #expect(histogram.counts.reduce(0, +) == 101)
        #expect(histogram.counts.last == 11)
        #expect(histogram.edges.first == 0 && histogram.edges.last == 100)
    }

    @Test func entropyOfEqualPartsIsTheirLogarithm() {
        #expect(entropy([5, 5, 5, 5]) == 2)
        #expect(entropy([0, 9, 0]) == 0)
        #expect(entropy([0, 0]) == nil)
    }
}
