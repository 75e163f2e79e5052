import Dataset
import Foundation
import Symbolic
import TestSupport
import Testing
import Torch
import Training

@testable import Systems

/// The system of docs/tutorials/add-a-system.md.
struct AddASystemTests {
    /// Two styles of the same notes; the higher ones are struck harder by 10 in one of them.
    private static func piece(_ style: String, seed: Int) -> [UInt8] {
        var random = SplitMix(seed: UInt64(seed))
        return MadeFile.midi(
            events: (0..<64).flatMap { step -> [(tick: Int, bytes: [UInt8])] in
                let pitch = UInt8(60 + random.next() % 12)
                let velocity: UInt8 = style == "soft" ? 40 : pitch < 66 ? 80 : 90
                return [(step * 24, [0x90, pitch, velocity]), (step * 24 + 20, [0x80, pitch, 0])]
            })
    }

    private static func dataset() throws -> TestFolder {
        let folder = try TestFolder()
        for style in ["soft", "loud"] {
            for number in 0..<9 {
                try Data(piece(style, seed: number))
                    .write(to: URL(fileURLWithPath: "\(folder.path)/\(style)-\(number).mid"))
            }
        }
        try folder.write(
            "touch.yaml",
            """
            version: 1
            dataset: styles
            sources:
              - path: "soft-*.mid"
                labels: {style: soft}
              - path: "loud-*.mid"
                labels: {style: loud}
            midi: {grid: {steps_per_beat: 4}, segment: {steps: 64}}
            splits: {train: 0.34, validation: 0.33, test: 0.33, method: exact, stratify: style}
            """)
        _ = try DatasetBuild(manifestPath: folder.path + "/touch.yaml").run(
            .init(cachePath: folder.path + "/cache", jobs: 1))
        return folder
    }

    @Test func itTrainsIsMeasuredAndTransfers() async throws {
        let folder = try Self.dataset()
        let cache = folder.path + "/cache"
        try await onTorch {
            let trainer = Trainer(recipes: [.touch], cachePath: cache)
            let run = try trainer.train(
                TrainingRequest(
                    recipe: "touch", dataset: "styles", assignments: ["epochs=60", "rate=0.01"], threads: 1)
            ).run
            let evaluation = try trainer.evaluate(run)
            func error(_ measures: [Measure]?) throws -> Double {
                try #require(measures?.first { $0.name == "mse_onsets" }).value
            }
            // Soft notes have no variance and loud ones 25 at most: the mean of a style misses 5 of half the notes.
            let baseline = try error(evaluation.baselines["mean of the style"])
            #expect(baseline > 10 && baseline < 13)
            #expect(try error(evaluation.metrics) < baseline / 2)

            let content = Self.piece("soft", seed: 40)
            let result = try trainer.transfer(by: run) {
                TransferRequest(content: content, path: "soft.mid", style: "loud", settings: $0)
            }
            let notes = try Score(midi: result.bytes).timelines[0].notes
            let before = try Score(midi: content).timelines[0].notes
            #expect(notes.map(\.pitch) == before.map(\.pitch) && notes.map(\.onset) == before.map(\.onset))
            for note in notes {
                #expect(abs(Int(note.velocity) - (note.pitch < 66 ? 80 : 90)) <= 9)
            }
        }
    }

    /// The page shows the file that these tests compile.
    @Test func thePageShowsThisCode() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let code = try String(contentsOf: here.appendingPathComponent("Touch.swift"), encoding: .utf8)
        let page = try String(
            contentsOf: here.appendingPathComponent("../../../docs/tutorials/add-a-system.md"),
            encoding: .utf8)
        let blocks = page.components(separatedBy: "```swift title=Sources/Systems/Touch.swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        #expect(blocks.joined(separator: "\n") == code.replacing("\n@testable import Systems\n", with: ""))
    }
}
