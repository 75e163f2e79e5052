import Foundation
import TestSupport
import Testing

/// `reprise sweep`, where libtorch is.
@Suite(.enabled(if: trainerIsBuilt, "LIBTORCH names no libtorch, or reprise-train is not built"))
struct SweepTests {
    private let place: Workplace
    private static let train = ["--set", "network=published", "--set", "batch=8", "--set", "epochs=1"]

    /// Two styles that differ in velocities, with eight pieces each in the validation and the test split, so that there are
    /// judges.
    init() throws {
        place = try Workplace()
        for index in 0..<40 {
            let isJazz = index % 2 == 1
            try place.write(
                "music/\(isJazz ? "jazz" : "classical")/\(index).mid",
                Workplace.midi(
                    pitches: (0..<40).map { UInt8(40 + ($0 * 5 + index) % 41) },
                    velocity: { UInt8((isJazz ? 80 : 40) + $0 % 4 * 5) }))
        }
        try place.write(
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
            splits: {train: 0.2, validation: 0.4, test: 0.4, method: exact, stratify: style, seed: 1}
            """)
        let built = try place.run("build", "styles.yaml")
        try #require(built.status == 0, "\(built.errors)")
    }

    private func sweep(_ system: String, _ more: [String]) throws -> Workplace.Outcome {
        try place.run(
            program: Workplace.binary,
            ["sweep", system, "--style", "jazz", "--threads", "1", "--json"] + more)
    }

    private func log(_ outcome: Workplace.Outcome) throws -> [[String: Any]] {
        try place.text(try #require(outcome.json()["log"] as? String)).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private func runs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: place.folder.appendingPathComponent("cache/runs").path
        ).sorted()
    }

    private func record(_ run: String) throws -> [String: Any] {
        let json = try place.bytes("cache/runs/\(run)/run.json")
        return try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    }

    /// Each combination converts the validation split's pieces, and no other.
    @Test func settingsOfATransferAreChosenOnTheValidationSplit() throws {
        let trained = try place.run(
            program: Workplace.binary,
            ["train", "velocity-cnn", "--dataset", "styles", "--threads", "1"] + Self.train)
        try #require(trained.status == 0, "\(trained.errors)")
        let outcome = try sweep("velocity-cnn-1", ["--set", "level=style,content"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let held = try place.run(
            "sources", "styles", "--split", "validation", "--label", "style=classical", "--json"
        ).json()
        let pieces = try #require(held["sources"] as? [[String: Any]]).compactMap { $0["path"] as? String }
        try #require(pieces.count == 8)
        let converted = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("velocity-cnn-1:level=") }
        #expect(converted.count == 2 * pieces.count)
        #expect(converted.allSatisfy { line in pieces.contains { line.hasSuffix($0) } }, "\(converted)")
        let lines = try log(outcome)
        #expect(lines[0]["split"] as? String == "validation" && lines[0]["files"] as? Int == 8)
        #expect(
            lines.compactMap { $0["settings"] as? String } == ["level=style", "level=content"])
        #expect(lines.last?["chosen"] as? String == (try outcome.json()["chosen"] as? String))
        #expect(try outcome.json()["run"] == nil && lines.allSatisfy { $0["run"] == nil })
        #expect(try runs() == ["velocity-cnn-1"])
    }

    /// A run for each combination, trained once; the chosen one converts.
    @Test func settingsOfATrainingAreChosenToo() throws {
        let words = ["--dataset", "styles", "--set", "rate=0.000000001,0.01"] + Self.train
        let first = try sweep("velocity-cnn", words)
        try #require(first.status == 0, "\(first.errors)")
        #expect(try runs() == ["velocity-cnn-1", "velocity-cnn-2"])
        let rates = try runs().map { run in
            let record = try record(run)
            #expect((record["result"] as? [String: Any])?["over"] as? Bool == true)
            #expect((record["parameters"] as? [String: Any])?["network"] as? String == "published")
            return (record["parameters"] as? [String: Any])?["rate"] as? Double
        }
        #expect(rates == [1e-9, 0.01])
        let object = try first.json()
        let lines = try log(first)
        #expect(lines.compactMap { $0["run"] as? String }.prefix(2) == ["velocity-cnn-1", "velocity-cnn-2"])
        #expect(
            lines[0]["system"] as? String == "velocity-cnn" && lines[0]["split"] as? String == "validation")
        // The rule of the table, worked out from the log.
        let points = try lines[1...2].map { line in
            let evaluation = try #require(line["evaluation"] as? [String: Any])
            let metrics = try #require(evaluation["metrics"] as? [String: Double])
            let judge = try #require(object["judge"] as? String)
            return (
                keeps: try #require(line["keeps_content"] as? Bool),
                style: try #require(metrics["probability_\(judge)"]),
                run: try #require(line["run"] as? String)
            )
        }
        // Velocities alone are changed, so both keep the content; at a rate of next to nothing little is learned.
        #expect(object["judge"] as? String == "velocity" && points.allSatisfy(\.keeps))
        #expect(points[0].style != points[1].style)
        let best = points[1].style > points[0].style ? points[1] : points[0]
        #expect(object["run"] as? String == best.run && lines.last?["run"] as? String == best.run)
        let systems = (object["comparison"] as? [String: Any])?["systems"] as? [[String: Any]]
        #expect(
            systems?[1]["name"] as? String
                == "velocity-cnn-2 (rate=0.01)")

        // Again: nothing is trained and nothing converted.
        let before = try runs().map { try place.bytes("cache/runs/\($0)/last.safetensors") }
        let second = try sweep("velocity-cnn", words)
        #expect(second.status == 0, "\(second.errors)")
        #expect(try second.json()["run"] as? String == best.run)
        #expect(second.errors.contains("velocity-cnn-1 has these settings"))
        let converted = second.errors.split(separator: "\n").filter { $0.contains(".mid") }
        #expect(converted.count == 16 && converted.allSatisfy { $0.hasSuffix("(cached)") })
        #expect(try runs() == ["velocity-cnn-1", "velocity-cnn-2"])
        #expect(try runs().map { try place.bytes("cache/runs/\($0)/last.safetensors") } == before)

        // A wider one trains what is new: another seed is another run, and one that was stopped is resumed.
        let stopped = try place.run(
            program: Workplace.binary,
            ["train", "velocity-cnn", "--dataset", "styles", "--threads", "1", "--max-steps", "1"]
                + ["--set", "rate=0.02"] + Self.train)
        #expect(stopped.status == 0, "\(stopped.errors)")
        let wider = try sweep(
            "velocity-cnn",
            ["--dataset", "styles", "--set", "rate=0.01,0.02", "--set", "seed=0,1"] + Self.train)
        #expect(wider.status == 0, "\(wider.errors)")
        #expect(wider.errors.contains("velocity-cnn-3 has these settings, and has not ended: resuming it"))
        #expect(try runs() == (1...5).map { "velocity-cnn-\($0)" })
        #expect((try record("velocity-cnn-3")["result"] as? [String: Any])?["over"] as? Bool == true)

        let text = try place.run(
            program: Workplace.binary, ["sweep", "velocity-cnn", "--style", "jazz", "--threads", "1"] + words)
        #expect(text.output.contains("reprise transfer \(best.run) --style jazz --content FILE --out FILE"))
        let use = try place.run(
            "transfer", best.run, "--style", "jazz", "--content", "music/classical/0.mid", "--out", "out.mid")
        #expect(use.status == 0, "\(use.errors)")
    }

    /// Before anything is trained.
    @Test(arguments: [
        ("velocity-cnn", ["--set", "rate=0.5,loud"], "rate is 'loud'"),
        ("velocity-cnn", ["--set", "speed=1,2"], "no parameter 'speed'"),
        ("velocity-cnn", ["--set", "preset=cpu,nothing"], "no preset 'nothing'"),
        ("genre-cnn", ["--set", "rate=0.5,1"], "does not convert files"),
    ])
    func whatCannotBeTrainedIsRefused(_ system: String, _ settings: [String], _ words: String) throws {
        let outcome = try sweep(system, ["--dataset", "styles"] + settings)
        #expect(outcome.status == 64 && outcome.errors.contains(words), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.folder.path + "/cache/runs"))
    }
}
