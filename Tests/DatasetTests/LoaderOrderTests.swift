import Foundation
import Testing

@testable import Dataset
@testable import Loading

struct LoaderOrderTests {
    /// Every index of a size is met once, for all small sizes, both sides of powers of two, and some large ones.
    @Test func shuffleIsABijection() {
        let sizes = Array(1...200) + [255, 256, 257, 511, 512, 513, 1_000, 4_095, 4_097, 20_011]
        for count in sizes {
            for key in [0, 1, UInt64.max] {
                let shuffle = IndexShuffle(count: count, key: Draw.mix(key &+ UInt64(count)))
                var isMet = [Bool](repeating: false, count: count)
                for index in 0..<count { isMet[shuffle[index]] = true }
                #expect(isMet.allSatisfy { $0 }, "size \(count), key \(key)")
            }
        }
    }

    /// Every index goes everywhere about equally often: χ² of each, 5 degrees of freedom, 25.7 is its 0.9999 quantile.
    @Test func shuffleIsEven() {
        let keys = 3_000
        var places = [[Int]](repeating: [Int](repeating: 0, count: 6), count: 6)
        for key in 0..<keys {
            let shuffle = IndexShuffle(count: 6, key: Draw.hash(11, UInt64(key)))
            for index in 0..<6 { places[index][shuffle[index]] += 1 }
        }
        for row in places {
            let expected = Double(keys) / 6
            let chiSquared = row.reduce(0) {
                $0 + (Double($1) - expected) * (Double($1) - expected) / expected
            }
            #expect(chiSquared < 25.7, "\(row)")
        }
    }

    /// Neighbours part: of 10,000 indices about one pair in 10,000 stays together, in each direction.
    @Test func shuffleParts() {
        let shuffle = IndexShuffle(count: 10_000, key: 5)
        let together = (0..<9_999).count { abs(shuffle[$0] - shuffle[$0 + 1]) == 1 }
        #expect(together < 12)
    }

    /// A run that is resumed by a later version must meet the same order.
    @Test func orderIsPinned() {
        let shuffle = IndexShuffle(count: 10, key: Draw.hash(1, 2, 3))
        #expect((0..<10).map { shuffle[$0] } == [4, 7, 5, 6, 9, 3, 0, 8, 1, 2])
        #expect(Draw.hash(1, 2, 3) == 13_636_942_009_313_963_156)
    }

    @Test func itemsAreRunsOfSegments() {
        var list = ItemList()
        list.append(3..<6, windows: 2)
        list.append(6..<7, windows: 2)
        list.append(7..<8, windows: 1)
        list.append(8..<9, windows: 0)
        list.append(2..<3)
        let items = (0..<list.count).map { list[$0] }
        let expected = [(3, 0), (3, 1), (4, 0), (4, 1), (5, 0), (5, 1), (6, 0), (6, 1), (7, 0), (2, 0)]
        #expect(items == expected.map { Item(segment: $0.0, window: $0.1) })
    }

    private func list(_ segments: Range<Int>) -> ItemList {
        var list = ItemList()
        list.append(segments)
        return list
    }

    @Test func eachPassCoversTheSet() {
        let order = ItemOrder([list(5..<22)], balance: nil, seed: 9, isShuffled: true)
        let passes = (0..<4).map { pass in (0..<17).map { order.item(pass * 17 + $0).segment } }
        for pass in passes { #expect(pass.sorted() == Array(5..<22)) }
        #expect(Set(passes).count == 4)
    }

    @Test(arguments: [LoaderPlan.Balance.Share.largest, .smallest], [true, false])
    func balanceGivesEqualShares(_ share: LoaderPlan.Balance.Share, _ isShuffled: Bool) {
        let order = ItemOrder([list(0..<3), list(10..<18)], balance: share, seed: 1, isShuffled: isShuffled)
        #expect(order.count == (share == .largest ? 16 : 6))
        var met: [Int: Int] = [:]
        for pass in 0..<24 {
            let segments = (0..<order.count).map { order.item(pass * order.count + $0).segment }
            #expect(segments.count { $0 < 10 } == order.count / 2)
            for segment in segments { met[segment, default: 0] += 1 }
        }
        // Over whole rounds of both groups each of a group's segments comes equally often.
        #expect(Set((0..<3).map { met[$0] }).count == 1)
        #expect(Set((10..<18).map { met[$0] }).count == 1)
    }
}
