import Dataset
import Files
import Foundation
import Loading
import TestSupport

@testable import Explorer

/// A fresh folder with a dataset of notes and of sound, and an explorer of it.
final class Exhibition: Sendable {
    let folder: URL
    let explorer: DatasetExplorer
    let reader: DatasetReader

    private static let shared = Result { try Exhibition(splits: "") }

    /// One that is built once for all tests; they only look.
    static func open() throws -> Exhibition { try shared.get() }

    var cache: String { folder.appendingPathComponent("cache").path }

    /// Builds some twenty sources; small shards, so that there are several.
    ///
    /// Two more have problems: a copy and silence.
    init(
        splits: String, labels: String = #"labels: {style: "{dir}"}"#, hasProblems: Bool = false
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "explorer-\(UUID().uuidString)")
        let music = folder.appendingPathComponent("music")
        for style in ["slow", "fast"] {
            try FileManager.default.createDirectory(
                at: music.appendingPathComponent(style), withIntermediateDirectories: true)
        }
        for number in 0..<16 {
            let style = number % 2 == 0 ? "slow" : "fast"
            try Data(Self.midi(seed: number)).write(
                to: music.appendingPathComponent("\(style)/\(number).mid"))
        }
        for number in 0..<4 {
            let samples = (0..<20_000 + number * 4000).map {
                sin(Double($0) * 0.05 * Double(number + 1)) * 0.5
            }
            try Data(Self.wav(samples)).write(to: music.appendingPathComponent("slow/tone\(number).wav"))
        }
        if hasProblems {
            try Data(Self.midi(seed: 3)).write(to: music.appendingPathComponent("slow/copy of 3.mid"))
            try Data(Self.wav([Double](repeating: 0, count: 20_000))).write(
                to: music.appendingPathComponent("fast/silence.wav"))
        }
        let manifest = """
            version: 1
            dataset: shown
            sources:
              - path: music/*/*.*
                \(labels)
            midi:
              segment: {steps: 32, hop: 16}
            audio:
              sample_rate: 8000
              segment: {samples: 8192}
              features: {mel: {bands: 16, fmax: 4000}, waveform: {}}
            shards: {target_bytes: 64KiB}
            \(splits)
            """
        let file = folder.appendingPathComponent("m.yaml")
        try Data(manifest.utf8).write(to: file)
        let cache = folder.appendingPathComponent("cache").path
        _ = try DatasetBuild(manifestPath: file.path).run(.init(cachePath: cache, jobs: 1))
        reader = try DatasetReader("shown", cachePath: cache)
        explorer = try DatasetExplorer(dataset: "shown", cachePath: cache)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The JSON that a path and a query are answered with.
    func ask(_ path: String, _ query: [(String, String)] = []) async throws -> JSONValue {
        let response = await explorer.answer(ExplorerRequest(path: path, query: query))
        guard case .bytes(let bytes) = response.body else { return .null }
        return try JSONValue(parsing: bytes)
    }

    /// Every file below the folder with its bytes.
    var files: [String: Data] {
        var files: [String: Data] = [:]
        for case let path as String in FileManager.default.enumerator(atPath: folder.path) ?? .init() {
            files[path] = try? Data(contentsOf: folder.appendingPathComponent(path))
        }
        return files
    }

    static func midi(seed: Int) -> [UInt8] {
        var track: [UInt8] = []
        for index in 0..<40 + seed * 7 {
            let pitch = UInt8(40 + (index * (seed + 3) + index / 5) % 40)
            track += [0, 0x90, pitch, UInt8(40 + index % 60), 24, 0x80, pitch, 0]
        }
        return MadeFile.midi(track: track)
    }

    static func wav(_ samples: [Double]) -> [UInt8] {
        MadeFile.wave(samples.map { Int16(($0 * 32767).rounded()) }, rate: 8000)
    }
}

/// The sine, so that tests need not import Foundation for it.
func sine(_ angle: Double) -> Double { sin(angle) }
