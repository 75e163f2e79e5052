import Files
import Foundation
import Tensors
import Testing

@testable import Dataset
@testable import Loading

/// The batches of `Tests/Fixtures/Loader`, which the tests of the Python package hold its own batches against.
///
/// `cases.json` has the plans, written by hand; `cache` the datasets, by `tools/oracles/loader_fixture.py`; `batches.json`
/// what this loader gave, recorded with `REPRISE_RECORD=1`.
struct LoaderGoldenTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/Loader")

    /// Three epochs of every case are the recorded ones, byte for byte.
    @Test func batchesAreTheRecordedOnes() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let cases = try decoder.decode(
            [GoldenCase].self, from: Data(contentsOf: Self.folder.appending(path: "cases.json")))
        let found = try GoldenBatches(
            cases: cases.map { try $0.result(cachePath: Self.folder.appending(path: "cache").path) },
            paths: ["mixed", "dealt", "pairs", "scores"].reduce(into: [:]) { paths, name in
                paths[name] = try Self.paths(of: name)
            })
        let place = Self.folder.appending(path: "batches.json")
        if ProcessInfo.processInfo.environment["REPRISE_RECORD"] != nil {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            // A line per batch, so that a difference can be read.
            let text = String(decoding: try encoder.encode(found), as: UTF8.self)
                .replacingOccurrences(of: "{\"after\"", with: "\n{\"after\"")
            try Data((text + "\n").utf8).write(to: place)
            return
        }
        let recorded = try decoder.decode(GoldenBatches.self, from: Data(contentsOf: place))
        #expect(found.paths == recorded.paths)
        #expect(found.cases.map(\.name) == recorded.cases.map(\.name))
        for (own, recorded) in zip(found.cases, recorded.cases) {
            #expect(own == recorded, "\(own.name)")
        }
    }

    /// The path of each segment's source, by split.
    private static func paths(of dataset: String) throws -> [String: [String]] {
        let reader = try DatasetReader(dataset, cachePath: folder.appending(path: "cache").path)
        let table = try SegmentTable(reader)
        var paths: [String: [String]] = [:]
        for split in Split.allCases {
            paths[split.rawValue] = try (0..<reader.snapshot.segmentCount(split)).map {
                let place = try #require(table.source(of: $0, in: split))
                return reader.snapshot.sources[place.source].path
            }
        }
        return paths
    }
}

/// What is recorded.
private struct GoldenBatches: Codable, Equatable {
    let cases: [Case]
    let paths: [String: [String: [String]]]

    struct Case: Codable, Equatable {
        let name: String
        let epochCount: Int
        let batches: [Batch]
    }

    struct Batch: Codable, Equatable {
        let epoch: Int
        let position: Int
        let after: [Int]
        /// The segments' numbers, of each set.
        let numbers: [[Int64]]
        /// The shape, the element type and the SHA-256 of the bytes of each view, of each set.
        let views: [[String: String]]
    }
}

/// A plan as `cases.json` has it; names and defaults are those of the Python package's `batches`.
private struct GoldenCase: Codable {
    let name: String
    let dataset: String
    let kind: String
    let split: String?
    let batchSize: Int
    let seed: UInt64
    let shuffle: Bool?
    let dropLast: Bool?
    let windows: [Int]?
    let transpose: [Int]?
    let stretch: [Double]?
    let sets: [Chosen]?
    let balance: String?
    let share: String?
    let views: [View]

    struct Chosen: Codable {
        let labels: [String: String]?
        let segments: [Int]?
    }

    struct View: Codable {
        let name: String
        let roll: String?
        let feature: String?
        let label: String?
        let column: String?
        let dtype: String?
        let scale: Float?
        let pitches: [UInt8]?
        let pedals: [String]?
        let pedalCells: String?
        let voice: UInt8?
        let voices: Int?
        let numbers: [UInt8]?
        let frames: Int?
        let random: Bool?

        func view() throws -> LoaderView { LoaderView(name, try content()) }

        private func content() throws -> LoaderView.Content {
            if let feature {
                return .feature(
                    feature, frames: frames.map { LoaderView.FrameWindow($0, isRandom: random ?? false) })
            }
            if let label { return .label(label) }
            if let column { return try #require(Self.columns[column]) }
            let roll = try #require(roll)
            let element: ElementType = dtype == "uint8" ? .u8 : .f32
            let range = try pitches.map { try #require($0.first)...(#require($0.last)) }
            switch roll {
            case "instrument": return .instrument(element)
            case "pedal": return .pedal(element)
            case "tempo": return .tempo
            case "controls": return .controls(numbers)
            case "voice_programs": return .voicePrograms(try #require(voices))
            default: break
            }
            if let kind = Self.transcriptions[roll] { return .transcription(kind, pitches: range) }
            return .roll(
                RollView(
                    try #require(Self.kinds[roll]), as: element, scale: scale ?? 1, pitches: range,
                    pedals: try (pedals ?? []).map { try #require(Self.pedals[$0]) },
                    pedalCells: try #require(Self.pedalCells[pedalCells ?? "states"]), voice: voice))
        }

        private static let columns: [String: LoaderView.Content] = [
            "number": .segment(.number), "start": .segment(.start), "length": .segment(.length),
            "frame_steps": .frameSteps,
        ]
        private static let kinds: [String: RollView.Kind] = [
            "piano": .piano, "velocity": .velocity, "onset": .onset, "onset_velocity": .onsetVelocity,
            "offset": .offset,
        ]
        private static let transcriptions: [String: TranscriptionRoll] = [
            "active": .active, "weights": .weights, "onsets": .onsets, "offsets": .offsets,
            "onset_velocities": .onsetVelocities, "active_velocities": .activeVelocities,
        ]
        private static let pedalCells: [String: RollView.PedalCells] = [
            "states": .states, "presses": .presses, "zeros": .zeros,
        ]
        private static let pedals: [String: RollView.Pedal] = [
            "sustain": .sustain, "sostenuto": .sostenuto, "soft": .soft,
        ]
    }

    private func plan() throws -> LoaderPlan {
        var plan = LoaderPlan(
            split: try #require(Split(rawValue: split ?? "train")),
            kind: try #require(SegmentKind(rawValue: kind)),
            views: try views.map { try $0.view() }, batchSize: batchSize, seed: seed,
            isShuffled: shuffle ?? true, dropsLast: dropLast ?? false,
            balance: balance.map { .init(label: $0, share: share == "smallest" ? .smallest : .largest) },
            window: windows.map { .init(steps: $0[0], hop: $0[1]) }, epochs: 3, threads: 1, buffers: 3)
        if let sets { plan.sets = sets.map { .init(labels: $0.labels ?? [:], segments: $0.segments) } }
        if let transpose { plan.augmentation.transposition = transpose[0]...transpose[1] }
        if let stretch { plan.augmentation.stretch = stretch[0]...stretch[1] }
        return plan
    }

    /// What the loader gives.
    func result(cachePath: String) throws -> GoldenBatches.Case {
        let loader = try Loader(DatasetReader(dataset, cachePath: cachePath), plan())
        var batches: [GoldenBatches.Batch] = []
        while let batch = try loader.next() {
            let sets = loader.plan.sets.indices
            batches.append(
                GoldenBatches.Batch(
                    epoch: batch.state.epoch, position: batch.state.position,
                    after: [batch.after.epoch, batch.after.position],
                    numbers: sets.map { batch.tensor("number", set: $0, as: Int64.self).elements },
                    views: sets.map { set in
                        batch.names.reduce(into: [:]) { views, name in
                            let digest = batch.withBytes(of: name, set: set) { Digest(of: $0) }
                            views[name] =
                                "\(batch.shape(of: name)) \(batch.elementType(of: name).rawValue) \(digest.hex)"
                        }
                    }))
        }
        return GoldenBatches.Case(name: name, epochCount: loader.epochCount, batches: batches)
    }
}
