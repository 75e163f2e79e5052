import ArgumentParser
import Console
import Files
import Insight
import Judging

struct ListenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Write the page of a blind listening test, or count the answers of its listeners.",
        discussion: """
            With folders and --html: a page for listeners, which opens from disk. Each folder holds a system's outputs, with \
            the paths of the contents, but for the endings; the folder of contents may be among them. Which side is which \
            system is in FOLDER.key.json, which listeners must not have. Each listener saves a CSV file at the end.
            With --answers and --key: each system's share of answers with a 95 % interval, and p values of each pair. \
            'reprise compare --listening' shows the shares of --json in its table.
            """)

    @Argument(help: ArgumentHelp("Folders of outputs.", valueName: "folder"), completion: .directory)
    var folders: [String] = []

    @Option(help: ArgumentHelp("What the outputs were made of.", valueName: "dir"), completion: .directory)
    var contents: String?

    @Option(
        help: ArgumentHelp(
            "Files of the target style to hear; listeners are asked which of two outputs is closer to it.",
            valueName: "dir"), completion: .directory)
    var examples: String?

    @Flag(help: "Ask which of two outputs X is, instead of which is better.")
    var abx = false

    @Option(help: ArgumentHelp("Use no more than this many pieces, drawn at random.", valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("Draws pieces, order and sides (default: 0).", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Write the page to this new folder.", valueName: "folder"))
    var html: String?

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Count these files of answers.", valueName: "file"),
        completion: .file())
    var answers: [String] = []

    @Option(
        help: ArgumentHelp("The key of the test that was answered.", valueName: "file"), completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp("Write the pairs to this CSV file too.", valueName: "file"), completion: .file())
    var csv: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if answers.isEmpty {
            guard html != nil, contents != nil, folders.count > 1 else {
                throw ValidationError(
                    "write two or more folders of outputs with --contents and --html, or --answers with --key"
                )
            }
            if key != nil || csv != nil { throw ValidationError("--key and --csv need --answers") }
        } else if key == nil || html != nil || contents != nil || !folders.isEmpty {
            throw ValidationError("--answers needs --key, and no folders")
        }
        if let limit, limit < 2 { throw ValidationError("--limit is \(limit); write a number of at least 2") }
    }

    func run() throws {
        if let html, let contents { return try writePage(to: html, contents) }
        guard let key else { return }
        let test = try ListeningTest(key: try RawFile.read(key), path: key)
        let all = try answers.flatMap { path in
            try ListeningAnswer.read(
                String(decoding: try RawFile.read(path), as: UTF8.self), path: path, of: test)
        }
        let results = try ListeningResults(of: all, to: test)
        if let csv { try OutputFile.write(Array(results.csv.utf8), to: csv) }
        print(common.json ? results.json.canonical + "\n" : results.text, terminator: "")
    }

    private func writePage(to html: String, _ contents: String) throws {
        let keyPath = html + ".key.json"
        try ComparisonPage.check(folder: html)
        guard FileStat(path: keyPath) == nil else {
            throw BuildError(
                .foreignFolder, "\(keyPath) is there already, the key of another test; name a new folder",
                canRetry: false)
        }
        let known = try RawFile.files(below: contents)
        let systems = try folders.map { folder in
            ListeningTest.System(
                name: RawFile.isSame(folder, contents) ? "content" : Self.name(of: folder),
                outputs: try OutputPair.pairs(
                    outputs: (folder, try RawFile.files(below: folder)), contents: (contents, known)))
        }
        let examples =
            try examples.map { folder in try RawFile.files(below: folder).map { "\(folder)/\($0)" } } ?? []
        let (test, clips) = try ListeningTest.draw(
            abx ? .abx : .preference, systems: systems, hasExamples: !examples.isEmpty, limit: limit,
            seed: seed)
        // The order of the hashes of the paths tells nothing about the systems.
        let paths = Set(clips.flatMap { [$0.a, $0.b, $0.content] } + examples)
            .sorted {
                Digest(of: Array("\(seed) \($0)".utf8)).hex < Digest(of: Array("\(seed) \($1)".utf8)).hex
            }
        let place = Dictionary(uniqueKeysWithValues: paths.enumerated().map { ($1, $0) })
        func number(_ path: String) -> Int { place[path] ?? 0 }
        let page = ListeningPage(
            test: test.id, sounds: try Self.sounds(paths),
            trials: zip(test.trials, clips).map { trial, clips in
                ListeningPage.Trial(
                    questions: trial.questions, a: number(clips.a), b: number(clips.b),
                    x: test.kind == .abx ? number(trial.right == .a ? clips.a : clips.b) : nil,
                    content: number(clips.content))
            }, examples: examples.map(number))
        try page.write(to: html)
        try OutputFile.write(test.key.canonicalBytes + [0x0A], to: keyPath)
        let facts: JSONValue = [
            "page": .string(html + "/index.html"), "key": .string(keyPath), "test": .string(test.id),
            "trials": JSONValue(test.trials.count),
        ]
        print(
            common.json
                ? facts.canonical
                : "page   \(html)/index.html, \(test.trials.count) trials\nkey    \(keyPath): not for listeners"
        )
    }

    private static func name(of folder: String) -> String {
        String(folder.split(separator: "/").last ?? "/")
    }

    /// Scores as they are, recordings at one loudness.
    private static func sounds(_ paths: [String]) throws -> [ListeningPage.Sound] {
        let isScore = paths.map { $0.lowercased().hasSuffix(".mid") || $0.lowercased().hasSuffix(".midi") }
        if isScore.allSatisfy({ $0 }) { return paths.map { .score(path: $0) } }
        guard !isScore.contains(true) else {
            throw JudgingError(.usage, "some files are MIDI files and others recordings; a test has one kind")
        }
        return try zip(paths, ListeningTest.gains(ofRecordings: paths)).map {
            .recording(path: $0, gain: $1)
        }
    }
}

extension ListeningResults {
    /// The results as people read them.
    var text: String {
        let counted = listeners.count(where: \.counts)
        var text = "listeners  \(grouped(counted)) of \(grouped(listeners.count)) count\n"
        let left = listeners.filter { !$0.counts }
        for listener in left {
            text +=
                "left out   \(listener.code): \(listener.right) of \(listener.controls) control trials right\n"
        }
        let questions = preferences.questions
        if !questions.isEmpty {
            let rows = test.systems.map { system in
                [system]
                    + questions.map { question in
                        preferences.first { $0.system == system && $0.question == question }
                            .map(\.share.cell) ?? ""
                    }
            }
            text += "\n" + table(["share of answers"] + questions, rows)
        }
        let rows = pairs.map { pair in
            [
                "\(pair.first), \(pair.second)", pair.question, String(pair.share.answers), pair.share.cell,
                format(pair.share.p, 3), format(pair.corrected, 3),
            ]
        }
        let name = test.kind == .abx ? "right answers" : "share of the first"
        text += "\n" + table(["pair", "question", "answers", name, "p", "p (Holm)"], rows)
        let identical = listeners.filter(\.counts)
        let (chosen, all) = (
            identical.reduce(0) { $0 + $1.choseA }, identical.reduce(0) { $0 + $1.identical }
        )
        if all > 0 { text += "\nidentical pairs: A in \(chosen) of \(all)\n" }
        return text
    }
}

extension ListeningResults.Share {
    /// The share with its interval.
    var cell: String {
        "\(format(share, 2)) (\(format(interval.lowerBound, 2)) to \(format(interval.upperBound, 2)))"
    }
}
