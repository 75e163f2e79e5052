import Foundation
import TestSupport
import Testing

/// What `reprise` does when `reprise-train` does not lie beside it.
struct TrainerAbsentTests {
    @Test func itSaysWhatToDo() throws {
        let place = try Workplace()
        let alone = place.folder.appendingPathComponent("reprise")
        try FileManager.default.copyItem(atPath: Workplace.binary, toPath: alone.path)
        let outcome = try place.run(program: alone.path, ["train", "genre-cnn", "--dataset", "styles"])
        #expect(outcome.status == 1)
        #expect(outcome.errors.split(separator: "\n").count == 1, "an error is one line: \(outcome.errors)")
        #expect(outcome.errors.contains("tools/install"))
        // What needs no network needs no trainer: here there is but no cache.
        #expect(try place.run(program: alone.path, ["runs", "--json"]).status == 10)
    }
}

let trainerIsBuilt =
    !(ProcessInfo.processInfo.environment["LIBTORCH"] ?? "").isEmpty
    && FileManager.default.isExecutableFile(atPath: Workplace.binary + "-train")

/// `reprise train`, `evaluate`, `transfer`, `recipes`, `runs`, where libtorch is.
@Suite(.enabled(if: trainerIsBuilt, "LIBTORCH names no libtorch, or reprise-train is not built"))
struct TrainerTests {
    private let place: Workplace

    init() throws {
        place = try Workplace.withStyles()
    }

    private let train = [
        "train", "velocity-cnn", "--dataset", "styles", "--epochs", "3", "--threads", "1", "--json", "--set",
        "network=published", "--set", "batch=8",
    ]

    @Test func recipesSayWhatTheyTake() throws {
        let outcome = try place.run("recipes", "--json")
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
        #expect(
            Set(list.compactMap { $0["name"] as? String })
                == [
                    "composer-cnn", "music-vae", "roll-nst", "velocity-cnn", "genre-cnn", "chord-lstm",
                    "audio-nst", "parallel-vae", "twin-cae", "twin-vae", "twin-gan", "twin-vargan",
                    "cyclegan",
                    "mel-cnn",
                ])
        for recipe in list {
            let isTrained = recipe["kind"] as? String == "trained"
            #expect(isTrained == !["roll-nst", "audio-nst"].contains(recipe["name"] as? String))
            #expect(((recipe["parameters"] as? [String: Any])?["epochs"] != nil) == isTrained)
        }
    }

    @Test func trainedEvaluatedTransferred() throws {
        let trained = try place.run(program: Workplace.binary, train)
        #expect(trained.status == 0, "\(trained.errors)")
        let summary = try trained.json()
        #expect(summary["run"] as? String == "velocity-cnn-1")
        // Nine segments of each style, eight a step.
        #expect(summary["steps"] as? Int == 6 && summary["epochs"] as? Int == 3)
        let best = try #require(summary["best"] as? [String: Any])
        #expect(best["metric"] as? String == "mse_onsets")

        let listed = try place.run("runs", "--json").json()
        #expect((listed["runs"] as? [[String: Any]])?.first?["run"] as? String == "velocity-cnn-1")

        let evaluated = try place.run("evaluate", "velocity-cnn-1", "--json", "--pictures", "pictures")
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        let baselines = try #require(try evaluated.json()["baselines"] as? [String: [String: Any]])
        // All notes are struck with 64; a deviation of 0 is no measure to compare with.
        #expect(baselines["zero"]?["mse_onsets"] as? Double == 4096)
        #expect(baselines["mean of the style at onsets"]?["mse_onsets"] as? Double == 0)
        #expect(baselines["zero"]?["spread"] is NSNull)
        #expect(try place.contents("pictures") == ["velocities-classical.png", "velocities-jazz.png"])
        let card = try place.run("card", "velocity-cnn-1", "--out", "card.md")
        #expect(card.status == 0, "\(card.errors)")
        let text = try place.text("card.md")
        #expect(text.contains("After Li and Zhang") && text.contains("reprise transfer velocity-cnn-1"))
        #expect(text.contains("On the test split") && text.contains("| zero |") && text.contains("4096.0000"))
        #expect(try place.run("card", "velocity-cnn-9").status == 10)

        let transferred = try place.run(
            "transfer", "velocity-cnn-1", "--content", "music/jazz/1.mid", "--style", "classical", "--out",
            "out.mid", "--json")
        #expect(transferred.status == 0, "\(transferred.errors)")
        let measures = try #require(try transferred.json()["measures"] as? [String: Double])
        #expect(measures["notes"] == 40)
        let (before, after) = (try place.bytes("music/jazz/1.mid"), try place.bytes("out.mid"))
        let kept = "cache/runs/velocity-cnn-1/transfers/1"
        #expect(try place.contents(kept) == ["content.mid", "out.mid", "transfer.json"])
        #expect(try place.bytes("\(kept)/content.mid") == before && place.bytes("\(kept)/out.mid") == after)
        #expect(before.count == after.count)
        // Velocities alone differ: bytes 3, 11, … of the track's notes of eight bytes each.
        let differing = before.indices.filter { before[$0] != after[$0] }
        #expect(!differing.isEmpty && differing.allSatisfy { ($0 - 22) % 8 == 3 })

        let levelled = try place.run(
            "transfer", "velocity-cnn-1", "--content", "music/jazz/1.mid", "--style", "classical", "--out",
            "level.mid", "--set", "level=content", "--json")
        #expect(levelled.status == 0, "\(levelled.errors)")
        let moved = try #require(try levelled.json()["measures"] as? [String: Double])
        // Rounding moves each note by a half at most.
        #expect(abs((moved["mean_velocity_after"] ?? 0) - 64) <= 0.5)
        #expect(abs((measures["mean_velocity_after"] ?? 64) - 64) > 0.5)

        // A bar of 4/4 at 120 BPM is two seconds and 16 of these notes.
        let words = ["transfer", "velocity-cnn-1", "--content", "music/jazz/1.mid", "--style", "classical"]
        let part = try place.run(
            program: Workplace.binary,
            words + ["--out", "part.mid", "--json", "--start", "2.5", "--duration", "1"])
        #expect(part.status == 0, "\(part.errors)")
        #expect(try #require(try part.json()["measures"] as? [String: Double])["notes"] == 16)
        let third = "cache/runs/velocity-cnn-1/transfers/3"
        #expect(try place.bytes("\(third)/content.mid").count == place.bytes("part.mid").count)
        let said = try #require(
            try JSONSerialization.jsonObject(with: Data(place.bytes("\(third)/transfer.json")))
                as? [String: Any])
        #expect(said["start"] as? Double == 2.5 && said["duration"] as? Double == 1)
        for (options, status, message) in [
            (
                ["--start", "60"], 1 as Int32,
                "has no note that begins in the bars from second 60.0 on; it lasts 5.0 s"
            ),
            (["--stereo"], 64, "--stereo is for recordings"),
            (["--duration", "0"], 64, "write seconds above 0"),
        ] {
            let refused = try place.run(program: Workplace.binary, words + ["--out", "never.mid"] + options)
            #expect(refused.status == status && refused.errors.contains(message), "\(refused.errors)")
        }
    }

    /// Files of low and of high hiss, four of each, then one more; a file that is no audio is named.
    @Test func filesAreClassified() throws {
        func hiss(_ isHigh: Bool, _ seed: Int) -> [UInt8] {
            var random = SplitMix(seed: UInt64(2 * seed + (isHigh ? 1 : 0)))
            var last = 0
            let samples = (0..<6144).map { _ in
                let now = Int(random.next() % 8000) - 4000
                defer { last = now }
                return Int16(isHigh ? now - last : now + last)
            }
            return MadeFile.wave(samples, rate: 8000)
        }
        for number in 0..<8 {
            let isHigh = number % 2 == 0
            try place.write("hiss/\(isHigh ? "high" : "low")/\(number).wav", hiss(isHigh, number))
        }
        try place.write("new.wav", hiss(true, 100))
        try place.write(
            "hiss.yaml",
            """
            version: 1
            dataset: hiss
            sources:
              - path: hiss/*/*.wav
                labels: {style: "{dir}"}
            audio:
              sample_rate: 8000
              segment: {samples: 2048}
              stft: {n_fft: 256, hop: 128}
              features: {mel: {bands: 24}}
              normalize: {compress: log10_1p, per: dataset}
            splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact, stratify: style}
            """)
        #expect(try place.run("build", "hiss.yaml").status == 0)
        let trained = try place.run(
            "train", "mel-cnn", "--dataset", "hiss", "--epochs", "12", "--set", "batch=4", "--set",
            "rate=0.01",
            "--threads", "1", "--json")
        #expect(trained.status == 0, "\(trained.errors)")
        let classified = try place.run("classify", "mel-cnn-1", "new.wav", "hiss.yaml", "--json")
        #expect(classified.status == 3 && classified.errors.contains("hiss.yaml"))
        let files = try #require(try classified.json()["files"] as? [[String: Any]])
        let shares = try #require(files.first?["probabilities"] as? [String: Double])
        #expect(Set(shares.keys) == ["high", "low"] && (shares["high"] ?? 0) > 0.8)
        #expect(files.first?["segments"] as? Int == 3 && files.last?["error"] is String)
        let shown = try place.run("classify", "mel-cnn-1", "new.wav")
        #expect(shown.status == 0 && shown.output.contains("high"))
    }

    /// A recording and a style without a dataset: a WAV and a FLAC file as long and about as loud as the content, and pictures.
    @Test(arguments: ["out.wav", "out.flac"])
    func recordingsTakeAStyle(_ out: String) throws {
        var random = SplitMix(seed: 7)
        try place.write(
            "tone.wav",
            MadeFile.wave(
                (0..<22_050).map { Int16(8000 * sin(Double($0) * (0.05 + Double($0) * 1e-6))) }, rate: 22_050)
        )
        try place.write(
            "hiss.wav",
            MadeFile.wave((0..<22_050).map { _ in Int16(random.next() % 8000) - 4000 }, rate: 22_050))
        let words = [
            "transfer", "audio-nst", "--content", "tone.wav", "--threads", "1", "--set", "backbone=random",
            "--set", "channels=2", "--set", "evaluations=3", "--set", "iterations=2", "--json",
        ]
        let refused = try place.run(program: Workplace.binary, words + ["--out", out])
        #expect(refused.status == 64 && refused.errors.contains("--style FILE"))
        let outcome = try place.run(
            program: Workplace.binary,
            words + ["--style", "hiss.wav", "--out", out, "--pictures", "pictures"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("loss") && outcome.errors.contains("random weights"))
        #expect(outcome.errors.contains("autocorrelation-rows.png"))
        let inspected = try place.run("inspect", out, "--json")
        #expect(inspected.status == 0, "\(inspected.errors)")
        let facts = try inspected.json()
        #expect(facts["frames"] as? Int == 22_050 && facts["channels"] as? Int == 1, "\(facts)")
        #expect((facts["rms"] as? Double ?? -200) > -30, "\(facts)")
    }

    /// A note of 99,999 beats on a grid of 96 steps a beat: 36 bytes whose rolls would take 14 GB.
    @Test func aPieceTooLongForMemoryIsRefusedWithTheNumbers() throws {
        try place.write(
            "fine.yaml",
            """
            version: 1
            dataset: fine
            sources:
              - path: music/*/*.mid
                labels: {style: "{dir}"}
            midi: {grid: {steps_per_beat: 96}, segment: {steps: 64}}
            """)
        #expect(try place.run("build", "fine.yaml").status == 0)
        let trained = try place.run(
            "train", "velocity-cnn", "--dataset", "fine", "--max-steps", "1", "--threads", "1", "--json")
        #expect(trained.status == 0, "\(trained.errors)")
        let track: [UInt8] = [0, 0x90, 60, 64, 0x86, 0x8D, 0x1F, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]
        try place.write(
            "years.mid",
            Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 1] + Array("MTrk".utf8)
                + [0, 0, 0, UInt8(track.count)] + track)
        let refused = try place.run(
            "transfer", "velocity-cnn-1", "--content", "years.mid", "--style", "jazz", "--out", "never.mid")
        #expect(refused.status == 1)
        #expect(
            refused.errors.contains(
                "years.mid is too long: its 149999 segments of 64 steps would take 13 GB, but the limit for one file is 2 GiB"
            ), "\(refused.errors)")
    }

    @Test func aKilledTrainingEndsAsOneThatWasNot() throws {
        let whole = try place.run(program: Workplace.binary, train)
        #expect(whole.status == 0, "\(whole.errors)")
        for step in 1...3 {
            // Killed as soon as so many steps are written; what it did since its last checkpoint is lost.
            var arguments = train + ["--checkpoint-steps", "1"]
            if step > 1 { arguments = ["train", "--resume", "velocity-cnn-2", "--checkpoint-steps", "1"] }
            let process = try place.start(arguments)
            while process.isRunning, place.lines("cache/runs/velocity-cnn-2/metrics.jsonl") < step {
                usleep(1000)
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let last = try place.run("train", "--resume", "velocity-cnn-2", "--json")
        #expect(last.status == 0, "\(last.errors)")
        #expect(try last.json()["steps"] as? Int == 6)
        #expect(
            try place.bytes("cache/runs/velocity-cnn-1/metrics.jsonl")
                == place.bytes("cache/runs/velocity-cnn-2/metrics.jsonl"))
        let weights = try [1, 2].map { try place.bytes("cache/runs/velocity-cnn-\($0)/best.safetensors") }
        // The header names the run.
        #expect(weights[0].count == weights[1].count)
        let header =
            8 + weights[0].prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
        #expect(weights[0][header...] == weights[1][header...])
    }

    @Test func interruptedItKeepsTheRun() throws {
        let process = try place.start(
            ["train", "velocity-cnn", "--dataset", "styles", "--epochs", "1000", "--threads", "1"])
        // Metrics are flushed with a checkpoint, which the first epoch ends with.
        while process.isRunning, place.lines("cache/runs/velocity-cnn-1/metrics.jsonl") == 0 { usleep(1000) }
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let steps = place.lines("cache/runs/velocity-cnn-1/metrics.jsonl")
        let more = try place.run(
            "train", "--resume", "velocity-cnn-1", "--max-steps", "\(steps + 1)", "--json")
        #expect(more.status == 0, "\(more.errors)")
    }

    @Test func resumingOnAnotherDeviceIsReported() throws {
        #expect(try place.run(program: Workplace.binary, train + ["--max-steps", "2"]).status == 0)
        let path = "cache/runs/velocity-cnn-1/run.json"
        let record = String(decoding: try place.bytes(path), as: UTF8.self)
        #expect(record.contains(#""device":"cpu""#))
        try place.write(path, record.replacing(#""device":"cpu""#, with: #""device":"cuda:99""#))
        let absent = try place.run("train", "--resume", "velocity-cnn-1", "--max-steps", "3")
        #expect(
            absent.status == 64 && absent.errors.contains("cuda:99") && absent.errors.contains("--device cpu")
        )
        let moved = try place.run(
            "train", "--resume", "velocity-cnn-1", "--max-steps", "3", "--device", "cpu")
        #expect(moved.status == 0 && moved.errors.contains("trained on cuda:99 and resumes on cpu"))
        let same = try place.run("train", "--resume", "velocity-cnn-1", "--max-steps", "4")
        #expect(same.status == 0 && !same.errors.contains("resumes on"))
    }

    /// Paper 000: a classifier that learns any label, and a roll that is changed by a random network or by the classifier.
    @Test func composersAreLearntAndRollsAreChanged() throws {
        let trained = try place.run(
            "train", "composer-cnn", "--dataset", "styles", "--set", "label=style", "--set", "input=onset",
            "--epochs", "1", "--threads", "1", "--json")
        #expect(trained.status == 0, "\(trained.errors)")
        let evaluated = try place.run("evaluate", "composer-cnn-1", "--json").json()
        #expect((evaluated["metrics"] as? [String: Any])?["accuracy"] != nil)
        #expect(
            (evaluated["baselines"] as? [String: Any])?["most frequent style of the train split"] != nil)

        // A window of 32 steps, and one of a single step.
        try place.write("content.mid", Workplace.midi(pitches: (0..<33).map { UInt8(48 + ($0 * 5) % 36) }))
        let words = ["transfer", "roll-nst", "--content", "content.mid", "--json"]
        let small = [
            "--dataset", "styles", "--set", "iterations=5", "--set", "channels=2", "--set", "window=32",
        ]
        let cases = [
            ("a.mid", ["--style", "classical"], "seed"),
            (
                "b.mid",
                ["--style", "music/classical/0.mid", "--set", "optimiser=adam", "--set", "rate=0.002"], "seed"
            ),
            (
                "c.mid",
                ["--style", "classical", "--set", "experiment=2", "--set", "backbone=composer-cnn-1"],
                "sha256"
            ),
        ]
        for (out, more, key) in cases {
            let outcome = try place.run(
                program: Workplace.binary, words + small + more + ["--out", out, "--pictures", "pictures"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let json = try outcome.json()
            let measures = try #require(json["measures"] as? [String: Double])
            #expect(try #require(measures["loss_after"]) < #require(measures["loss_start"]))
            #expect(try place.bytes(out) != place.bytes("content.mid"))
            let foundations = try #require(json["foundations"] as? [String: [String: Any]])
            #expect(foundations["backbone"]?[key] != nil)
            #expect(outcome.errors.contains("random weights") == (key == "seed"))
            let shown = try place.run("inspect", out, "--json")
            #expect(shown.status == 0, "\(shown.errors)")
        }
        #expect(
            try place.contents("pictures") == [
                "iteration-1.mid", "loss-content.png", "loss-style.png", "loss-total.png",
                "loss-variation.png", "rolls.png",
            ])
        for (more, word) in [
            (["--style", "classical"], "--dataset"), (small + [], "choose a style"),
            (small + ["--style", "folk"], "neither a file nor a style"),
            (small + ["--style", "jazz", "--set", "window=20"], "multiple of 16"),
            (small + ["--style", "jazz", "--set", "backbone=vgg19"], "backbones/vgg19.safetensors"),
        ] {
            let refused = try place.run(program: Workplace.binary, words + more + ["--out", "never.mid"])
            #expect(refused.status == 64 && refused.errors.contains(word), "\(refused.errors)")
        }
    }

    /// A run that builds on another trains that first, and a piece that it writes is a file that can be read.
    @Test func chordsAreLearntAndWritten() throws {
        for index in 0..<6 {
            try place.write(
                "long/\(index % 2 == 0 ? "even" : "odd")/\(index).mid",
                Workplace.midi(pitches: (0..<300).map { UInt8(40 + ($0 * (index + 3)) % 36) }))
        }
        try place.write(
            "long.yaml",
            """
            version: 1
            dataset: long
            sources:
              - path: long/*/*.mid
                labels: {style: "{dir}"}
            midi: {segment: {steps: 128}}
            splits: {train: 0.6, test: 0.4, method: exact, stratify: style, seed: 1}
            """)
        #expect(try place.run("build", "long.yaml").status == 0)
        let trained = try place.run(
            "train", "chord-lstm", "--dataset", "long", "--epochs", "1", "--threads", "1", "--json")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(try place.contents("cache/runs").contains("genre-cnn-1/best.safetensors"))

        // The same seed builds on the same run, another seed on a run of its own with that seed.
        let again = ["train", "chord-lstm", "--dataset", "long", "--epochs", "1", "--threads", "1"]
        let same = try place.run(program: Workplace.binary, again)
        #expect(same.status == 0 && same.errors.contains("genre-cnn-1, which has the same seed"))
        #expect(try !place.contents("cache/runs").contains("genre-cnn-2"))
        #expect(try place.run(program: Workplace.binary, again + ["--set", "seed=5"]).status == 0)
        let base = String(decoding: try place.bytes("cache/runs/genre-cnn-2/run.json"), as: UTF8.self)
        #expect(base.contains(#""seed":5"#))
        // A file of weights is built on as its run is, and recorded with the same hash.
        try place.write("weights.safetensors", place.bytes("cache/runs/genre-cnn-1/best.safetensors"))
        let byFile = try place.run(
            program: Workplace.binary, again + ["--set", "features=weights.safetensors"])
        #expect(byFile.status == 0 && byFile.errors.contains("cannot be known"), "\(byFile.errors)")
        #expect(
            try place.bytes("cache/runs/chord-lstm-4/metrics.jsonl")
                == place.bytes("cache/runs/chord-lstm-1/metrics.jsonl"))
        let hashes = try [1, 4].map { number in
            let record = try place.bytes("cache/runs/chord-lstm-\(number)/run.json")
            let json = try JSONSerialization.jsonObject(with: Data(record)) as? [String: Any]
            return (json?["foundations"] as? [String: String])?["features"]
        }
        #expect(hashes[0] != nil && hashes[0] == hashes[1])
        try place.write("weights.safetensors", place.bytes("cache/runs/chord-lstm-1/best.safetensors"))
        let wrong = try place.run(
            program: Workplace.binary, again + ["--set", "features=weights.safetensors"])
        #expect(wrong.status == 1 && wrong.errors.contains("weights of genre-cnn"), "\(wrong.errors)")

        let words = [
            "transfer", "chord-lstm-1", "--content", "long/even/0.mid", "--style", "odd", "--set", "steps=64",
        ]
        for (seed, out) in [(1, "a.mid"), (1, "b.mid"), (2, "c.mid")] {
            let outcome = try place.run(
                program: Workplace.binary, words + ["--set", "seed=\(seed)", "--out", out])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try place.bytes("a.mid") == place.bytes("b.mid"))
        #expect(try place.bytes("a.mid") != place.bytes("c.mid"))
        try place.write(
            "written.yaml", "version: 1\ndataset: written\nsources: [{path: a.mid}]\nmidi: {}\n")
        #expect(try place.run("build", "written.yaml").status == 0)
    }

    @Test(arguments: [
        (["train", "no-such-recipe", "--dataset", "styles"], 64, "velocity-cnn"),
        (["train", "velocity-cnn", "--dataset", "none"], 10, "none"),
        (["train", "velocity-cnn", "--dataset", "styles", "--set", "epoch=1"], 64, "epochs"),
        (["train", "velocity-cnn", "--dataset", "styles", "--set", "rate=fast"], 64, "rate"),
        (["train", "genre-cnn", "--dataset", "styles"], 64, "segment: {steps: 480}"),
        (["train", "--resume", "none-1"], 10, "none-1"),
        (["evaluate", "none-1"], 10, "none-1"),
        (["evaluate", "velocity-cnn"], 64, "recipe"),
    ])
    func whatCannotBeIsRefused(_ arguments: [String], _ status: Int32, _ word: String) throws {
        let outcome = try place.run(program: Workplace.binary, arguments)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(
            outcome.errors.split(separator: "\n").count == 1 && outcome.errors.contains(word),
            "\(outcome.errors)")
    }
}
