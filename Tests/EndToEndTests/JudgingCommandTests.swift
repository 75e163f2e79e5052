import Foundation
import TestSupport
import Testing

/// `reprise transfer` and `reprise evaluate` of folders, where libtorch is.
@Suite(.enabled(if: trainerIsBuilt, "LIBTORCH names no libtorch, or reprise-train is not built"))
struct JudgingCommandTests {
    private let place: Workplace

    init() throws {
        place = try Workplace.withStyles()
    }

    /// A folder of contents with a folder below it, and a file that is no music.
    private func addContents() throws {
        for (path, pitches) in [
            ("a.mid", [60, 62, 64, 65, 67, 69, 71, 72]), ("deep/b.mid", [72, 71, 69, 67, 65, 64, 62, 60]),
        ] {
            let place = place.folder.appendingPathComponent("contents/" + path)
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(Workplace.midi(pitches: pitches.map { UInt8($0) } + pitches.map { UInt8($0) })).write(
                to: place)
        }
    }

    @Test func aFolderIsConvertedAndJudged() throws {
        let trained = try place.run(
            "train", "velocity-cnn", "--dataset", "styles", "--epochs", "1", "--threads", "1", "--json")
        try #require(trained.status == 0, "\(trained.errors)")
        try addContents()
        let transfer = [
            "transfer", "velocity-cnn-1", "--content", "contents", "--style", "jazz", "--out", "out",
            "--json",
        ]
        let converted = try place.run(program: Workplace.binary, transfer)
        #expect(converted.status == 0, "\(converted.errors)")
        let results = try #require(
            try JSONSerialization.jsonObject(with: Data(converted.output.utf8)) as? [[String: Any]])
        #expect(results.map { $0["out"] as? String } == ["out/a.mid", "out/deep/b.mid"])

        let judge = [
            "evaluate", "--outputs", "out", "--contents", "contents", "--dataset", "styles", "--style",
            "jazz",
        ]
        let judged = try place.run(program: Workplace.binary, judge + ["--json"])
        #expect(judged.status == 0, "\(judged.errors)")
        let object = try judged.json()
        #expect(object["files"] as? Int == 2 && object["style"] as? String == "jazz")
        let metrics = try #require(object["metrics"] as? [String: Double])
        // Velocities alone were changed.
        #expect(metrics["note_f1"] == 1)
        let outputs = try #require(object["outputs"] as? [[String: Any]])
        #expect(outputs.map { $0["name"] as? String } == ["a.mid", "deep/b.mid"])
        let baselines = try #require(object["baselines"] as? [String: [String: Double]])
        #expect(Set(baselines.keys) == ["content", "target", "rule"])
        #expect(baselines["content"]?["note_f1"] == 1)
        // Too few pieces outside the train split for judges, and for intervals.
        let remarks = try #require(object["remarks"] as? [String])
        #expect(
            remarks.contains { $0.hasPrefix("no judges") }
                && remarks.contains { $0.hasPrefix("no intervals") })
        #expect((object["judges"] as? [Any])?.isEmpty == true)

        let text = try place.run(program: Workplace.binary, judge)
        #expect(text.output.contains("towards style jazz") && text.output.contains("chroma similarity"))
    }

    /// The others are converted, and the status says that not all were.
    @Test func whatIsNoMusicIsLeftOut() throws {
        let trained = try place.run(
            "train", "velocity-cnn", "--dataset", "styles", "--epochs", "1", "--threads", "1", "--json")
        try #require(trained.status == 0, "\(trained.errors)")
        try addContents()
        try place.write("contents/readme.txt", "no music")
        let converted = try place.run(
            "transfer", "velocity-cnn-1", "--content", "contents", "--style", "jazz", "--out", "out")
        #expect(converted.status == 3)
        #expect(converted.errors.contains("skipped readme.txt"))
        #expect(converted.output.contains("2 converted, 1 skipped"))
        #expect(try place.contents("out") == ["a.mid", "deep", "deep/b.mid"])
    }

    @Test(arguments: [
        (["evaluate"], 64, "name a run, or write --outputs"),
        (["evaluate", "--outputs", "contents"], 64, "name a run, or write --outputs"),
        (["evaluate", "some-run", "--style", "jazz"], 64, "its own dataset"),
        (
            [
                "evaluate", "--outputs", "contents", "--contents", "music", "--dataset", "styles", "--style",
                "jazz",
            ], 64, "has no content"
        ),
        (
            [
                "evaluate", "--outputs", "contents", "--contents", "contents", "--dataset", "styles",
                "--style",
                "polka",
            ], 64, "no style 'polka'"
        ),
        (
            [
                "evaluate", "--outputs", "contents", "--contents", "nowhere", "--dataset", "styles",
                "--style",
                "jazz",
            ], 1, "cannot open nowhere"
        ),
    ])
    func whatCannotBeJudgedIsRefused(_ arguments: [String], _ status: Int32, _ words: String) throws {
        try addContents()
        let outcome = try place.run(program: Workplace.binary, arguments)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }
}
