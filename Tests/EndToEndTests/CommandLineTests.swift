import Foundation
import Testing

/// The program as a user has it: exit statuses and outputs of docs/formats.md, Command line.
struct CommandLineTests {
    let place: Workplace

    init() throws {
        place = try Workplace()
    }

    @Test(arguments: ["build", "stats", "inspect", "export", "push", "pull", "datasets"])
    func everyCommandHasHelp(command: String) throws {
        let outcome = try place.run(command, "--help")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("--cache"))
    }

    @Test func wrongUsageIs64() throws {
        #expect(try place.run("build").status == 64)
        #expect(try place.run("build", "x.yaml", "--no-such-option").status == 64)
        #expect(try place.run("no-such-command").status == 64)
    }

    @Test func noCacheOrDatasetIs10() throws {
        let outcome = try place.run("stats", "styles")
        #expect(outcome.status == 10)
        #expect(outcome.errors.split(separator: "\n").count == 1, "an error is one line: \(outcome.errors)")
    }

    @Test func everyFaultOfAManifestIsReportedAtOnce() throws {
        try place.write(
            "faulty.yaml",
            """
            version: 1
            dataset: bad name
            sources:
              - path: music/*.mid
            midi:
              grid: {steps_per_beet: 4}
              segment: {steps: many}
            """)
        let outcome = try place.run("build", "faulty.yaml")
        #expect(outcome.status == 64)
        for line in ["faulty.yaml:2", "faulty.yaml:6", "faulty.yaml:7", "steps_per_beat"] {
            #expect(outcome.errors.contains(line), "\(line) is not named in: \(outcome.errors)")
        }
    }

    @Test func aGlobWithoutMatchIsAFault() throws {
        try place.write(
            "empty.yaml", "version: 1\ndataset: empty\nsources:\n  - path: none/*.mid\nmidi: {}\n")
        let outcome = try place.run("build", "empty.yaml")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("none/*.mid"))
    }

    @Test func buildThenNothingToDo() throws {
        try place.addMusic()
        let first = try place.run("build", "styles.yaml", "--json")
        #expect(first.status == 0, "\(first.errors)")
        let built = try first.json()
        #expect(
            Set(built.keys).isSuperset(of: [
                "dataset", "snapshot", "sources", "segments", "actions", "shards", "seconds", "quarantine",
            ]))
        #expect(built["dataset"] as? String == "styles")
        // 40 sixteenths of 16 steps a segment: 3 segments for each of 12 files, dealt 6, 3, 3.
        #expect(built["segments"] as? [String: Int] == ["train": 18, "validation": 9, "test": 9])

        let second = try place.run("build", "styles.yaml", "--json").json()
        #expect((second["actions"] as? [String: Int])?["run"] == 0)
        #expect((second["shards"] as? [String: Int])?["written"] == 0)
        #expect((second["sources"] as? [String: Int])?["unchanged"] == 12)
        #expect(second["snapshot"] as? String == built["snapshot"] as? String)
    }

    @Test func additionsGiveTheCleanSnapshot() throws {
        try place.addMusic()
        let added = Workplace.midi(pitches: Array(60..<90))
        #expect(try place.run("build", "styles.yaml").status == 0)
        try place.write("music/jazz/added.mid", added)
        let grown = try place.run("build", "styles.yaml", "--json").json()
        let clean = try place.run("build", "styles.yaml", "--json", "--cache", "other", "--jobs", "1").json()
        #expect(grown["snapshot"] as? String == clean["snapshot"] as? String)
        let run = try #require((grown["actions"] as? [String: Int])?["run"])
        let all = try #require((clean["actions"] as? [String: Int])?["run"])
        #expect(run < all, "\(run) of \(all) actions ran for one more file")
    }

    @Test func aTruncatedFileIsQuarantinedAndTheRestIsBuilt() throws {
        try place.addMusic()
        try place.write("music/jazz/cut.mid", Array(Workplace.midi(pitches: [60, 62, 64]).dropLast(9)))
        let outcome = try place.run("build", "styles.yaml", "--json")
        #expect(outcome.status == 3)
        let built = try outcome.json()
        let quarantine = try #require(built["quarantine"] as? [[String: Any]])
        #expect(quarantine.count == 1)
        #expect(quarantine.first?["path"] as? String == "music/jazz/cut.mid")
        #expect(quarantine.first?["code"] as? String == "midi.track-truncated")
        #expect(quarantine.first?["offset"] is Int)
        #expect((quarantine.first?["reason"] as? String)?.isEmpty == false)
        // From the cache, the same.
        let again = try place.run("build", "styles.yaml", "--json")
        #expect(again.status == 3)
        #expect(try (again.json()["quarantine"] as? [[String: Any]])?.count == 1)
    }

    @Test func aBuiltDatasetCanBeSeen() throws {
        try place.addMusic()
        #expect(try place.run("build", "styles.yaml").status == 0)
        #expect(try place.run("datasets").output.contains("styles"))
        #expect(try place.run("stats", "styles").output.contains("jazz"))
        #expect(try !place.run("stats", "styles", "--json").json().isEmpty)
        #expect(try place.run("inspect", "styles", "0").status == 0)
        #expect(try place.run("stats", "no-such-dataset").status == 10)
        #expect(try place.run("export", "styles", "--to", "out", "--format", "npz").status == 0)
        #expect(try place.contents("out").contains { $0.hasSuffix(".npz") })
    }

    @Test func aDryRunWritesNothing() throws {
        try place.addMusic()
        #expect(try place.run("build", "styles.yaml", "--dry-run").status == 0)
        #expect(try place.run("stats", "styles").status == 10)
    }
}
