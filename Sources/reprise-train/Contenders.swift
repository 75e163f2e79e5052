import ArgumentParser
import Build
import Console
import Dataset
import Files
import Judging
import Loading
import Systems
import Torch
import Training

/// Which pieces systems are compared on.
struct ComparisonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The style to convert to: a label of the dataset.", valueName: "label"))
    var style: String

    @Option(
        help: ArgumentHelp("The dataset (default: the first run's).", valueName: "dataset"))
    var dataset: String?

    @Option(help: ArgumentHelp("Convert no more than this many files.", valueName: "n"))
    var limit: Int?

    @Flag(help: "Convert the dataset's recordings, where it has both recordings and scores.")
    var recordings = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); write a number of at least 1") }
    }

    func request(on split: Split, _ common: CommonOptions) -> ComparisonRequest {
        ComparisonRequest(
            style: style, dataset: dataset, split: split, limit: limit, recordings: recordings,
            cachePath: common.cachePath)
    }
}

/// Which pieces systems are compared on, for the Torch thread.
struct ComparisonRequest: Sendable {
    /// The style to convert to.
    let style: String
    /// The dataset; nil: that of the first run.
    let dataset: String?
    let split: Split
    /// The greatest number of files; nil: all.
    let limit: Int?
    /// Whether recordings are converted where there are scores too.
    let recordings: Bool
    let cachePath: String

    /// The pieces; where no dataset is named, it is that of the first run among these names.
    func field(_ trainer: Trainer, of names: [String]) throws -> ComparisonField {
        guard let dataset = try dataset ?? trainer.dataset(ofRunAmong: names) else {
            throw TrainingError(.usage, "none of the systems is a run; write --dataset DATASET")
        }
        let reader = try DatasetReader(
            dataset, cachePath: cachePath, remote: trainer.remote, holdingFor: "compare \(style)")
        let evaluation = try TransferEvaluation(
            reader, cachePath: cachePath, style: style, log: { Terminal.standardError.writeLine($0) })
        return ComparisonField(
            snapshot: reader.digest, evaluation: evaluation,
            contents: try Contents(reader, evaluation, split, limit: limit, recordings: recordings))
    }
}

/// The pieces that systems are compared on, and what judges them.
struct ComparisonField {
    let snapshot: Digest
    private let evaluation: TransferEvaluation
    private var contents: Contents

    init(snapshot: Digest, evaluation: TransferEvaluation, contents: Contents) {
        (self.snapshot, self.evaluation, self.contents) = (snapshot, evaluation, contents)
    }

    /// Whether the dataset has pieces enough for judges of the style.
    var canHaveJudges: Bool { evaluation.canHaveJudges(of: contents.isScore ? .midi : .audio) }

    /// Converts the pieces by each system, and judges what they made.
    mutating func compare(
        _ systems: [Contender], _ trainer: Trainer, _ device: Device,
        preferences: [ListeningResults.Preference] = []
    ) throws -> (comparison: Comparison, converted: Converted) {
        var converted = try contents.convert(by: systems, trainer, device)
        let (judgements, answers) = try evaluation.evaluate(systems: converted.pairs)
        converted.answers = answers
        return (
            try Comparison(Array(zip(systems.map(\.text), judgements)), preferences: preferences), converted
        )
    }
}

/// A system as the command line names it.
struct Contender: Sendable {
    /// As it was written, or what the table calls it.
    let text: String
    /// The run, the recipe or the folder.
    let name: String
    let assignments: [String]
    let isFolder: Bool

    /// A run under another name.
    init(run: String, as text: String) {
        (self.text, name, assignments, isFolder) = (text, run, [], false)
    }

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
struct Converted: Sendable {
    /// The outputs of each system.
    let pairs: [[OutputPair]]
    /// The pieces that were left out, each with the reason.
    let leftOut: [(piece: String, reason: String)]
    let isScore: Bool
    /// The answers of the baselines to each of the pieces.
    var answers: [[BaselineAnswer]] = []
}

/// The pieces that all systems convert.
struct Contents {
    private struct Piece {
        let path: String
        let source: Snapshot.Source
        let style: String
    }

    private var pieces: [Piece]
    private let style: String
    private let dataset: String
    let isScore: Bool
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
        let files = try RawFile.files(below: folder)
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
        let converter = try TransferSystem(
            system.name, dataset: isOptimised ? dataset : nil, assignments: system.assignments,
            device: device, of: trainer)
        var batch = BatchProgress(of: pieces.count)
        return try pieces.map { piece in
            try Cancellation.bySignal.check()
            do {
                let (progress, clock) = (batch.next(), ContinuousClock.now)
                let task = TransferTask(
                    content: piece.path, digest: piece.source.sha256,
                    ending: isScore ? ".mid" : ".wav", style: style, contentStyle: piece.style)
                let line = "\(system.text): \(progress): \(piece.source.path)"
                let result = try converter.cached(
                    task,
                    bytes: {
                        Terminal.standardError.writeLine(line)
                        return try RawFile.content(piece.path, isScore: isScore)
                    }, write: Conversion.write)
                if result.wasCached {
                    Terminal.standardError.writeLine(line + " (cached)")
                } else {
                    batch.count((ContinuousClock.now - clock) / .seconds(1))
                }
                return result.path
            } catch let error as TrainingError where [.file, .unknownStyle].contains(error.code) {
                leaveOut(piece.source.path, "\(system.text) cannot convert it: \(error.message)")
                return nil
            }
        }
    }
}
