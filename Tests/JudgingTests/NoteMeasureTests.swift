import Testing

@testable import Judging
@testable import Statistics

/// Small cases against the plainest possible computation.
@Suite struct NoteMeasureTests {
    /// As many pairs as possible, by trying all.
    private func most(_ first: ArraySlice<Double>, _ second: [Double], _ match: (Double, Double) -> Bool)
        -> Int
    {
        guard let head = first.first else { return 0 }
        var best = most(first.dropFirst(), second, match)
        for index in second.indices where match(head, second[index]) {
            var rest = second
            rest.remove(at: index)
            best = max(best, 1 + most(first.dropFirst(), rest, match))
        }
        return best
    }

    @Test func pairsAreAsManyAsPossible() {
        var random = SplitMix64(seed: 1)
        var sum = 0
        for _ in 0..<400 {
            let first = (0..<6).map { _ in Double(random.index(below: 30)) }.sorted()
            let second = (0..<7).map { _ in Double(random.index(below: 30)) }.sorted()
            let match = { (a: Double, b: Double) in abs(a - b) <= 3 }
            let count = NoteMatching.pairCount(first, second, match)
            #expect(count == most(first[...], second, match), "\(first) \(second)")
            sum += count
        }
        #expect(sum > 1000)
    }

    @Test func denseProfilesCountEveryPair() throws {
        var random = SplitMix64(seed: 2)
        // Many notes at one onset, on the edges of bins and just beside them, and intervals beyond the histogram.
        let notes = (0..<300).map { _ -> NotePiece.Note in
            let onset = Double(random.index(below: 40)) / 6 + (random.index(below: 3) == 0 ? 1e-3 : 0)
            return NotePiece.Note(onset: onset, offset: onset + 1, pitch: UInt8(random.index(below: 128)))
        }
        let profile = try #require(StyleProfile([NotePiece(notes: notes)], kind: .intervals2))
        var counts = [Double](repeating: 0, count: 41 * 12)
        for (i, first) in notes.enumerated() {
            for (j, second) in notes.enumerated() where i != j {
                let bin = Int(((second.onset - first.onset) * 6 + 1e-6).rounded(.down))
                let interval = Int(second.pitch) - Int(first.pitch)
                if (0..<12).contains(bin), abs(interval) <= 20 { counts[(interval + 20) * 12 + bin] += 1 }
            }
        }
        let total = counts.reduce(0, +)
        #expect(total > 5000)
        #expect(profile.values == counts.map { $0 / total })
    }

    @Test func changesOfDistanceArePowersOfTwo() {
        for before in 1...120 {
            for after in 1...120 {
                let power = min(max((Double(after) / Double(before)).exponentNearest, -3), 3)
                #expect(
                    PassageIndex.change(from: before, to: after) == UInt64(10 + power), "\(before) \(after)")
            }
        }
        let zeros = [(0, 0), (0, 5), (5, 0), (5, 5)].map { PassageIndex.change(from: $0.0, to: $0.1) }
        #expect(Set(zeros).count == 4)
    }

    @Test func longPiecesAlignOnCoarserColumns() throws {
        // 2,100 beats have over 4 million cells; columns of 2 beats have a quarter.
        let notes = (0..<2100).map { beat in
            let pitch = 40 + beat / 16 % 40
            return NotePiece.Note(onset: Double(beat), offset: Double(beat + 1), pitch: UInt8(pitch))
        }
        let piece = NotePiece(notes: notes)
        let alignment = try #require(ChromaSimilarity.twoBeats.aligned(piece, piece))
        #expect(alignment.beatsPerColumn == 2)
        #expect(abs(alignment.similarity - 1) < 1e-12 && abs(alignment.path.cost) < 1e-9)
        #expect(alignment.path.pairs.allSatisfy { $0.first == $0.second })
    }

    @Test func alignmentFollowsAStretch() throws {
        func piece(_ beats: Double) -> NotePiece {
            NotePiece(
                notes: [0, 4, 7, 2, 9, 5].enumerated().map { index, pitch in
                    NotePiece.Note(
                        onset: Double(index) * beats, offset: Double(index + 1) * beats,
                        pitch: UInt8(60 + pitch))
                })
        }
        let (short, long) = (piece(4), piece(8))
        let plain = try #require(ChromaSimilarity.twoBeats.similarity(short, long))
        let aligned = try #require(ChromaSimilarity.twoBeats.aligned(short, long))
        #expect(plain < 0.4 && aligned.similarity > 0.95, "\(plain) \(aligned.similarity)")
    }
}

extension Double {
    /// k for which 2^k is nearest in ratio.
    fileprivate var exponentNearest: Int {
        var power = -8
        while self > Double(sign: .plus, exponent: power, significand: 2.0.squareRoot()) { power += 1 }
        return power
    }
}
