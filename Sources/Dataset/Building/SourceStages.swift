import Audio
import Build
import Symbolic

/// The stages of single sources: each entry's bytes → segments, in parallel, at most once.
struct SourceStages: Sendable {
    let runner: ActionRunner
    let rolls: RollParameters?
    let rollParameters: Parameters
    let spectrum: SpectrumStage?

    init(_ manifest: Manifest, _ runner: ActionRunner) {
        self.runner = runner
        rolls = manifest.midi.map { RollParameters($0) }
        rollParameters = Parameters(manifest.midi?.effective ?? .null)
        spectrum = manifest.audio.map { SpectrumStage($0) }
    }

    /// An entry's source on its way through the stages.
    struct Item: Sendable {
        let path: String
        let source: SourceFile
    }

    /// What becomes of many entries: those whose results are recorded are found with a few look-ups.
    func outcomes(
        _ items: [Item], _ workers: Workers, finished: @Sendable (Int) -> Void
    ) throws(BuildError) -> [SourceOutcome] {
        let heads = items.map { item -> Action? in
            switch SegmentKind.promised(byPath: item.path) {
            case .midi: rolls == nil ? nil : ScoreStage.score(item.source, path: item.path)
            case .audio: spectrum?.action(item.source, path: item.path)
            }
        }
        let headRecords = try lookup(heads)
        let tails = zip(items, headRecords).map { item, record -> Action? in
            guard let record, record.failure == nil, record.stage == Stages.score else { return nil }
            return ScoreStage.segments(record.output("score"), rollParameters, path: item.path)
        }
        let tailRecords = try lookup(tails)
        let descriptions = try lookup(
            zip(items, headRecords).map { item, record -> Action? in
                guard let record, record.failure == nil else { return nil }
                return DescribeStage.action(of: record, path: item.path)
            })
        var outcomes: [SourceOutcome?] = items.indices.map { index in
            let (head, tail) = (headRecords[index], tailRecords[index])
            // A source that is not described yet runs what is missing, though its segments are there.
            if let head, head.failure == nil, tail?.failure == nil, descriptions[index] == nil,
                DescribeStage.action(of: head, path: items[index].path) != nil
            {
                return nil
            }
            return outcome(items[index], head, tail)
        }
        let missing = items.indices.filter { outcomes[$0] == nil }
        finished(items.count - missing.count)
        let found = try workers.map(missing, sharing: { items[$0].source.digest }) {
            (index) throws(BuildError) -> SourceOutcome in
            defer { finished(1) }
            do throws(BuildError) {
                return try runner.mending { () throws(BuildError) in
                    try run(items[index], known: headRecords[index])
                }
            } catch {
                guard error.concernsOneSource else { throw error }
                return .unreadable(
                    BuildSummary.Problem(
                        path: items[index].path, code: error.code.rawValue, offset: nil, reason: error.message
                    ))
            }
        }
        for (index, outcome) in zip(missing, found) { outcomes[index] = outcome }
        return outcomes.compactMap { $0 }
    }

    private func lookup(_ actions: [Action?]) throws(BuildError) -> [ActionRecord?] {
        let indices = actions.indices.filter { actions[$0] != nil }
        guard !indices.isEmpty else { return actions.map { _ in nil } }
        let found = try runner.lookup(indices.compactMap { actions[$0] })
        var records: [ActionRecord?] = actions.map { _ in nil }
        for (index, record) in zip(indices, found) { records[index] = record }
        return records
    }

    /// What records say; nil if one is missing.
    private func outcome(_ item: Item, _ head: ActionRecord?, _ tail: ActionRecord?) -> SourceOutcome? {
        guard let head else { return nil }
        if let failure = head.failure ?? tail?.failure { return quarantined(item, failure) }
        if head.stage == Stages.spectrum { return .built(SpectrumStage.built(item.source.digest, head)) }
        return tail.map { .built(ScoreStage.built(item.source.digest, head, $0)) }
    }

    private func quarantined(_ item: Item, _ failure: Diagnostic) -> SourceOutcome {
        let reason = failure.help.map { "\(failure.message); \($0)" } ?? failure.message
        return .quarantined(
            BuildSummary.Problem(path: item.path, code: failure.code, offset: failure.offset, reason: reason))
    }

    private func run(_ item: Item, known: ActionRecord?) throws(BuildError) -> SourceOutcome {
        let kind: SegmentKind =
            known.map { $0.stage == Stages.score ? .midi : .audio }
            ?? .found(atPath: item.source.path, named: item.path)
        switch kind {
        case .midi:
            guard let rolls else { return missingBlock(item, "MIDI", "midi") }
            var score = known
            // Up to three stages have to do with the score, one after the other: it is parsed or decoded once.
            var parsed: Score?
            if score == nil {
                let action = ScoreStage.score(item.source, path: item.path)
                score = try runner.run(action, reading: [item.source]) { context in
                    parsed = try ScoreStage.runScore(context, item.source)
                }
            }
            guard let score else {
                if case .plan(let plan) = runner {
                    try plan.expect(
                        Stages.segments, rollParameters, inputs: [("score", nil)], subject: item.path)
                    try plan.expect(
                        Stages.describe, Parameters.none, inputs: [("score", nil)], subject: item.path)
                }
                return .built(.unknown(item.source, .midi))
            }
            if let failure = score.failure { return quarantined(item, failure) }
            let action = ScoreStage.segments(score.output("score"), rollParameters, path: item.path)
            let segments = try runner.run(action) { context in
                let score = try parsed ?? ScoreStage.decode(context)
                parsed = score
                try ScoreStage.runSegments(context, score, rolls)
            }
            if segments?.failure == nil {
                try describe(score, item, parsed.map { .score($0) })
            }
            guard let segments else { return .built(.unknown(item.source, .midi)) }
            return outcome(item, score, segments) ?? .built(.unknown(item.source, .midi))
        case .audio:
            guard let spectrum else { return missingBlock(item, "audio", "audio") }
            var mel: MelDescription?
            let record = try runner.run(spectrum.action(item.source, path: item.path), reading: [item.source])
            {
                context in mel = try spectrum.run(context, item.source)
            }
            guard let record else {
                let mel = spectrum.describedFeature
                if case .plan(let plan) = runner, let mel {
                    try plan.expect(
                        Stages.describeMel, Parameters.none, inputs: [(mel.name, nil)], subject: item.path)
                }
                return .built(.unknown(item.source, .audio))
            }
            if record.failure == nil { try describe(record, item, mel.map { .mel($0) }) }
            return outcome(item, record, nil) ?? .built(.unknown(item.source, .audio))
        }
    }

    private func describe(
        _ record: ActionRecord, _ item: Item, _ atHand: DescribeStage.AtHand?
    ) throws(BuildError) {
        guard let action = DescribeStage.action(of: record, path: item.path) else { return }
        _ = try runner.run(action) { context in try DescribeStage.run(context, atHand) }
    }

    private func missingBlock(_ item: Item, _ kind: String, _ block: String) -> SourceOutcome {
        .quarantined(
            BuildSummary.Problem(
                path: item.path, code: "manifest.no-\(block)-block", offset: nil,
                reason:
                    "it is \(kind), and the manifest has no '\(block)' block; add '\(block): {}' or narrow the path"
            ))
    }
}
