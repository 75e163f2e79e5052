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

    /// The second time nothing is computed; a change of anything is a transfer of its own.
    @Test func aTransferIsRepeatedFromTheCache() throws {
        let train = [
            "train", "velocity-cnn", "--dataset", "styles", "--epochs", "1", "--threads", "1", "--json",
            "--set",
            "network=published", "--set", "batch=8",
        ]
        let trained = try place.run(program: Workplace.binary, train)
        try #require(trained.status == 0, "\(trained.errors)")
        try addContents()
        func transfer(_ out: String, _ more: String...) throws -> (cached: [Bool], errors: String) {
            let outcome = try place.run(
                program: Workplace.binary,
                [
                    "transfer", "velocity-cnn-1", "--content", "contents", "--style", "jazz", "--out", out,
                    "--threads", "1", "--json",
                ] + more)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let results =
                try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]]
            return (try #require(results).compactMap { $0["cached"] as? Bool }, outcome.errors)
        }
        let first = try transfer("one")
        #expect(first.cached == [false, false])
        #expect(first.errors.contains("1 of 2: a.mid\n2 of 2, about "))
        #expect(first.errors.contains(" s left: deep/b.mid\n"))
        let second = try transfer("two")
        #expect(second.cached == [true, true])
        #expect(second.errors.contains("1 of 2: a.mid (cached)\n2 of 2: deep/b.mid (cached)"))
        for file in ["a.mid", "deep/b.mid"] {
            #expect(try place.bytes("one/\(file)") == place.bytes("two/\(file)"))
            #expect(try place.bytes("one/\(file)") != place.bytes("contents/\(file)"))
        }
        // The sidecars of outputs are no contents.
        #expect(
            try place.run(
                "transfer", "velocity-cnn-1", "--content", "one", "--style", "jazz",
                "--out", "three", "--threads", "1"
            ).output.contains("2 converted"))
        let sidecar = try #require(
            try JSONSerialization.jsonObject(with: Data(place.bytes("two/deep/b.mid.json"))) as? [String: Any]
        )
        #expect(
            sidecar["run"] as? String == "velocity-cnn-1"
                && sidecar["content"] as? String == "contents/deep/b.mid")
        let said = try #require(sidecar["transfer"] as? [String: Any])
        let record = try #require(
            try JSONSerialization.jsonObject(with: Data(place.bytes("cache/runs/velocity-cnn-1/run.json")))
                as? [String: Any])
        #expect(said["snapshot"] as? String == record["snapshot"] as? String)
        #expect(said["style"] as? String == "jazz" && said["recipe"] as? String == "velocity-cnn")
        #expect((said["weights"] as? String)?.count == 64 && said["seed"] as? Int == 0)
        // Kept once beside the run.
        let kept = try place.contents("cache/runs/velocity-cnn-1/transfers").filter { $0.hasSuffix(".json") }
        #expect(kept == (1...4).map { "\($0)/transfer.json" })

        // Stopped, and continued with a file more; changed settings; changed weights.
        try place.write("contents/c.mid", Workplace.midi(pitches: [60, 64, 67, 72]))
        #expect(try transfer("two").cached == [true, false, true])
        #expect(try transfer("two", "--set", "level=content").cached == [false, false, false])
        #expect(try transfer("two", "--start", "0.5").cached == [false, false, false])
        #expect(try transfer("two").cached == [true, true, true])
        let other = try place.run(program: Workplace.binary, train + ["--set", "seed=1"])
        #expect(other.status == 0, "\(other.errors)")
        try place.write(
            "cache/runs/velocity-cnn-1/best.safetensors",
            place.bytes("cache/runs/velocity-cnn-2/best.safetensors"))
        #expect(try transfer("two").cached == [false, false, false])
    }

    /// A run with two settings and a folder of outputs, on the pieces of the test split; the second time from the cache.
    @Test func systemsAreComparedOnHeldOutPieces() throws {
        let trained = try place.run(
            "train", "velocity-cnn", "--dataset", "styles", "--epochs", "1", "--threads", "1", "--json")
        try #require(trained.status == 0, "\(trained.errors)")
        // Another program's outputs: the contents themselves.
        for index in stride(from: 0, to: 12, by: 2) {
            let path = "music/classical/\(index).mid"
            try place.write("copies/\(path)", try place.bytes(path))
        }
        let compare = ["compare", "velocity-cnn-1", "copies", "--style", "jazz"]
        let first = try place.run(program: Workplace.binary, compare + ["--json"])
        try #require(first.status == 0, "\(first.errors)")
        let object = try first.json()
        #expect(object["style"] as? String == "jazz" && object["label"] as? String == "style")
        let systems = try #require(object["systems"] as? [[String: Any]])
        #expect(systems.map { $0["name"] as? String } == ["velocity-cnn-1", "copies"])
        // Too few pieces for intervals and judges.
        #expect(systems.allSatisfy { $0["verdict"] as? String == "undecided" })
        let evaluations = try systems.map { try #require($0["evaluation"] as? [String: Any]) }
        let snapshot = try #require(
            try place.run("build", "styles.yaml", "--json").json()["segments"] as? [String: Int])
        #expect(try #require(snapshot["test"]) > 0)
        for evaluation in evaluations {
            let metrics = try #require(evaluation["metrics"] as? [String: Double])
            #expect(metrics["note_f1"] == 1)
        }
        #expect(
            try place.contents("cache/transfers").filter { $0.hasSuffix("transfer.json") }.count
                == evaluations[0]["files"] as? Int)
        #expect(!first.errors.contains("(cached)"))

        let second = try place.run(program: Workplace.binary, compare + ["--html", "page"])
        #expect(second.status == 0 && second.errors.contains("(cached)"))
        #expect(second.output.contains("towards style jazz") && second.output.contains("no verdict"))
        // Of each piece the content, two outputs and the target's file; the rule is in the page.
        let files = try #require(evaluations[0]["files"] as? Int)
        #expect(
            try place.contents("page/media")
                == (1...files).flatMap { piece in (0...3).map { "\(piece)-\($0).mid" } }.sorted())
        #expect(try place.text("page/index.html").contains(#""name":"rule""#))
    }

    @Test(arguments: [
        (["compare", "copies", "--style", "jazz"], "write --dataset"),
        (["compare", "velocity-cnn-7", "--style", "jazz"], "no run 'velocity-cnn-7'"),
        (["compare", "velocity-cnn-7", "--style", "jazz", "--split", "train"], "held-out"),
        (["compare", "velocity-cnn-7:loud", "--style", "jazz"], "key=value"),
        (["compare", "copies", "--style", "polka", "--dataset", "styles"], "no style 'polka'"),
        (["compare", "copies", "--style", "jazz", "--dataset", "styles"], "no piece that every system"),
        (["sweep", "velocity-cnn-7", "--style", "jazz"], "--set amount=0.25,0.5,1"),
        (["sweep", "velocity-cnn", "--style", "jazz", "--set", "rate=1,2"], "write --dataset"),
        (
            ["sweep", "velocity-cnn", "--dataset", "styles", "--style", "jazz", "--set", "rate=1,2"],
            "no judge of this style"
        ),
        (["sweep", "velocity-cnn-7", "--style", "jazz", "--set", "level="], "write --set key=value"),
        (["sweep", "velocity-cnn-7", "--style", "jazz", "--set", "a=1", "--set", "a=2"], "set twice"),
        (
            ["sweep", "velocity-cnn-7", "--style", "jazz", "--set", "a=1,2,3,4,5,6,7,8,9,0,11"]
                + ["--set", "b=1,2,3,4,5,6,7,8,9,0"], "more than 100"
        ),
        (
            ["sweep", "velocity-cnn-7", "--style", "jazz", "--set", "level=content"],
            "no run 'velocity-cnn-7'"
        ),
    ])
    func whatCannotBeComparedIsRefused(_ arguments: [String], _ words: String) throws {
        try place.write("copies/readme.txt", "nothing")
        let outcome = try place.run(program: Workplace.binary, arguments)
        #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
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
        #expect(
            try place.contents("out")
                == ["a.mid", "a.mid.json", "deep", "deep/b.mid", "deep/b.mid.json"])
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
