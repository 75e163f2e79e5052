import Foundation
import Symbolic
import Tensors
import Testing

@testable import Dataset
@testable import Loading

struct LoaderViewTests {
    let fixture: LoaderFixture
    private let steps = 32
    private let pitches: ClosedRange<UInt8> = 20...110

    init() throws { fixture = try LoaderFixture.shared.get() }

    /// All segments of a plan in the snapshot's order, one a batch, with their shards' rows.
    private func forEachSegment(
        _ views: [LoaderView], window: LoaderPlan.Window? = nil,
        augmentation: LoaderPlan.Augmentation = .init(),
        _ body: (LoaderBatch, Shard, _ index: Int, _ start: Int) throws -> Void
    ) throws {
        let plan = LoaderPlan(
            kind: .midi,
            views: views + [
                LoaderView("number", .segment(.number)), LoaderView("start", .segment(.start)),
                LoaderView("length", .segment(.length)),
            ], batchSize: 1, isShuffled: false, window: window, augmentation: augmentation, epochs: 1)
        let loader = try Loader(fixture.reader, plan)
        let shards = try fixture.shards(.midi)
        while let batch = try loader.next() {
            let number = Int(batch.tensor("number", as: Int64.self).elements[0])
            let (first, shard) = try #require(shards.last { $0.first <= number })
            let segment = try shard.segment(number - first)
            let start = Int(batch.tensor("start", as: Int64.self).elements[0]) - segment.start
            let length = batch.tensor("length", as: Int64.self).elements[0]
            #expect(Int(length) == min(window?.steps ?? steps, segment.length - start))
            try body(batch, shard, number - first, start)
        }
    }

    /// The rows of a segment one by one.
    private func rows(_ shard: Shard, _ index: Int) throws -> [RollSegment.Row] {
        try shard.withRows(of: index) { rows in
            rows.start.indices.map { row in
                RollSegment.Row(
                    start: Int(rows.start[row]), length: Int(rows.length[row]), pitch: rows.pitch[row],
                    velocity: rows.velocity[row], program: rows.program[row], voice: rows.flags[row],
                    isOnset: rows.flags[row] & RollFlags.onset != 0)
            }
        }
    }

    @Test func rollsAreTheDenseRolls() throws {
        var cells = 0
        let kinds: [(name: String, kind: RollView.Kind)] = [
            ("piano", .piano), ("velocity", .velocity), ("onset", .onset),
        ]
        try forEachSegment(
            kinds.flatMap { kind in
                [
                    LoaderView.roll(kind.name, kind.kind, as: .u8), .roll("\(kind.name) f32", kind.kind),
                    .roll("\(kind.name) part", kind.kind, pitches: 50...60),
                ]
            } + [LoaderView("instrument", .instrument(.u8)), LoaderView("instrument f32", .instrument(.f32))]
        ) { batch, shard, index, _ in
            func dense(_ name: String, _ pitches: ClosedRange<UInt8>) throws -> [UInt8] {
                let width = name == "instrument" ? 17 : pitches.count
                var roll = [UInt8](repeating: 99, count: steps * width)
                try roll.withUnsafeMutableBufferPointer { roll in
                    try shard.withRows(of: index) { rows in
                        switch name {
                        case "piano": DenseRolls.piano(rows, steps: steps, pitches: pitches, into: roll)
                        case "velocity": DenseRolls.velocity(rows, steps: steps, pitches: pitches, into: roll)
                        case "onset": DenseRolls.onset(rows, steps: steps, pitches: pitches, into: roll)
                        default: DenseRolls.instrument(rows, steps: steps, pitches: pitches, into: roll)
                        }
                    }
                }
                return roll
            }
            for name in kinds.map(\.name) + ["instrument"] {
                let expected = try dense(name, pitches)
                cells += expected.count { $0 != 0 }
                #expect(batch.tensor(name, as: UInt8.self).elements == expected)
                #expect(batch.tensor("\(name) f32", as: Float.self).elements == expected.map { Float($0) })
            }
            for name in kinds.map(\.name) {
                let part = try dense(name, 50...60).map { Float($0) }
                #expect(batch.tensor("\(name) part", as: Float.self).elements == part)
            }
            #expect(
                batch.shape(of: "piano part") == [1, 32, 11] && batch.shape(of: "instrument") == [1, 32, 17])
        }
        #expect(cells > 10_000)
    }

    /// Each view of windows, moved and stretched, against a roll that is painted note by note from its meaning.
    @Test(
        arguments: [(0, 1.0), (5, 1), (-40, 1), (0, 2), (2, 0.5), (0, 1.3)],
        [nil, LoaderPlan.Window(steps: 12, hop: 5)])
    func changedWindowsMeanTheSame(_ change: (semitones: Int, stretch: Double), _ window: LoaderPlan.Window?)
        throws
    {
        let length = window?.steps ?? steps
        let kinds: [RollView.Kind] = [.piano, .velocity, .onset, .onsetVelocity, .offset]
        var cells = 0
        try forEachSegment(
            kinds.enumerated().map { .roll("\($0)", $1, as: .u8) }, window: window,
            augmentation: .init(
                transposition: change.semitones...change.semitones, stretch: change.stretch...change.stretch)
        ) { batch, shard, index, start in
            var expected = [[UInt8]](
                repeating: [UInt8](repeating: 0, count: length * pitches.count), count: kinds.count)
            for row in try rows(shard, index) where row.program != 128 && row.start + row.length > start {
                let pitch = Int(row.pitch) + change.semitones
                guard (20...110).contains(pitch) else { continue }
                func scaled(_ step: Int) -> Int {
                    Int((Double(max(step - start, 0)) * change.stretch).rounded(.toNearestOrAwayFromZero))
                }
                let first = scaled(row.start)
                let end = max(first + 1, scaled(row.start + row.length))
                func mark(_ kind: Int, _ step: Int, _ value: UInt8) {
                    guard step < length else { return }
                    let cell = step * pitches.count + pitch - 20
                    expected[kind][cell] = max(expected[kind][cell], value)
                    cells += 1
                }
                for step in first..<end {
                    mark(0, step, 1)
                    mark(1, step, row.velocity)
                }
                if row.isOnset, row.start >= start {
                    mark(2, first, 1)
                    mark(3, first, row.velocity)
                }
                // `voice` holds the flags here.
                if row.voice & RollFlags.ends != 0 { mark(4, end - 1, 1) }
            }
            for kind in kinds.indices {
                #expect(batch.tensor("\(kind)", as: UInt8.self).elements == expected[kind], "\(kinds[kind])")
            }
        }
        #expect(cells > 1_000)
    }

    @Test func scaleAndPedals() throws {
        var presses = 0
        try forEachSegment([
            .roll("velocity", .velocity, as: .u8), .roll("scaled", .velocity, scale: 0.5),
            .roll("states", .piano, pitches: 32...88, pedals: [.sustain, .soft]),
            .roll("presses", .onset, pitches: 32...88, pedals: [.sustain, .soft], pedalCells: .presses),
            .roll("zeros", .onset, pitches: 32...88, pedals: [.sustain, .soft], pedalCells: .zeros),
            LoaderView("pedal", .pedal(.f32)), LoaderView("tempo", .tempo),
        ]) { batch, shard, index, _ in
            let velocity = batch.tensor("velocity", as: UInt8.self).elements
            #expect(batch.tensor("scaled", as: Float.self).elements == velocity.map { Float($0) * 0.5 })
            let pedal = Array(
                try shard.file.tensor("pedal", as: UInt8.self).elements[index * 96..<(index + 1) * 96])
            #expect(batch.tensor("pedal", as: Float.self).elements == pedal.map { Float($0) })
            let tempo = try shard.file.tensor("tempo", as: Float.self).elements
            #expect(
                batch.tensor("tempo", as: Float.self).elements == Array(tempo[index * 32..<(index + 1) * 32]))
            #expect(batch.shape(of: "states") == [1, 32, 59])
            let views = ["states", "presses", "zeros"].map { batch.tensor($0, as: Float.self).elements }
            for step in 0..<32 {
                for (column, place) in [0, 2].enumerated() {
                    let isDown = pedal[step * 3 + place] != 0
                    let wasDown = step > 0 && pedal[step * 3 - 3 + place] != 0
                    let cell = step * 59 + 57 + column
                    #expect(views[0][cell] == (isDown ? 1 : 0))
                    #expect(views[1][cell] == (isDown && !wasDown ? 1 : 0))
                    #expect(views[2][cell] == 0)
                    presses += isDown && !wasDown ? 1 : 0
                }
            }
        }
        #expect(presses > 10)
    }

    /// Every step that isn't padding is shown by windows without overlap, and none shows padding alone.
    @Test func windowsDivideSegments() throws {
        var shown = 0
        var windows = 0
        try forEachSegment([], window: .init(steps: 8)) { batch, shard, index, start in
            shown += Int(batch.tensor("length", as: Int64.self).elements[0])
            let length = try shard.segment(index).length
            #expect(start < length)
            windows += 1
        }
        let lengths = try fixture.shards(.midi).flatMap { shard in
            try (0..<shard.shard.count).map { try shard.shard.segment($0).length }
        }
        #expect(shown == lengths.reduce(0, +) && windows == lengths.reduce(0) { $0 + ($1 + 7) / 8 })
        #expect(lengths.contains { $0 <= 24 }, "a padded segment lacks a window")
    }

    /// Changes follow the place in the order: equal for a seed, other for another and in the next epoch.
    @Test func changesAreDrawnFromTheirPlace() throws {
        func rolls(seed: UInt64, epoch: Int = 0) throws -> [[UInt8]] {
            let plan = LoaderPlan(
                kind: .midi, views: [.roll("piano", .piano, as: .u8)], batchSize: 1, seed: seed,
                isShuffled: false, augmentation: .init(transposition: -6...6, stretch: 0.7...1.4),
                epochs: epoch + 1)
            return try Loader(fixture.reader, plan, from: LoaderState(epoch: epoch)).batches(.max).map {
                $0.bytes[0]
            }
        }
        let first = try rolls(seed: 1)
        #expect(try rolls(seed: 1) == first)
        for other in [try rolls(seed: 2), try rolls(seed: 1, epoch: 1)] {
            #expect(zip(first, other).count { $0 != $1 } > first.count * 3 / 4)
        }
    }

    // MARK: Audio

    @Test(arguments: ["float32", "float16"]) func featuresAreTheShards(_ type: String) throws {
        let fixture = type == "float32" ? self.fixture : try LoaderFixture(pieces: 4, elementType: type)
        let plan = LoaderPlan(
            kind: .audio,
            views: [
                .feature("mel"), .feature("waveform"), LoaderView("part", .feature("mel", frames: .init(4))),
                LoaderView("crop", .feature("mel", frames: .init(4, isRandom: true))),
                LoaderView("number", .segment(.number)),
            ], batchSize: 3, isShuffled: false, epochs: 1)
        let loader = try Loader(fixture.reader, plan)
        var expected: [[Float]] = [[], []]
        for (_, shard) in try fixture.shards(.audio) {
            for (feature, name) in ["mel", "waveform"].enumerated() {
                expected[feature] +=
                    type == "float16"
                    ? try shard.file.tensor(name, as: Float16.self).elements.map { Float($0) }
                    : try shard.file.tensor(name, as: Float.self).elements
            }
        }
        #expect(expected[0].contains { $0 != 0 })
        var fed: [[Float]] = [[], []]
        var starts: Set<Int> = []
        while let batch = try loader.next() {
            fed[0] += batch.tensor("mel", as: Float.self).elements
            fed[1] += batch.tensor("waveform", as: Float.self).elements
            let shape = batch.shape(of: "mel")
            #expect(shape == [batch.count, 8, 9] && batch.shape(of: "crop") == [batch.count, 8, 4])
            let mel = batch.tensor("mel", as: Float.self).elements
            let (part, crop) = (batch.tensor("part", as: Float.self), batch.tensor("crop", as: Float.self))
            func window(_ item: Int, _ start: Int) -> [Float] {
                (item * 8..<item * 8 + 8).flatMap { band in
                    let first = band * 9 + start
                    return Array(mel[first..<first + 4])
                }
            }
            for item in 0..<batch.count {
                let own = item * 32..<(item + 1) * 32
                #expect(Array(part.elements[own]) == window(item, 0))
                let start = try #require((0...5).first { window(item, $0) == Array(crop.elements[own]) })
                starts.insert(start)
            }
        }
        #expect(fed == expected)
        #expect(starts.count > 2, "crops move")
    }

    /// All 65,536 values against the standard library's conversion; a NaN stays one.
    @Test func halfFloatsAreExact() {
        let halves = (0...UInt16.max).map { $0 }
        var floats = [Float](repeating: 0, count: halves.count)
        HalfFloats.expand(halves, into: &floats, count: halves.count)
        for half in halves {
            let expected = Float(Float16(bitPattern: half))
            let value = floats[Int(half)]
            #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
        }
    }
}
