import Foundation
import TestSupport
import Testing

/// The tutorials' commands, run one after the other as a reader would.
///
/// Their music is made, so the figures differ; each command has to end with status 0.
struct TutorialTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The Python environment that the tools make.
    private static var environment: String { root.appendingPathComponent(".venv").path }

    private static func tutorials() throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: root.appendingPathComponent("docs/tutorials").path
        ).filter { $0.hasSuffix(".md") }.sorted()
    }

    private static func read(_ name: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent("docs/tutorials/\(name)"), encoding: .utf8)
    }

    /// Whether a command of the tutorial cannot be run here, and why.
    private static func obstacle(_ text: String) -> String? {
        let folder = URL(fileURLWithPath: Workplace.binary).deletingLastPathComponent()
        let needsTraining = ["train", "evaluate", "transfer"].contains { text.contains("$ reprise \($0)") }
        let trainer = folder.appendingPathComponent("reprise-train").path
        if needsTraining, !FileManager.default.isExecutableFile(atPath: trainer) {
            return "reprise-train is not built"
        }
        let torch = try? FileManager.default.contentsOfDirectory(atPath: "\(environment)/lib").contains {
            FileManager.default.fileExists(atPath: "\(environment)/lib/\($0)/site-packages/torch")
        }
        if text.contains("$ python3"), torch != true { return "there is no PyTorch in .venv" }
        return nil
    }

    /// The pages for those who change the source: their commands need it changed.
    private static let forDevelopers = ["add-a-feature.md", "add-a-system.md"]

    @Test(arguments: try tutorials().filter { !forDevelopers.contains($0) })
    func everyCommandWorks(of name: String) throws {
        let tutorial = Tutorial(try Self.read(name))
        #expect(!tutorial.steps.isEmpty)
        if let obstacle = Self.obstacle(tutorial.text) {
            return print("\(name) is not run: \(obstacle)")
        }
        let place = try Workplace()
        try addMusic(to: place)
        let programs = URL(fileURLWithPath: Workplace.binary).deletingLastPathComponent().path
        let package = Self.root.appendingPathComponent("tools/python/src").path
        for step in tutorial.steps {
            switch step {
            case .file(let path, let text): try place.write(path, text)
            case .command(let command):
                let outcome = try place.run(
                    program: "/bin/sh",
                    [
                        "-c",
                        "export PATH='\(programs):\(Self.environment)/bin':$PATH OMP_WAIT_POLICY=PASSIVE; export PYTHONPATH='\(package)'; \(command)",
                    ])
                try #require(outcome.status == 0, "$ \(command)\n\(outcome.output)\(outcome.errors)")
            }
        }
    }

    /// The files that the tutorials name, and eight more in each of their folders.
    private func addMusic(to place: Workplace) throws {
        let music = try Self.tutorials().reduce(into: Set<String>()) { music, name in
            music.formUnion(Tutorial(try Self.read(name)).music)
        }
        let folders = Set(music.map { String($0[..<($0.lastIndex(of: "/") ?? $0.endIndex)]) })
        let paths = music.union(folders.flatMap { folder in (0..<8).map { "\(folder)/\($0).mid" } })
        for (seed, path) in paths.sorted().enumerated() {
            let pitches = Self.pitches(seed)
            // Velocities change, so that there is something to learn.
            try place.write(
                path, Workplace.midi(pitches: pitches, velocity: { UInt8(40 + ($0 * 7 + seed) % 60) }))
            if path.hasPrefix("pairs/") {
                try place.write("\(path.dropLast(3))wav", Self.recording(pitches))
            }
        }
    }

    /// Those notes as tones, 22,050 Hz: a note lasts a quarter of a beat at 120 BPM.
    private static func recording(_ pitches: [UInt8]) -> [UInt8] {
        var samples: [Int16] = []
        for (note, pitch) in pitches.enumerated() {
            let frequency = 440 * exp2((Double(pitch) - 69) / 12)
            let first = note * 22050 / 8
            for index in first..<(note + 1) * 22050 / 8 {
                samples.append(Int16(8000 * sin(2 * .pi * frequency * Double(index - first) / 22050)))
            }
        }
        return MadeFile.wave(samples, rate: 22050)
    }

    private static func pitches(_ seed: Int) -> [UInt8] {
        (0..<40).map { UInt8(48 + ($0 * (seed + 3)) % 36) }
    }

    /// Every file, type and subcommand that a page for developers names is there, and every excerpt is in its file.
    @Test(arguments: forDevelopers) func whatIsNamedExists(in name: String) throws {
        let tutorial = Tutorial(try Self.read(name))
        let spans = tutorial.text.matches(of: /`([^`\n]+)`/).map { String($0.1) }
        let paths = spans.filter {
            $0.wholeMatch(of: /(Sources|Tests|tools|docs)\/[^ ]+|[A-Z]+\.md/) != nil
        }
        #expect(paths.count > 5)
        let links = tutorial.text.matches(of: /\]\(([^)#]+)\)/).map { "docs/tutorials/\($0.1)" }
        for path in paths + links {
            let there = FileManager.default.fileExists(atPath: Self.root.appendingPathComponent(path).path)
            #expect(there, "\(path) is not there")
        }

        // Swift's own, Python's, and a module.
        let others: Set = ["Sendable", "Hashable", "None", "Audio"]
        let declared = try Self.declarations()
        for span in spans {
            guard let match = span.wholeMatch(of: /([A-Z][a-z]\w+|CQT\w+)(?:\.(\w+))?/),
                !others.contains(span), match.2 != "swift"
            else { continue }
            for name in [match.1] + (match.2.map { [$0] } ?? []) {
                let isDeclared = declared.contains(String(name))
                #expect(isDeclared, "nothing is called \(name)")
            }
        }

        // The trainer's subcommands are listed where it is not built, too.
        let help = try Workplace().run("--help").output
        for command in Set(tutorial.text.matches(of: /\breprise ([a-z]+)/).map { String($0.1) }) {
            #expect(help.contains("\n  \(command) "), "there is no 'reprise \(command)'")
        }

        for case .file(let path, let excerpt) in tutorial.steps where path != "Sources/Systems/Touch.swift" {
            var lines = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
                .components(separatedBy: "\n")[...]
            for line in excerpt.components(separatedBy: "\n") where !line.isEmpty {
                let place = lines.firstIndex(of: line)
                lines = lines[(try #require(place, "\(path) has no line '\(line)' there") + 1)...]
            }
        }
    }

    /// The names that the sources declare.
    private static func declarations() throws -> Set<String> {
        let sources = root.appendingPathComponent("Sources").path
        let keywords: Set<Substring> = [
            "class", "struct", "enum", "protocol", "func", "var", "let", "case", "init",
        ]
        var names: Set<String> = []
        for case let path as String in FileManager.default.enumerator(atPath: sources)?.allObjects ?? []
        where path.hasSuffix(".swift") {
            let words = try String(contentsOfFile: "\(sources)/\(path)", encoding: .utf8)
                .split { $0 != "_" && !$0.isLetter && !$0.isNumber }
            for (word, name) in zip(words, words.dropFirst()) where keywords.contains(word) {
                names.insert(String(name))
            }
        }
        return names
    }

    @Test func aTutorialIsReadAsWritten() {
        let tutorial = Tutorial(
            """
            Words with `music/a/x.mid`.

            ```yaml title=a.yaml
            version: 1
            ```

            ```console
            $ reprise build \\
                a.yaml
            dataset    a
            $ ls
            ```

            ```
            $ not run
            ```
            """)
        #expect(tutorial.music == ["music/a/x.mid"])
        #expect(
            tutorial.steps == [
                .file("a.yaml", "version: 1\n"), .command("reprise build \\\n    a.yaml"), .command("ls"),
            ])
    }
}

/// A page with steps.
///
/// Blocks of `console` hold commands after a `$` and what they print; a block with a `title` is a file.
private struct Tutorial {
    enum Step: Equatable {
        case command(String)
        case file(String, String)
    }

    let text: String
    var steps: [Step] = []

    init(_ text: String) {
        self.text = text
        var block: String?
        var lines: [String] = []
        for line in text.components(separatedBy: "\n") {
            guard line.hasPrefix("```") else {
                if block != nil { lines.append(line) }
                continue
            }
            if let kind = block {
                add(lines, as: kind)
                block = nil
            } else {
                block = String(line.dropFirst(3))
            }
            lines = []
        }
    }

    /// The MIDI files that the page names.
    var music: Set<String> {
        Set(text.matches(of: /(?:music|pairs)\/[^\s`"*…]+\.mid/).map { String($0.output) })
    }

    private mutating func add(_ lines: [String], as kind: String) {
        if let title = kind.components(separatedBy: "title=").dropFirst().first {
            steps.append(.file(title, lines.joined(separator: "\n") + "\n"))
        } else if kind == "console" {
            var index = 0
            while index < lines.count {
                guard lines[index].hasPrefix("$ ") else {
                    index += 1
                    continue
                }
                var command = String(lines[index].dropFirst(2))
                while command.hasSuffix("\\"), index + 1 < lines.count {
                    index += 1
                    command += "\n" + lines[index]
                }
                steps.append(.command(command))
                index += 1
            }
        }
    }
}
