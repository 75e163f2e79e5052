import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `plan`, `work` and `build` as the processes that they are.
struct WorkerProcessTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private func plan(_ phase: String, _ more: String...) throws {
        let outcome = try place.run(
            program: Workplace.binary, ["plan", "styles.yaml", "--phase", phase] + more)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try place.write("\(phase).jsonl", outcome.output)
    }

    private func missing(_ phase: String) throws -> [Int] {
        let outcome = try place.run("plan", "styles.yaml", "--missing", "\(phase).jsonl", "--json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let slices = try #require(outcome.json()["missing"] as? [[String: Any]])
        return slices.compactMap { $0["slice"] as? Int }
    }

    private var workerJournals: Int {
        ((try? place.contents("cache/journals")) ?? []).count { $0.hasPrefix("worker-") }
    }

    @Test func threeWorkersOfWhichTwoAreKilledAndABuild() throws {
        try place.addMusic()
        for index in 12..<400 {
            try place.write(
                "music/jazz/\(index).mid",
                Workplace.midi(pitches: (0..<60).map { UInt8(40 + ($0 * index) % 47) }))
        }
        try place.write("music/jazz/broken.mid", [0x4D, 0x54])
        try plan("sources", "--slices", "100")
        // A process that opens the index or takes the builder's lock fails.
        let index = place.folder.appendingPathComponent("cache/index.sqlite")
        let aside = place.folder.appendingPathComponent("index.sqlite")
        try FileManager.default.moveItem(at: index, to: aside)
        try FileManager.default.createDirectory(at: index, withIntermediateDirectories: false)
        let lock = open(
            place.folder.appendingPathComponent("cache/lock").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        #expect(flock(lock, LOCK_EX) == 0)
        // The second and the third have slices in common.
        let workers = try ["0/4", "1/4", "1/2"].map { task in
            try place.start(["work", "--plan", "sources.jsonl", "--task", task, "--jobs", "1"])
        }
        while workers[0].isRunning, workers[1].isRunning, workerJournals < 9 { usleep(500) }
        for worker in workers.prefix(2) { kill(worker.processIdentifier, SIGKILL) }
        for worker in workers { worker.waitUntilExit() }
        #expect(workers.prefix(2).allSatisfy { $0.terminationReason == .uncaughtSignal }, "killed halfway")
        #expect(workers[2].terminationStatus == 0)
        close(lock)
        try FileManager.default.removeItem(at: index)
        try FileManager.default.moveItem(at: aside, to: index)

        let left = try missing("sources")
        #expect(!left.isEmpty && left.allSatisfy { $0 % 2 == 0 }, "the third did all odd ones: \(left)")
        for slice in left {
            let outcome = try place.run(
                "work", "--plan", "sources.jsonl", "--slice", "\(slice)", "--jobs", "1")
            #expect(outcome.status == 0 && outcome.output.hasPrefix("slice \(slice): "), "\(outcome)")
        }
        #expect(try missing("sources") == [])
        try plan("shards")
        let shards = try place.run("work", "--plan", "shards.jsonl", "--task", "0/1", "--json")
        #expect(try shards.status == 0 && shards.json()["run"] as? Int == 3, "\(shards)")

        let explained = try place.run("explain", "styles.yaml", "--json").json()
        let planned = try #require(explained["run"] as? [[String: Any]])
        #expect(planned.compactMap { $0["stage"] as? String } == ["snapshot"])
        let built = try place.run("build", "styles.yaml", "--json")
        #expect(built.status == 3, "one source is quarantined")
        let clean = try place.run("build", "styles.yaml", "--json", "--cache", "clean").json()
        let summary = try built.json()
        #expect(summary["snapshot"] as? String == clean["snapshot"] as? String)
        #expect((summary["actions"] as? [String: Int])?["run"] == 1)
        #expect((summary["sources"] as? [String: Int])?["unchanged"] == 401)
        let quarantines = [summary, clean].map { $0["quarantine"] as? [[String: AnyHashable]] }
        #expect(quarantines[0]?.count == 1 && quarantines[0] == quarantines[1])
        let verified = try place.run("verify")
        #expect(verified.status == 0, "\(verified.output)")
        #expect(try place.run("gc").status == 0)
        #expect(workerJournals <= 2, "those of the killed ones stay until their leases have run out")
        #expect(
            try place.run("build", "styles.yaml", "--json").json()["snapshot"] as? String
                == clean["snapshot"] as? String)
    }

    @Test func whatIsRefused() throws {
        try place.addMusic()
        try plan("sources", "--slices", "4")
        try place.write("half.jsonl", String(place.text("sources.jsonl").prefix(200)))
        let refusals: [(arguments: [String], status: Int32, words: String)] = [
            (["plan", "styles.yaml"], 64, "write one of --phase and --missing"),
            (["plan", "styles.yaml", "--phase", "all"], 64, "write sources, statistics or shards"),
            (["plan", "styles.yaml", "--phase", "sources", "--slices", "0"], 64, "write at least 1"),
            (["plan", "styles.yaml", "--phase", "shards"], 1, "run the phase 'sources' first"),
            (["plan", "styles.yaml", "--missing", "styles.yaml"], 1, "is not a whole plan"),
            (["work", "--plan", "sources.jsonl"], 64, "write one of --slice and --task"),
            (["work", "--plan", "sources.jsonl", "--task", "4/4"], 64, "k from 0 to n - 1"),
            (["work", "--plan", "sources.jsonl", "--slice", "4"], 1, "the plan has no slice 4: it has 4"),
            (["work", "--plan", "none.jsonl", "--slice", "0"], 1, "cannot read the plan none.jsonl"),
            (["work", "--plan", "half.jsonl", "--slice", "0"], 1, "is not a whole plan"),
        ]
        for refusal in refusals {
            let outcome = try place.run(program: Workplace.binary, refusal.arguments)
            #expect(outcome.status == refusal.status && outcome.errors.contains(refusal.words), "\(outcome)")
        }
    }

    @Test func aSourceThatCannotBeReadIsTriedAgain() throws {
        try place.addMusic()
        try plan("sources", "--slices", "1")
        let file = place.folder.appendingPathComponent("music/jazz/1.mid")
        let bytes = try Data(contentsOf: file)
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        let outcome = try place.run("work", "--plan", "sources.jsonl", "--slice", "0")
        #expect(outcome.status == 3 && outcome.output.contains("1.mid is not a file"), "\(outcome)")
        try FileManager.default.removeItem(at: file)
        try bytes.write(to: file)
        #expect(try missing("sources") == [0])
        #expect(
            try place.run("work", "--plan", "sources.jsonl", "--slice", "0", "--json").json()["run"] as? Int
                == 1)
        #expect(try missing("sources") == [])
    }
}
