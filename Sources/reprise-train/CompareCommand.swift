import ArgumentParser
import Build
import Console
import Dataset
import Insight
import Judging
import Loading
import Manifest
import Systems
import Torch
import Training

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Convert held-out pieces by several systems, and show what each reaches in one table.",
        discussion: """
            A system is a run, an optimised recipe, or a folder of outputs that another program made. A run or a recipe can \
            carry settings of its transfer: music-vae-1:amount=1,seed=2. A folder holds outputs with the paths of the \
            dataset's sources, but for the ending.
            All systems convert the same pieces: those of the split that have another style. Judges, baselines and \
            intervals are those of 'reprise evaluate --outputs'. Results are cached, so a second comparison costs little.
            """)

    @Argument(help: ArgumentHelp("Runs, recipes and folders.", valueName: "system"), completion: .directory)
    var systems: [String]

    @Option(help: ArgumentHelp("The style to convert to: a label of the dataset.", valueName: "label"))
    var style: String

    @Option(help: ArgumentHelp("The dataset (default: the first run's).", valueName: "dataset"))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "The split whose pieces are converted (default: test). Choose settings on validation.",
            valueName: "split"),
        transform: { text in
            guard let split = Split(rawValue: text), split != .train else {
                throw ValidationError("'\(text)' is no split of held-out pieces; write validation or test")
            }
            return split
        })
    var split: Split = .test

    @Option(help: ArgumentHelp("Convert no more than this many files.", valueName: "n"))
    var limit: Int?

    @Flag(help: "Convert the dataset's recordings, where it has both recordings and scores.")
    var recordings = false

    @Option(
        help: ArgumentHelp(
            "Write a page to this new folder: the tables, and every piece to see and hear.",
            valueName: "folder"),
        completion: .directory)
    var html: String?

    @Option(
        help: ArgumentHelp(
            "Add the results of a listening test: what 'reprise listen --answers … --json' printed.",
            valueName: "file"),
        completion: .file())
    var listening: String?

    @OptionGroup var torch: TorchOptions

    func validate() throws {
        guard !systems.isEmpty else { throw ValidationError("name the systems to compare") }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); write a number of at least 1") }
    }

    func run() throws {
        if let html { try ComparisonPage.check(folder: html) }
        let preferences = try listening.map {
            try ListeningResults.preferences(json: try RawFile.read($0), path: $0)
        }
        let systems = try systems.map(Contender.init)
        let (style, dataset, split, limit, recordings) = (style, dataset, split, limit, recordings)
        let cachePath = torch.common.cachePath
        let (comparison, converted) = try torch.onTorch { trainer, device in
            let names = systems.compactMap { $0.isFolder ? nil : $0.name }
            guard let dataset = try dataset ?? trainer.dataset(ofRunAmong: names) else {
                throw TrainingError(.usage, "none of the systems is a run; write --dataset DATASET")
            }
            let reader = try DatasetReader(dataset, cachePath: cachePath, holdingFor: "compare \(style)")
            let evaluation = try TransferEvaluation(
                reader, cachePath: cachePath, style: style, log: { Terminal.standardError.writeLine($0) })
            var contents = try Contents(reader, evaluation, split, limit: limit, recordings: recordings)
            let converted = try contents.convert(by: systems, trainer, device)
            let judgements = try evaluation.evaluate(systems: converted.pairs)
            let comparison = try Comparison(
                Array(zip(systems.map(\.text), judgements)), preferences: preferences ?? [])
            return (comparison, converted)
        }
        if let html {
            try comparison.page(leftOut: converted.leftOut)
                .write(to: html, pieces: comparison.pieces(converted.pairs, isScore: converted.isScore))
            Terminal.standardError.writeLine("page \(html)/index.html")
        }
        print(torch.common.json ? comparison.json.canonical + "\n" : comparison.text, terminator: "")
    }
}

/// A system as the command line names it.
private struct Contender: Sendable {
    /// As it was written.
    let text: String
    /// The run, the recipe or the folder.
    let name: String
    let assignments: [String]
    let isFolder: Bool

    init(_ text: String) throws {
        self.text = text
        isFolder = RawFile.isFolder(text)
        guard !isFolder, let colon = text.firstIndex(of: ":") else {
            (name, assignments) = (text, [])
            return
        }
        name = String(text[..<colon])
        assignments = text[text.index(after: colon)...].split(separator: ",").map(String.init)
        guard !assignments.isEmpty, assignments.allSatisfy({ $0.contains("=") }) else {
            throw ValidationError(
                "'\(text)' is no system; settings are written as \(name):key=value,key=value")
        }
    }
}

/// What the systems made of the pieces that all of them could convert.
private struct Converted: Sendable {
    /// The outputs of each system.
    let pairs: [[OutputPair]]
    /// The pieces that were left out, each with the reason.
    let leftOut: [(piece: String, reason: String)]
    let isScore: Bool
}

/// The pieces that all systems convert.
private struct Contents {
    private struct Piece {
        let path: String
        let source: Snapshot.Source
        let style: String
    }

    private var pieces: [Piece]
    private let style: String
    private let dataset: String
    private let isScore: Bool
    private var leftOut: [(piece: String, reason: String)] = []

    /// The sources of a split that have another style, in an order that depends on their bytes alone.
    init(
        _ reader: DatasetReader, _ evaluation: TransferEvaluation, _ split: Split, limit: Int?,
        recordings: Bool
    ) throws {
        (style, dataset) = (evaluation.style, reader.digest.hex)
        let known = reader.snapshot.sources.filter { source in
            source.split == split && source.segments > 0
                && source.labels[evaluation.label].map { $0 != evaluation.style } == true
        }
        let kind: SegmentKind =
            recordings || !known.contains { $0.kind == .midi } ? .audio : .midi
        isScore = kind == .midi
        pieces = []
        for source in known.filter({ $0.kind == kind }).sorted(by: { $0.sha256 < $1.sha256 }) {
            if let limit, pieces.count == limit { break }
            guard let file = try reader.file(of: source) else {
                leaveOut(source.path, "its file is gone or has changed since the build")
                continue
            }
            pieces.append(
                Piece(path: file.path, source: source, style: source.labels[evaluation.label] ?? ""))
        }
        guard !pieces.isEmpty else {
            throw TrainingError(
                .usage,
                "the \(split.rawValue) split of '\(reader.snapshot.dataset)' has no \(kind == .midi ? "scores" : "recordings") with another \(evaluation.label) than '\(evaluation.style)'"
            )
        }
    }

    private mutating func leaveOut(_ piece: String, _ reason: String) {
        Terminal.standardError.writeLine("left out: \(piece): \(reason)")
        leftOut.append((piece, reason))
    }

    /// The outputs of each system, of those pieces that all of them could convert.
    mutating func convert(
        by systems: [Contender], _ trainer: Trainer, _ device: Device
    ) throws -> Converted {
        var outputs: [[String?]] = []
        for system in systems {
            outputs.append(
                system.isFolder ? try found(in: system.name) : try converted(by: system, trainer, device))
        }
        let whole = pieces.indices.filter { piece in outputs.allSatisfy { $0[piece] != nil } }
        guard !whole.isEmpty else {
            throw TrainingError(.file, "there is no piece that every system converted")
        }
        let pairs = outputs.map { paths in
            whole.map { index in
                OutputPair(
                    name: pieces[index].source.path, output: paths[index] ?? "", content: pieces[index].path)
            }
        }
        return Converted(pairs: pairs, leftOut: leftOut, isScore: isScore)
    }

    /// The outputs of a folder, by the sources' paths or their last parts.
    private mutating func found(in folder: String) throws -> [String?] {
        let files = try FolderListing.files(below: folder).filter { !$0.hasSuffix(".json") }
        return pieces.map { piece in
            // A source may lie above the manifest.
            let wanted = OutputPair.stem(piece.source.path)
            let exact = files.filter {
                let stem = OutputPair.stem($0)
                return wanted == stem || wanted.hasSuffix("/" + stem)
            }
            guard let file = exact.max(by: { $0.count < $1.count }) else {
                leaveOut(piece.source.path, "\(folder) has no output of it")
                return nil
            }
            return "\(folder)/\(file)"
        }
    }

    private mutating func converted(
        by system: Contender, _ trainer: Trainer, _ device: Device
    ) throws -> [String?] {
        let isOptimised = trainer.recipes.contains { $0.name == system.name }
        // Weights may be large, and are read once for all pieces.
        let converter = Result {
            try trainer.transferSystem(
                system.name, dataset: isOptimised ? dataset : nil, assignments: system.assignments)
        }
        return try pieces.enumerated().map { number, piece in
            do {
                let task = TransferTask(
                    system: try converter.get(), content: piece.path, digest: piece.source.sha256,
                    ending: isScore ? ".mid" : ".wav", style: style, contentStyle: piece.style)
                let result = try trainer.cached(
                    task, device: device,
                    bytes: { try RawFile.content(piece.path, isScore: isScore) },
                    write: { try TransferCommand.write($0, to: $1) })
                Terminal.standardError.writeLine(
                    "\(system.text): \(number + 1) of \(pieces.count), \(piece.source.path)\(result.wasCached ? " (cached)" : "")"
                )
                return result.path
            } catch let error as TrainingError where error.code == .file {
                leaveOut(piece.source.path, "\(system.text) cannot convert it: \(error.message)")
                return nil
            }
        }
    }
}
