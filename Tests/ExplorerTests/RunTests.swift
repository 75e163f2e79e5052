import Files
import Foundation
import Loading
import Testing

@testable import Explorer

/// Runs as the page gets them: state, settings, times of steps, evaluations.
@Suite(.serialized)
struct RunTests {
    let exhibition: Exhibition

    init() throws { exhibition = try Exhibition(splits: "") }

    private func folder(_ name: String) throws -> URL {
        let folder = exhibition.folder.appendingPathComponent("cache/runs/\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private func write(_ name: String, result: JSONValue, steps: Int) throws -> URL {
        let folder = try folder(name)
        let run: JSONValue = [
            "recipe": "r", "dataset": "shown", "snapshot": JSONValue(exhibition.reader.digest), "seed": 3,
            "parameters": ["rate": 0.5], "result": result,
        ]
        try Data(run.canonicalBytes).write(to: folder.appendingPathComponent("run.json"))
        let lines = (1...steps).map {
            #"{"step":\#($0),"epoch":1,"split":"train","loss":\#(Double($0) / 2)}"#
        }
        try Data((lines.joined(separator: "\n") + "\n{\"step\":9").utf8).write(
            to: folder.appendingPathComponent("metrics.jsonl"))
        try Data().write(to: folder.appendingPathComponent("lock"))
        return folder
    }

    /// A record of TensorBoard: length, checksum, message, checksum; checksums are not read.
    private static func record(_ message: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt64(message.count).littleEndian) { Array($0) } + [1, 2, 3, 4] + message + [
            5, 6, 7, 8,
        ]
    }

    private static func event(_ time: Double, _ step: [UInt8]) -> [UInt8] {
        record(
            [0x09] + withUnsafeBytes(of: time.bitPattern.littleEndian) { Array($0) } + [0x10] + step + [
                0x2A, 0,
            ])
    }

    @Test func aRunIsRunningFinishedStoppedOrFailed() async throws {
        _ = try write("r-1", result: ["steps": 4, "epochs": 1, "over": true], steps: 4)
        _ = try write("r-2", result: ["steps": 4, "epochs": 1, "over": false], steps: 4)
        _ = try write("r-3", result: ["steps": 2, "epochs": 1, "over": false], steps: 4)
        _ = try write("r-4", result: .null, steps: 1)
        let lock = open(try write("r-5", result: .null, steps: 2).path + "/lock", O_RDWR)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        let runs = try await exhibition.ask("/api/runs")["runs"]?.array ?? []
        #expect(runs.map { $0["state"]?.string } == ["finished", "stopped", "failed", "failed", "running"])
        #expect(runs[0]["seed"] == 3 && runs[0]["parameters"] == ["rate": 0.5])
        let updated = try #require(runs[0]["updated"]?.double)
        #expect(abs(updated - Date().timeIntervalSince1970) < 600)
    }

    @Test func stepsHaveTheTimesOfTheirEvents() async throws {
        let folder = try write("r-1", result: .null, steps: 300)
        // The version's event has no step; step 128 is a varint of two bytes; the last record is torn.
        var bytes = Self.record([0x09] + [UInt8](repeating: 0, count: 8) + [0x1A, 0])
        for step in 1...300 {
            let varint = step < 128 ? [UInt8(step)] : [UInt8(step & 127 | 128), UInt8(step >> 7)]
            bytes += Self.event(1000 + Double(step) * 1.5, varint)
        }
        bytes += Self.event(1, [1]).dropLast(3)
        try Data(bytes).write(to: folder.appendingPathComponent("events.out.tfevents.0.reprise"))
        let curve = try #require(
            try await exhibition.ask("/api/run", [("name", "r-1")])["curves"]?.array?.first)
        #expect(curve["steps"]?.array?.map(\.integer) == (1...300).map { $0 })
        #expect(curve["values"]?.array?.map(\.double) == (1...300).map { Double($0) / 2 })
        #expect(curve["seconds"]?.array?.map(\.double) == (0..<300).map { Double($0) * 1.5 })
        // Without the file, or with nonsense in it, there are no times.
        try Data([UInt8](repeating: 255, count: 64)).write(
            to: folder.appendingPathComponent("events.out.tfevents.0.reprise"))
        let bare = try await exhibition.ask("/api/run", [("name", "r-1")])["curves"]?.array?.first
        #expect(bare?["seconds"] == [])
    }

    @Test func evaluationsComeWithWhetherTheyAreCurrent() async throws {
        let folder = try write("r-1", result: .null, steps: 1)
        let weights = Array("weights".utf8)
        try Data(weights).write(to: folder.appendingPathComponent("best.safetensors"))
        let evaluation: JSONValue = [
            "run": "r-1", "split": "test", "weights": JSONValue(Digest(of: weights)), "metrics": ["f1": 0.5],
            "baselines": ["constant": ["f1": 0.25]], "evaluated": 7,
        ]
        try Data(evaluation.canonicalBytes).write(to: folder.appendingPathComponent("evaluation.test.json"))
        let found = try await exhibition.ask("/api/evaluations", [("name", "r-1")])["evaluations"]
        #expect(found == [["is_current": true, "evaluation": evaluation]])
        try Data("other".utf8).write(to: folder.appendingPathComponent("best.safetensors"))
        let old = try await exhibition.ask("/api/evaluations", [("name", "r-1")])["evaluations"]
        #expect(old?.array?.first?["is_current"] == false)
        for name in ["../r-1", ".", "", "r-2"] {
            #expect(
                try await exhibition.ask("/api/evaluations", [("name", name)])["error"]?.string
                    == "no such run")
        }
    }
}
