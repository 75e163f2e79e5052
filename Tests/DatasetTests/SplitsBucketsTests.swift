import Dataset
import Files
import TestSupport
import Testing

@Suite struct SplitsBucketsTests {
    static func pieces(_ range: Range<Int>, seed: UInt64 = 1) -> [(id: Digest, byteCount: Int)] {
        var generator = SplitMix(seed: seed)
        return range.map { (Digest(of: "piece \($0)".utf8), Int.random(in: 1...100, using: &generator)) }
    }

    @Test func bucketsPartitionThePiecesInOrder() {
        for target in [1, 50, 500, 5000, 1 << 30] {
            let pieces = Self.pieces(0..<400)
            let buckets = Bucket.divide(pieces, targetBytes: target)
            #expect(buckets.flatMap(\.pieces) == pieces.map(\.id).sorted())
            #expect(buckets.reduce(0) { $0 + $1.byteCount } == pieces.reduce(0) { $0 + $1.byteCount })
            for bucket in buckets { #expect(bucket.byteCount <= target || bucket.pieces.count == 1) }
        }
        #expect(Bucket.divide([], targetBytes: 1).isEmpty)
    }

    /// A bucket is maximal: its parent prefix holds more than the target.
    @Test func noBucketIsSplitWithoutNeed() {
        let pieces = Self.pieces(0..<400)
        let sizes = Dictionary(uniqueKeysWithValues: pieces.map { ($0.id, $0.byteCount) })
        for bucket in Bucket.divide(pieces, targetBytes: 700) where bucket.depth > 0 {
            let prefix = Self.prefix(bucket.pieces[0], bucket.depth - 1)
            let parent = pieces.filter { Self.prefix($0.id, bucket.depth - 1) == prefix }
            #expect(parent.reduce(0) { $0 + (sizes[$1.id] ?? 0) } > 700)
        }
    }

    private static func prefix(_ id: Digest, _ bits: Int) -> [Bool] {
        let bytes = id.bytes
        return (0..<bits).map { bytes[$0 / 8] >> UInt8(7 - $0 % 8) & 1 == 1 }
    }

    @Test func orderAndRepeatsDoNotMatter() {
        let pieces = Self.pieces(0..<200)
        var generator = SplitMix(seed: 9)
        #expect(
            Bucket.divide(pieces.shuffled(using: &generator), targetBytes: 300)
                == Bucket.divide(pieces, targetBytes: 300))
        let halves = pieces.flatMap {
            [
                (id: $0.id, byteCount: $0.byteCount / 2),
                (id: $0.id, byteCount: $0.byteCount - $0.byteCount / 2),
            ]
        }
        #expect(Bucket.divide(halves, targetBytes: 300) == Bucket.divide(pieces, targetBytes: 300))
    }

    /// One piece more changes one bucket, or splits it; every other stays.
    @Test func onePieceMoreTouchesOneBucket() {
        var pieces = Self.pieces(0..<50)
        var splitInTwo = 0
        for next in Self.pieces(50..<350, seed: 2) {
            let before = Set(Bucket.divide(pieces, targetBytes: 1000))
            pieces.append(next)
            let after = Set(Bucket.divide(pieces, targetBytes: 1000))
            let (gone, new) = (before.subtracting(after), after.subtracting(before))
            #expect(gone.count <= 1)
            #expect(Set(new.flatMap(\.pieces)) == Set(gone.flatMap(\.pieces)).union([next.id]))
            if new.count == 2 { splitInTwo += 1 }
            // A bucket that was near the target falls in two; more parts need halves very unlike in size.
            #expect(new.count <= 3)
        }
        #expect(splitInTwo > 5)
    }
}

@Suite struct SplitsMomentsTests {
    static func moments(_ values: [[Double]]) -> Moments {
        let mean = values.map { $0.reduce(0, +) / Double($0.count) }
        let m2 = zip(values, mean).map { band, mean in band.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } }
        return Moments(count: values[0].count, mean: mean, m2: m2)
    }

    static func values(_ count: Int, _ generator: inout SplitMix) -> [[Double]] {
        (0..<3).map { band in
            (0..<count).map { _ in Double.random(in: -1...1, using: &generator) * 10 + Double(band) * 1000 }
        }
    }

    @Test func mergedMomentsAreThoseOfAll() throws {
        var generator = SplitMix(seed: 4)
        let parts = (1...37).map { Self.values($0, &generator) }
        let all = (0..<3).map { band in parts.flatMap { $0[band] } }
        let merged = try #require(
            Moments.merge(
                parts.enumerated().map { (Digest(of: "\($0.offset)".utf8), Self.moments($0.element)) }))
        let expected = Self.moments(all)
        #expect(merged.count == expected.count)
        for band in 0..<3 {
            // A few hundred roundings of numbers up to 2000 (means) and 3e4 (sums).
            #expect((merged.mean[band] - expected.mean[band]).magnitude < 1e-10)
            #expect((merged.m2[band] - expected.m2[band]).magnitude < 1e-7)
        }
        let pooled = Self.moments([all.flatMap { $0 }])
        #expect(merged.pooled.count == pooled.count)
        #expect((merged.pooled.sigma[0] - pooled.sigma[0]).magnitude < 1e-9)
    }

    @Test func mergeDependsOnTheSetAlone() {
        var generator = SplitMix(seed: 6)
        let parts = (0..<53).map {
            (id: Digest(of: "\($0)".utf8), moments: Self.moments(Self.values($0 + 1, &generator)))
        }
        let merged = Moments.merge(parts)
        for _ in 0..<10 { #expect(Moments.merge(parts.shuffled(using: &generator)) == merged) }
        #expect(Moments.merge([]) == nil)
    }

    @Test func nothingChangesNothing() {
        let none = Moments(count: 0, mean: [0], m2: [0])
        let some = Moments(count: 2, mean: [3], m2: [8])
        #expect(none.merged(with: some) == some)
        #expect(some.merged(with: none) == some)
        #expect(none.sigma == [0])
        #expect(some.sigma == [2])
    }

    @Test func sigmaIsRoundedToTheNearestStep() {
        for exponent in [-300, -1, 0, 7, 300] {
            #expect(
                Moments.rounded(Double(sign: .plus, exponent: exponent, significand: 1))
                    == Double(sign: .plus, exponent: exponent, significand: 1))
        }
        #expect(Moments.rounded(0) == 0)
        #expect(Moments.rounded(2.0.squareRoot()) == 2.0.squareRoot())
        var generator = SplitMix(seed: 8)
        for _ in 0..<1000 {
            let sigma = Double.random(in: 1e-6...1e6, using: &generator)
            let rounded = Moments.rounded(sigma)
            #expect(Moments.rounded(rounded) == rounded)
            // Half a step is 2^(1/128).
            #expect(max(rounded / sigma, sigma / rounded) <= 1.005430)
        }
        // 2^(3/128) lies between 2^(1/64) and 2^(2/64).
        #expect(Moments.rounded(1.01637) == Moments.rounded(1.0109))
        #expect(Moments.rounded(1.01639) == Moments.rounded(1.0219))
    }
}
