internal import Audio
import Build
internal import Dataset
internal import Files
public import Loading
import Manifest
import Statistics
internal import Symbolic

/// Judges a folder of outputs, whatever system made them, by a dataset and the style that was aimed at.
///
/// Judges and references are pieces outside the dataset's train split, so a system that was trained on that split has not
/// seen them. Every piece takes the round trip of an output first. Beside the outputs stand answers that need no system: the
/// content untouched, a piece of the target style, and the content changed by a rule.
public struct TransferEvaluation {
    private let reader: DatasetReader
    private let cachePath: String
    /// The label whose value was aimed at.
    public let label: String
    /// The style that was aimed at.
    public let style: String
    private let seed: UInt64
    private let log: (String) -> Void

    /// The fewest pieces of each style that judges are fitted to.
    static let leastPieces = 8
    /// The folds of a judge.
    static let foldCount = 5

    /// Prepares an evaluation.
    ///
    /// - Parameters:
    ///   - reader: The dataset.
    ///   - cachePath: Its cache, in which musicnn's weights may lie.
    ///   - style: A value of one of its labels, or `label=value`.
    ///   - seed: Of intervals, of the choice of target pieces, and of permutations.
    ///   - log: Receives lines about progress, and about files that were left out.
    /// - Throws: `judge.usage` for a style that the dataset does not have, or that several labels have.
    public init(
        _ reader: DatasetReader, cachePath: String, style: String, seed: UInt64 = 0,
        log: @escaping (String) -> Void = { _ in }
    ) throws(JudgingError) {
        let labels = reader.snapshot.vocabularies
        var found = labels.filter { $0.value.contains(style) }.keys.sorted().map { ($0, style) }
        if found.isEmpty, let sign = style.firstIndex(of: "=") {
            let (name, value) = (String(style[..<sign]), String(style[style.index(after: sign)...]))
            if labels[name]?.contains(value) == true { found = [(name, value)] }
        }
        guard let match = found.first else {
            let known = labels.sorted { $0.key < $1.key }.map {
                "\($0.key): \($0.value.joined(separator: ", "))"
            }
            throw JudgingError(
                .usage,
                "dataset '\(reader.snapshot.dataset)' has no style '\(style)'; its labels are "
                    + (known.isEmpty ? "none" : known.joined(separator: "; ")))
        }
        if let fault = reader.snapshot.severalValues(of: match.0) { throw JudgingError(.usage, fault) }
        guard found.count == 1 else {
            throw JudgingError(
                .usage,
                "'\(style)' is a value of \(found.map(\.0).joined(separator: " and ")); write \(match.0)=\(style)"
            )
        }
        (self.reader, self.cachePath, self.seed, self.log) = (reader, cachePath, seed, log)
        (label, self.style) = match
    }

    /// Measures outputs.
    ///
    /// - Parameter pairs: The outputs and their contents, all MIDI files or all recordings.
    /// - Returns: The measures.
    /// - Throws: `judge.usage`, `judge.file`; `BuildError` of the dataset.
    public func evaluate(_ pairs: [OutputPair]) throws -> Judgement {
        guard let judgement = try evaluate(systems: [pairs]).judgements.first else {
            throw JudgingError(.usage, "there are no outputs to judge")
        }
        return judgement
    }

    /// Measures what several systems made of the same contents, by the same judges.
    ///
    /// - Parameter systems: The outputs of each system; their contents are the same files in the same order.
    /// - Returns: The measures of each system, and the answers of the baselines to each content, which are the same for
    ///   all.
    /// - Throws: `judge.usage`, `judge.file`; `BuildError` of the dataset.
    public func evaluate(
        systems: [[OutputPair]]
    ) throws -> (judgements: [Judgement], answers: [[BaselineAnswer]]) {
        guard let first = systems.first?.first else {
            throw JudgingError(.usage, "there are no outputs to judge")
        }
        precondition(
            systems.allSatisfy { $0.map(\.content) == systems[0].map(\.content) },
            "systems are compared on the same contents")
        let manifest = try reader.manifest()
        let kind = FileStages.kind(ofFile: first.content)
        for pair in systems.joined() {
            for path in [pair.content, pair.output] where FileStages.kind(ofFile: path) != kind {
                throw JudgingError(
                    .usage, "\(path) is not a \(kind.noun), but \(first.content) is; judge them apart")
            }
        }
        switch kind {
        case .midi:
            guard let midi = manifest.midi else {
                throw JudgingError(
                    .usage, "dataset '\(reader.snapshot.dataset)' has no MIDI files to judge by")
            }
            return try measure(systems, by: NoteMedium(parameters: RollParameters(midi)), kind)
        case .audio, .paired:
            guard let audio = manifest.audio else {
                throw JudgingError(
                    .usage, "dataset '\(reader.snapshot.dataset)' has no recordings to judge by")
            }
            let medium = try SoundMedium(AudioParameters(audio), cachePath: cachePath)
            return try measure(systems, by: medium, kind)
        }
    }

    // MARK: Pieces of the dataset

    /// A source of the dataset, read.
    private struct Member<Piece: Sendable> {
        let piece: Piece
        let group: String
        let style: String
        let file: String
        /// The source's path in the dataset.
        let name: String
    }

    /// The sources with a style, of the train split or outside of it.
    private func sources(of kind: SegmentKind, inTraining: Bool) -> [Snapshot.Source] {
        reader.snapshot.sources.filter { source in
            source.kind == kind && source.segments > 0 && source.labels[label] != nil
                && source.split.map { ($0 == .train) == inTraining } ?? inTraining
        }
    }

    /// Whether the dataset has pieces enough for judges of the target style, if all of them can be read.
    public func canHaveJudges(of kind: SegmentKind) -> Bool {
        let pieces = Dictionary(grouping: sources(of: kind, inTraining: false)) { $0.labels[label] ?? "" }
            .mapValues { Set($0.map(\.piece)).count }
        let styles = pieces.filter { $0.value >= Self.leastPieces }.keys
        return styles.count > 1 && styles.contains(style)
    }

    /// The dataset's pieces with a style, up to two versions of each, such as performances or soundfonts.
    private func members<M: Medium>(
        of medium: M, _ kind: SegmentKind, inTraining: Bool, most: Int
    ) throws -> [Member<M.Piece>] {
        // By hashes, so that neither paths nor their order matter.
        var versions: [String: Int] = [:]
        var pieces: [String: Int] = [:]
        let chosen = sources(of: kind, inTraining: inTraining).sorted {
            ($0.piece, $0.sha256) < ($1.piece, $1.sha256)
        }.filter { source in
            let style = source.labels[label] ?? ""
            let count = versions["\(source.piece) \(style)", default: 0]
            if count == 0 { pieces[style, default: 0] += 1 }
            versions["\(source.piece) \(style)"] = count + 1
            return count < 2 && pieces[style, default: 0] <= most
        }
        var members: [Member<M.Piece>] = []
        var lastReport = ContinuousClock.now
        for (number, source) in chosen.enumerated() {
            // Sound takes seconds a file.
            if ContinuousClock.now - lastReport > .seconds(10) {
                log(
                    "read \(number) of \(chosen.count) files \(inTraining ? "of the train split" : "outside the train split")"
                )
                lastReport = .now
            }
            guard let file = try reader.file(of: source) else {
                log("left out: \(source.path), whose file is gone or has changed since the build")
                continue
            }
            do {
                members.append(
                    Member(
                        piece: try medium.piece(at: file.path), group: source.piece,
                        style: source.labels[label] ?? "", file: file.path, name: source.path))
            } catch {
                log("left out: \(source.path): \(error)")
            }
        }
        return members
    }

    // MARK: Measuring

    /// An output's content, and what the dataset says of it.
    private struct Content<Piece: Sendable> {
        let piece: Piece
        let group: String
        let style: String?
        let isTrained: Bool
        /// What each judge says of it.
        var judged: [[Double]] = []
    }

    private func measure<M: Medium>(
        _ systems: [[OutputPair]], by medium: M, _ kind: SegmentKind
    ) throws -> (judgements: [Judgement], answers: [[BaselineAnswer]]) {
        let pairs = systems[0]
        log("reading \(pairs.count) contents")
        var bySource: [Digest: Snapshot.Source] = [:]
        for source in reader.snapshot.sources where source.kind == kind { bySource[source.sha256] = source }
        var contents: [Content<M.Piece>] = []
        for pair in pairs {
            let source = try bySource[digest(ofFile: pair.content)]
            contents.append(
                Content(
                    piece: try read(pair.content, medium),
                    group: source?.piece ?? "file \(pair.name)",
                    style: source?.labels[label], isTrained: source?.split == .train))
        }

        log("reading the dataset's pieces")
        let outside = try members(of: medium, kind, inTraining: false, most: M.mostJudged)
        let inside = try members(of: medium, kind, inTraining: true, most: M.mostTrained)
        var remarks: [String] = []
        let references = outside.filter { $0.style == style }
        guard references.count > 1 else {
            throw JudgingError(
                .usage,
                "\(references.count) pieces of \(label) '\(style)' lie outside the train split of dataset '\(reader.snapshot.dataset)'; at least 2 are needed, \(Self.leastPieces) for judges: give validation and test a larger share"
            )
        }
        let aim = try medium.style(of: references.map(\.piece))
        let training = try medium.training(of: inside.lazy.map(\.piece))
        let judges = try judges(of: medium, outside, &remarks)
        for index in contents.indices {
            let content = contents[index]
            contents[index].judged = try judges.map {
                try $0.probabilities(of: content.piece, group: content.group)
            }
        }
        let trained = contents.count { $0.isTrained }
        if trained > 0 {
            remarks.append(
                "\(trained) of \(contents.count) contents are of the train split: a system trained on it has seen them"
            )
        }

        log("measuring the baselines")
        let targets = targets(references, for: contents.map(\.group))
        let ruled = try contents.map { try medium.changedByRule($0.piece, to: aim) }
        let answers: [(name: String, pieces: [M.Piece], music: [BaselineAnswer.Music])] = [
            ("content", contents.map(\.piece), pairs.map { .file(path: $0.content, name: $0.name) }),
            ("target", targets.map(\.piece), targets.map { .file(path: $0.file, name: $0.name) }),
            ("rule", ruled, ruled.map(medium.music)),
        ]
        func values(_ pieces: [M.Piece]) throws -> (single: [[Named]], overall: [Judgement.Value]) {
            try self.values(of: pieces, contents, judges, medium, aim, training)
        }
        let groups = Set(contents.map(\.group))
        if groups.count < Bootstrap.leastPieceCount {
            remarks.append(
                "no intervals: \(groups.count) \(groups.count == 1 ? "piece" : "pieces"), fewer than \(Bootstrap.leastPieceCount)"
            )
        }
        let measured = try answers.map { ($0.name, $0.music, try values($0.pieces)) }
        let baselines = measured.map { (name: $0, values: $2.overall) }
        let judgements = try systems.map { pairs in
            log("reading and measuring \(pairs.count) outputs")
            let outputs = try pairs.map { try read($0.output, medium) }
            let found = try values(outputs)
            return Judgement(
                dataset: reader.snapshot.dataset, snapshot: reader.digest, label: label, style: style,
                files: pairs.count, pieces: groups.count, judgedPieces: Self.pieceCounts(outside),
                judges: judges.map(\.record), outputs: found.overall,
                single: zip(pairs, found.single).map { ($0.name, $1.map { ($0.name, $0.value) }) },
                baselines: baselines,
                remarks: remarks + medium.omissions(outputs, contents.map(\.piece)))
        }
        return (
            judgements,
            contents.indices.map { index in
                measured.map { name, music, found in
                    BaselineAnswer(
                        name: name, music: music[index],
                        measures: found.single[index].map { ($0.name, $0.value) })
                }
            }
        )
    }

    private func read<M: Medium>(_ path: String, _ medium: M) throws(JudgingError) -> M.Piece {
        do {
            return try medium.piece(at: path)
        } catch let error as BuildError {
            throw JudgingError(.file, error.message)
        } catch let error as JudgingError {
            throw JudgingError(error.code, "\(path): \(error.message)")
        } catch {
            throw JudgingError(.file, "\(path): \(error)")
        }
    }

    private func digest(ofFile path: String) throws -> Digest {
        guard let stat = FileStat(path: path) else {
            throw JudgingError(.file, "\(path) is not there, or may not be read")
        }
        let files = try reader.cache.hashSources([(path: path, stat: stat)], with: Workers(count: 1))
        switch files.first {
        case .success(let file): return file.digest
        case .failure(let error): throw JudgingError(.file, "\(error)")
        case nil: throw JudgingError(.file, "\(path) is not there")
        }
    }

    private static func pieceCounts<Piece>(_ members: [Member<Piece>]) -> [String: Int] {
        Dictionary(grouping: members, by: \.style).mapValues { Set($0.map(\.group)).count }
    }

    /// The judges of all styles that have enough pieces; none if the target style is not among them.
    private func judges<M: Medium>(
        of medium: M, _ members: [Member<M.Piece>], _ remarks: inout [String]
    ) throws -> [Judge<M.Piece>] {
        let counts = Self.pieceCounts(members)
        let styles = counts.filter { $0.value >= Self.leastPieces }.keys.sorted()
        let missing = counts.filter { $0.value < Self.leastPieces }.keys.sorted()
        if !missing.isEmpty {
            remarks.append(
                "judges do not know \(missing.joined(separator: ", ")): fewer than \(Self.leastPieces) pieces outside the train split"
            )
        }
        guard styles.count > 1, styles.contains(style) else {
            remarks.append(
                "no judges: they need \(Self.leastPieces) pieces of two styles outside the train split")
            return []
        }
        let known = members.filter { styles.contains($0.style) }
        let examples = known.map {
            Judge<M.Piece>.Example(
                piece: $0.piece, group: $0.group, style: styles.firstIndex(of: $0.style) ?? 0)
        }
        let folds = CrossValidation.folds(
            groups: examples.map(\.group), labels: examples.map(\.style), count: Self.foldCount)
        return try medium.views.map { view in
            log("fitting the judge '\(view.name)' to \(examples.count) files")
            return try Judge(
                view, examples, styles: styles, folds: folds, foldCount: Self.foldCount, seed: seed)
        }
    }

    /// A piece of the target style for each content, never a version of the content itself.
    private func targets<Piece>(_ references: [Member<Piece>], for groups: [String]) -> [Member<Piece>] {
        var random = SplitMix64(seed: seed)
        return groups.map { group in
            let others = references.filter { $0.group != group }
            let choice = others.isEmpty ? references : others
            return choice[random.index(below: choice.count)]
        }
    }

    /// What each answer's measures say, then their means over pieces and the measures of all answers together.
    private func values<M: Medium>(
        of answers: [M.Piece], _ contents: [Content<M.Piece>], _ judges: [Judge<M.Piece>], _ medium: M,
        _ aim: M.Style, _ training: M.Training
    ) throws -> (single: [[Named]], overall: [Judgement.Value]) {
        let single = try zip(answers, contents).map { answer, content in
            try styleMeasures(of: answer, content, judges) + medium.fit(of: answer, to: aim)
                + medium.content(of: answer, against: content.piece)
                + medium.novelty(of: answer, among: training)
        }
        var order: [Named] = []
        var found: [String: [(value: Double, group: String)]] = [:]
        for (measures, content) in zip(single, contents) {
            for named in measures {
                if found[named.name] == nil { order.append(named) }
                found[named.name, default: []] += named.value.map { [($0, content.group)] } ?? []
            }
        }
        let means = order.compactMap { named -> Judgement.Value? in
            guard let all = found[named.name], !all.isEmpty else { return nil }
            let byPiece = Bootstrap.meanByPiece(all.map(\.value), pieces: all.map(\.group))
            let mean = byPiece.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value } / Double(byPiece.count)
            let interval = Bootstrap.interval(
                ofMean: all.map(\.value), pieces: all.map(\.group), seed: seed)
            return Judgement.Value(
                group: named.group, name: named.name, value: mean,
                interval: interval.map { $0.lower...max($0.lower, $0.upper) })
        }
        let ofAll = try medium.fit(ofAll: answers, to: aim, seed: seed).compactMap { named in
            named.value.map {
                Judgement.Value(group: named.group, name: named.name, value: $0, interval: nil)
            }
        }
        let all = means + ofAll
        return (single, MeasureGroup.allCases.flatMap { group in all.filter { $0.group == group } })
    }

    /// What the judges say of an answer.
    private func styleMeasures<Piece>(
        of answer: Piece, _ content: Content<Piece>, _ judges: [Judge<Piece>]
    ) throws -> [Named] {
        try zip(judges, content.judged).flatMap { judge, before -> [Named] in
            guard let target = judge.record.styles.firstIndex(of: style) else { return [] }
            let after = try judge.probabilities(of: answer, group: content.group)
            let probability = Named(.style, "probability_\(judge.view.name)", after[target])
            guard !judge.view.isNuisance, let source = content.style, source != style,
                let place = judge.record.styles.firstIndex(of: source)
            else { return [probability] }
            return [
                probability,
                Named(.style, "transfer_strength_\(judge.view.name)", before[place] - after[place]),
            ]
        }
    }
}

extension SegmentKind {
    /// What a file of the kind is called.
    fileprivate var noun: String {
        switch self {
        case .midi: "MIDI file"
        case .audio, .paired: "recording"
        }
    }
}
