import Foundation
import TestSupport
import Testing

/// A fresh folder with music, manifests and a cache, and the program run in it.
final class Workplace {
    /// What a run of the program gave.
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String

        /// The one JSON object that `--json` prints.
        func json() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        }
    }

    let folder: URL

    /// The program: `REPRISE_BINARY`, else the one that the tests' build made.
    static let binary =
        ProcessInfo.processInfo.environment["REPRISE_BINARY"]
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".build/debug/reprise").path

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("reprise-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    func write(_ path: String, _ text: String) throws {
        try write(path, Array(text.utf8))
    }

    func contents(_ path: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.appendingPathComponent(path).path).sorted()
    }

    func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appendingPathComponent(path)))
    }

    func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

    /// The whole lines of a text that may be growing, or not be there yet.
    func lines(_ path: String) -> Int {
        (try? bytes(path))?.count { $0 == UInt8(ascii: "\n") } ?? 0
    }

    /// Runs the program in the folder, without a terminal.
    func run(_ arguments: String...) throws -> Outcome {
        try run(program: Self.binary, arguments)
    }

    /// Runs a program in the folder, without a terminal.
    func run(program: String, _ arguments: [String]) throws -> Outcome {
        let process = process(program, arguments)
        // Files and not pipes: a pipe that nobody reads blocks its writer.
        let names = ["output", "errors"].map { folder.appendingPathComponent("\(UUID().uuidString).\($0)") }
        for name in names { try Data().write(to: name) }
        process.standardOutput = try FileHandle(forWritingTo: names[0])
        process.standardError = try FileHandle(forWritingTo: names[1])
        try process.run()
        process.waitUntilExit()
        let texts = try names.map { try String(contentsOf: $0, encoding: .utf8) }
        for name in names { try FileManager.default.removeItem(at: name) }
        return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// Starts the program in the folder; what it says is left aside.
    func start(_ arguments: [String]) throws -> Process {
        let process = process(Self.binary, arguments)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func process(_ program: String, _ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        var environment = ProcessInfo.processInfo.environment
        // COLUMNS and LINES would set the width of help.
        for name in ["REPRISE_CACHE", "COLUMNS", "LINES"] { environment[name] = nil }
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// A place whose cache holds the dataset `styles` of twelve small MIDI files.
    static func withStyles() throws -> Workplace {
        let place = try Workplace()
        try place.addMusic()
        let built = try place.run("build", "styles.yaml")
        try #require(built.status == 0, "\(built.errors)")
        return place
    }

    /// Twelve small MIDI files in two styles, and a manifest of them.
    func addMusic() throws {
        for index in 0..<12 {
            try write(
                "music/\(index % 2 == 0 ? "classical" : "jazz")/\(index).mid",
                Self.midi(pitches: (0..<40).map { UInt8(48 + ($0 * (index + 3)) % 36) }))
        }
        try write(
            "styles.yaml",
            """
            version: 1
            dataset: styles
            sources:
              - path: music/*/*.mid
                labels: {style: "{dir}"}
            midi:
              grid: {steps_per_beat: 4}
              segment: {steps: 16}
            splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact, seed: 1}
            """)
    }

    /// A file of format 0, 96 ticks a quarter, whose notes last a sixteenth each, one after the other; their velocities
    /// by their places.
    static func midi(pitches: [UInt8], velocity: (Int) -> UInt8 = { _ in 64 }) -> [UInt8] {
        MadeFile.midi(
            track: pitches.enumerated().flatMap { place, pitch in
                [0, 0x90, pitch, velocity(place), 24, 0x80, pitch, 0]
            })
    }
}
