import Foundation
import Testing

/// What people read, word for word: help, and the commands on a small dataset.
struct TextTests {
    let place: Workplace

    init() throws {
        place = try Workplace()
    }

    /// The subcommands whose help is recorded; those of the trainer are there only where libtorch is.
    private static let commands = [
        "init", "import", "manifest", "doctor", "build", "explain", "plan", "work", "stats", "sources",
        "inspect", "serve", "notes", "export", "push", "pull", "datasets", "runs", "verify", "gc", "index",
    ]
    private static let trainerCommands = [
        "train", "evaluate", "transfer", "compare", "sweep", "listen", "classify", "recipes", "card",
    ]

    @Test func help() throws {
        var transcript = Transcript(place)
        try transcript.run("--help")
        // A new subcommand is listed two columns in, before its abstract.
        let listed = transcript.text.components(separatedBy: "\n")
            .filter {
                $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  -") && !$0.hasPrefix("  See")
            }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(
            Set(listed).isSubset(of: Self.commands + Self.trainerCommands),
            "a subcommand without recorded help")
        for command in Self.commands { try transcript.run(command, "--help") }
        try transcript.run("index", "rebuild", "--help")
        try transcript.expectRecorded(as: "help")
    }

    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: Workplace.binary + "-train"),
            "reprise-train is not built"))
    func helpOfTheTrainer() throws {
        var transcript = Transcript(place)
        for command in Self.trainerCommands { try transcript.run(command, "--help") }
        try transcript.expectRecorded(as: "help-trainer")
    }

    @Test func aDataset() throws {
        try place.addMusic()
        var transcript = Transcript(place)
        try transcript.run("explain", "styles.yaml")
        try transcript.run("build", "styles.yaml", "--jobs", "1")
        try transcript.run("build", "styles.yaml", "--jobs", "1")
        try transcript.run("explain", "styles.yaml")
        try transcript.run("stats", "styles")
        try transcript.run("sources", "styles")
        try transcript.run("sources", "styles", "--label", "style=jazz", "--split", "train")
        try transcript.run("sources", "styles", "--label", "stile=jazz")
        try transcript.run("manifest", "styles.yaml")
        try transcript.run("inspect", "styles", "train/0")
        try transcript.run("inspect", "music/jazz/1.mid")
        try transcript.run("datasets")
        try transcript.run("runs")
        try transcript.run("verify")
        try transcript.run("export", "styles", "--to", "out")
        try transcript.run("export", "styles", "--to", "out")
        try transcript.run("export", "styles", "--to", "out", "--format", "csv")
        try transcript.run("export", "styles", "--to", "clips", "--format", "midi", "--json")
        try transcript.run("push", "styles", "--remote", "styles.tar")
        try transcript.run("push", "styles", "--remote", "shared", "--json")
        try transcript.run("push", "styles", "--remote", "shared")
        try transcript.run("pull", "styles", "--remote", "styles.tar", "--cache", "elsewhere")
        try transcript.run("pull", "styles", "--remote", "shared", "--cache", "elsewhere", "--json")
        try transcript.run("verify", "--cache", "elsewhere")
        try transcript.run("stats", "styles", "--cache", "elsewhere")
        try transcript.run("gc", "--dry-run")
        transcript.note("steps is 32, not 16")
        try place.write("styles.yaml", place.text("styles.yaml").replacingOccurrences(of: "16", with: "32"))
        try transcript.run("explain", "styles.yaml")
        try transcript.run("build", "styles.yaml", "--dry-run")
        try transcript.run("build", "styles.yaml", "--jobs", "1")
        try transcript.run("stats", "styles", "--against", "styles@1")
        transcript.note("a file changed, one was added, one is damaged")
        try place.write("music/jazz/1.mid", Workplace.midi(pitches: Array(40..<90)))
        try place.write("music/jazz/added.mid", Workplace.midi(pitches: Array(30..<80)))
        try place.write("music/jazz/3.mid", Array(Workplace.midi(pitches: [60, 62, 64]).dropLast(9)))
        try transcript.run("explain", "styles.yaml", "-v")
        try transcript.run("build", "styles.yaml", "--jobs", "1")
        try transcript.run("stats", "styles")
        try transcript.run("sources", "styles", "--failed")
        try transcript.run("gc", "--dry-run", "--keep", "0", "--grace", "0")
        try transcript.run("gc", "--keep", "0", "--grace", "0")
        try transcript.run("index", "rebuild")
        try transcript.run("datasets", "--remove", "styles")
        try transcript.run("datasets")
        try transcript.expectRecorded(as: "dataset")
    }

    @Test func aFolderAndAPublishedDataset() throws {
        try place.addMusic()
        var transcript = Transcript(place)
        try transcript.run("init", "music")
        transcript.note("music.yaml")
        try transcript.note(place.text("music.yaml"))
        try transcript.run("build", "music.yaml", "--jobs", "1")
        try transcript.run("init", "music")
        try transcript.run("init", "nowhere")
        try place.write("cache/notes.txt", "")
        for song in ["001/001", "001/versions/001-v1", "002/002"] {
            try place.write("pop/POP909/\(song).mid", Workplace.midi(pitches: Array(50..<90)))
        }
        try transcript.run("import", "pop909", "pop", "--out", "pop909.yaml")
        transcript.note("pop909.yaml, then pop909.csv")
        try transcript.note(place.text("pop909.yaml"))
        try transcript.note(place.text("pop909.csv"))
        try transcript.run("import", "pop909", "pop", "--out", "pop909.yaml")
        try transcript.run("import", "pop808", "pop")
        try transcript.run("import", "maestro", "pop")
        try transcript.expectRecorded(as: "starting")
    }

    @Test func aDifferenceShowsWhatChanged() {
        let old = (1...9).map { "line \($0)" }.joined(separator: "\n")
        let new = old.replacingOccurrences(of: "line 5", with: "line five")
        #expect(
            Transcript.difference(from: old, to: new)
                == "  …\n  line 3\n  line 4\n- line 5\n+ line five\n  line 6\n  line 7\n  …")
    }
}
