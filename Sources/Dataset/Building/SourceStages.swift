import Build
import Files
import Loading
import Manifest
import Storage
import Symbolic

/// The stage of each source: an entry's bytes → segments and facts, in parallel, at most once.
struct SourceStages: Sendable {
    private let runner: ActionRunner
    private let read: ReadStage?
    private let spectrum: SpectrumStage?

    init(_ manifest: Manifest, _ runner: ActionRunner) {
        self.runner = runner
        read = manifest.midi.map { ReadStage($0) }
        spectrum = manifest.audio.map { SpectrumStage($0) }
    }

    /// An entry's source.
    struct Item: Sendable {
        let path: String
        let digest: Digest
        /// The file; nil when a former build is retraced.
        let file: SourceFile?
        /// What it holds, if that is known without looking.
        var kind: SegmentKind?
        /// How its recording is cut, if it is the MIDI file of a pair.
        var recording: RecordingCut?
    }

    /// What becomes of many entries: those whose results are recorded are found with a few look-ups.
    func outcomes(
        _ items: [Item], _ workers: Workers, finished: @Sendable (Int) -> Void
    ) throws(BuildError) -> [SourceOutcome] {
        let drafts = items.map { draft($0, $0.kind ?? .promised(byPath: $0.path)) }
        let records = try lookup(drafts)
        var outcomes = zip(items, records).map { item, record in record.map { outcome(item, $0) } }
        let missing = items.indices.filter { outcomes[$0] == nil }
        finished(items.count - missing.count)
        let found = try workers.map(missing, sharing: { items[$0].digest }) {
            (index) throws(BuildError) -> SourceOutcome in
            defer { finished(1) }
            do throws(BuildError) {
                return try run(items[index])
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

    private func lookup(_ drafts: [ActionDraft?]) throws(BuildError) -> [ActionRecord?] {
        let indices = drafts.indices.filter { drafts[$0] != nil }
        let found = try runner.lookup(indices.compactMap { drafts[$0] })
        var records = [ActionRecord?](repeating: nil, count: drafts.count)
        for (index, record) in zip(indices, found) { records[index] = record }
        return records
    }

    /// The action of a source; nil if the manifest has no block for its kind.
    private func draft(_ item: Item, _ kind: SegmentKind) -> ActionDraft? {
        switch kind {
        case .midi, .paired: read?.draft(item.digest, path: item.path, recording: item.recording)
        case .audio: spectrum?.draft(item.digest, path: item.path)
        }
    }

    private func run(_ item: Item) throws(BuildError) -> SourceOutcome {
        let kind =
            item.kind ?? item.file.map { .found(atPath: $0.path, named: item.path) }
            ?? .promised(byPath: item.path)
        guard let draft = draft(item, kind) else { return missingBlock(item, kind) }
        let record = try runner.run(draft, reading: item.file.map { [$0] } ?? []) { context in
            guard let file = item.file else { preconditionFailure("\(item.path) has no file to read") }
            switch kind {
            case .midi, .paired: try read?.run(context, file, recording: item.recording)
            case .audio: try spectrum?.run(context, file)
            }
        }
        return record.map { outcome(item, $0) } ?? .built(.unknown(item.digest, kind))
    }

    private func outcome(_ item: Item, _ record: ActionRecord) -> SourceOutcome {
        if let failure = record.failure {
            let reason = failure.help.map { "\(failure.message); \($0)" } ?? failure.message
            return .quarantined(
                BuildSummary.Problem(
                    path: item.path, code: failure.code, offset: failure.offset, reason: reason))
        }
        return .built(
            record.stage.name == Stages.read.name
                ? ReadStage.built(item.digest, record) : SpectrumStage.built(item.digest, record))
    }

    private func missingBlock(_ item: Item, _ kind: SegmentKind) -> SourceOutcome {
        let (name, block) = kind == .midi ? ("MIDI", "midi") : ("audio", "audio")
        return .quarantined(
            BuildSummary.Problem(
                path: item.path, code: "manifest.no-\(block)-block", offset: nil,
                reason:
                    "it is \(name), and the manifest has no '\(block)' block; add '\(block): {}' or narrow the path"
            ))
    }
}
