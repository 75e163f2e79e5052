import Files
import Foundation
import Symbolic
import Tensors
import Testing

@testable import Dataset
@testable import Loading

struct LoaderTests {
    let fixture: LoaderFixture

    init() throws { fixture = try LoaderFixture.shared.get() }

    private static let number = LoaderView("number", .segment(.number))

    /// A plan that uses all there is: shuffled pairs of styles with windows and changes, the last batch not full.
    private func plan(threads: Int = 1) -> LoaderPlan {
        LoaderPlan(
            kind: .midi,
            views: [
                .roll("piano", .piano), .roll("velocity", .velocity, as: .u8, pitches: 30...90),
                .roll("onset", .onset, as: .u8, pedals: [.sustain, .soft]),
                LoaderView("instrument", .instrument(.f32)), .label("style"), Self.number,
            ],
            sets: [.init(labels: ["style": "jazz"]), .init(labels: ["style": "classical"])], batchSize: 5,
            seed: 42, window: .init(steps: 16, hop: 8),
            augmentation: .init(transposition: -3...3, stretch: 0.8...1.25), threads: threads, buffers: 5)
    }

    // MARK: Order

    @Test func everyEpochFeedsEverySegmentOnce() throws {
        let all = try fixture.styles(.midi).keys.sorted()
        #expect(all.count > 30)
        var orders: Set<[Int]> = []
        for epoch in 0..<3 {
            let plan = LoaderPlan(kind: .midi, views: [Self.number], batchSize: 4, seed: 1, epochs: epoch + 1)
            let loader = try Loader(fixture.reader, plan, from: LoaderState(epoch: epoch))
            let numbers = try loader.numbers()
            #expect(numbers.sorted() == all)
            orders.insert(numbers)
        }
        #expect(orders.count == 3)
        let plain = LoaderPlan(kind: .midi, views: [Self.number], batchSize: 4, isShuffled: false, epochs: 1)
        #expect(try Loader(fixture.reader, plain).numbers() == all)
    }

    /// Saved at every step, as a run would, and taken up again: the continuation is the same to the last bit.
    @Test func resumesAtEveryStep() throws {
        var plan = plan()
        plan.batchSize = 23
        plan.epochs = 2
        let all = try Loader(fixture.reader, plan).batches(.max)
        #expect(all.count > 10 && all.last?.state.epoch == 1)
        for step in all.indices {
            let saved = try JSONEncoder().encode(all[step].after)
            let state = try JSONDecoder().decode(LoaderState.self, from: saved)
            let rest = try Loader(fixture.reader, plan, from: state).batches(.max)
            #expect(rest == Array(all[(step + 1)...]))
        }
    }

    @Test func resumesBetweenBatches() throws {
        let plan = LoaderPlan(kind: .midi, views: [Self.number], batchSize: 4, seed: 1, epochs: 1)
        let all = try Loader(fixture.reader, plan).numbers()
        for position in 0...all.count {
            let loader = try Loader(fixture.reader, plan, from: LoaderState(epoch: 0, position: position))
            #expect(try loader.numbers() == Array(all[position...]))
        }
    }

    @Test(arguments: [1, 2, 4]) func threadsChangeNothing(_ threads: Int) throws {
        let one = try Loader(fixture.reader, plan(threads: 0)).batches(15)
        #expect(try Loader(fixture.reader, plan(threads: threads)).batches(15) == one)
    }

    @Test func seekGoesBack() throws {
        let loader = try Loader(fixture.reader, plan(threads: 2))
        let all = try loader.batches(9)
        for step in [6, 0, 3, 3] {
            try loader.seek(all[step].state)
            #expect(loader.state == all[step].state)
            #expect(try loader.batches(2) == Array(all[step..<step + 2]))
        }
        #expect(throws: LoaderError.self) { try loader.seek(LoaderState(epoch: 0, position: 100_000)) }
        #expect(throws: LoaderError.self) { try loader.seek(LoaderState(epoch: -1)) }
    }

    @Test(arguments: [0, 2]) func batchesMayBeHeldAndGivenBackInAnyOrder(_ threads: Int) throws {
        var plan = plan(threads: threads)
        plan.buffers = 4
        let all = try Loader(fixture.reader, plan).batches(12)
        let loader = try Loader(fixture.reader, plan)
        var held: [LoaderBatch] = []
        for step in 0..<12 {
            if held.count == 3 { held.remove(at: step % 3) }
            held.append(try #require(try loader.next()))
            let batch = try #require(held.last)
            #expect(batch.withBytes(of: "piano") { Array($0) } == all[step].bytes[0])
        }
    }

    @Test func lastBatchIsKeptOrLeft() throws {
        var plan = LoaderPlan(kind: .midi, views: [Self.number], batchSize: 4, epochs: 2)
        let count = try Loader(fixture.reader, plan).epochCount
        plan.batchSize = count - 1
        let kept = try Loader(fixture.reader, plan).batches(.max)
        #expect(kept.map(\.count) == [count - 1, 1, count - 1, 1])
        plan.dropsLast = true
        let loader = try Loader(fixture.reader, plan)
        #expect(try loader.batches(.max).map(\.count) == [count - 1, count - 1])
        #expect(try loader.next() == nil)
        plan.batchSize = count + 1
        #expect(throws: LoaderError.self) { try Loader(fixture.reader, plan) }
    }

    @Test func waitingIsMeasured() throws {
        let loader = try Loader(fixture.reader, plan())
        _ = try loader.batches(4)
        let times = loader.times
        #expect(times.waited <= times.elapsed && times.elapsed > .zero)
    }

    // MARK: Sets

    @Test func pairsCoverEachItsOwnSet() throws {
        let styles = try fixture.styles(.midi)
        let sizes = ["jazz", "classical"].map { style in styles.values.count { $0 == style } }
        #expect(sizes[0] > sizes[1] && sizes[1] > 0)
        let plan = LoaderPlan(
            kind: .midi, views: [Self.number],
            sets: [.init(labels: ["style": "jazz"]), .init(labels: ["style": "classical"])], batchSize: 3,
            epochs: 3)
        let loader = try Loader(fixture.reader, plan)
        #expect(loader.setCounts == sizes && loader.epochCount == sizes[0])
        var pairs: [[Int]] = [[], []]
        while let batch = try loader.next() {
            for set in 0..<2 {
                pairs[set] += batch.tensor("number", set: set, as: Int64.self).elements.map { Int($0) }
            }
        }
        for (set, style) in ["jazz", "classical"].enumerated() {
            let own = styles.filter { $0.value == style }.keys.sorted()
            #expect(pairs[set].count == 3 * sizes[0])
            // A set's segments all come before one comes again, over the ends of epochs too.
            for start in stride(from: 0, to: pairs[set].count - own.count, by: own.count) {
                #expect(pairs[set][start..<start + own.count].sorted() == own)
            }
        }
    }

    @Test func listsOfSegmentsKeepTheirOrder() throws {
        let all = try fixture.styles(.midi).keys.sorted()
        let chosen = [all[7], all[2], all[3], all[2]]
        var plan = LoaderPlan(
            kind: .midi, views: [Self.number], sets: [.init(segments: chosen)], batchSize: 3,
            isShuffled: false, epochs: 1)
        #expect(try Loader(fixture.reader, plan).numbers() == chosen)
        plan.sets = [.init(segments: [all.count + 10_000])]
        #expect(throws: LoaderError.self) { try Loader(fixture.reader, plan) }
    }

    @Test func labelsAreTheSnapshotsAndBalance() throws {
        let styles = try fixture.styles(.midi)
        let vocabulary = try #require(fixture.reader.snapshot.vocabularies["style"])
        let plan = LoaderPlan(
            kind: .midi, views: [.label("style"), Self.number], batchSize: 4, balance: .init(label: "style"),
            epochs: 1)
        let loader = try Loader(fixture.reader, plan)
        var counts = [0, 0]
        while let batch = try loader.next() {
            let labels = batch.tensor("style", as: Int64.self).elements
            for (label, number) in zip(labels, batch.tensor("number", as: Int64.self).elements) {
                #expect(vocabulary[Int(label)] == styles[Int(number)])
                counts[Int(label)] += 1
            }
        }
        #expect(counts[0] == counts[1] && counts[0] == styles.values.count { $0 == "jazz" })
    }

    // MARK: Refusals

    @Test func refusesWhatIsNotThere() throws {
        func code(_ plan: LoaderPlan) -> String? {
            do {
                _ = try Loader(fixture.reader, plan)
                return nil
            } catch {
                return (error as? LoaderError)?.code.rawValue
            }
        }
        func plan(_ view: LoaderView, _ kind: SegmentKind = .midi) -> LoaderPlan {
            LoaderPlan(kind: kind, views: [view], batchSize: 2)
        }
        #expect(code(plan(.feature("mel"))) == "loader.not-in-shards")
        #expect(code(plan(.feature("chroma"), .audio)) == "loader.not-in-shards")
        #expect(code(plan(.roll("piano", .piano), .audio)) == "loader.not-in-shards")
        #expect(code(plan(.label("composer"))) == "loader.unknown-label")
        #expect(code(plan(.feature("mel", frames: .init(500)), .audio)) == "loader.window-too-long")
        var long = plan(Self.number)
        long.window = .init(steps: 33)
        #expect(code(long) == "loader.window-too-long")
        var blues = plan(Self.number)
        blues.sets = [.init(labels: ["style": "blues"])]
        #expect(code(blues) == "loader.unknown-label")
    }

    /// A shard that lacks bytes is found as the loader opens; one whose bytes are others, at its first use.
    @Test func damageIsFound() throws {
        let fixture = try LoaderFixture(pieces: 6)
        let plan = LoaderPlan(kind: .midi, views: [Self.number], batchSize: 2, isShuffled: false)
        let shard = try #require(fixture.reader.snapshot.shards[.train]?.last { $0.kind == .midi })
        let path =
            "\(fixture.cachePath)/objects/\(shard.object.hex.prefix(2))/\(shard.object.hex.dropFirst(2))"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        func replace(_ data: Data) throws {
            try FileManager.default.removeItem(atPath: path)
            try data.write(to: URL(fileURLWithPath: path))
        }
        func reader() throws -> DatasetReader { try DatasetReader("loader", cachePath: fixture.cachePath) }
        try replace(bytes.dropLast(1))
        #expect {
            try Loader(reader(), plan)
        } throws: {
            ($0 as? LoaderError)?.code == .truncated
        }
        var flipped = bytes
        flipped[flipped.count - 3] ^= 1
        try replace(flipped)
        let loader = try Loader(reader(), plan)
        #expect {
            while try loader.next() != nil {}
        } throws: {
            ($0 as? BuildError)?.code == .objectCorrupt
        }
        // It stays so: nothing is fed past the damage.
        #expect(throws: BuildError.self) { try loader.next() }
    }
}
