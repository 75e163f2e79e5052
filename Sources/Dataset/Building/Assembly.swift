import Audio
import Build
import Files
import Listing
import Loading
import Manifest
internal import SoundFiles
import Storage
import Symbolic
import Synchronization

/// The description of a build, from entries to a snapshot: an engine runs its actions, a plan walks through them.
struct Assembly: Sendable {
    let manifest: Manifest
    let directory: String
    /// The manifest's path, as faults name it.
    let manifestPath: String
    let runner: ActionRunner
    let workers: Workers
    let progress: @Sendable (BuildProgress) -> Void

    /// Look-ups and outcomes are made for this many entries at a time, so that records need no memory for long.
    static let chunkCount = 4096

    /// An entry that can be used.
    struct Entry: Sendable {
        let path: String
        let description: EntryList.Description
        let source: BuiltSource
        let gain: LoudnessTarget.Gain?
        /// Why its loudness is not quite what the manifest asks for.
        let loudnessWarning: AudioWarning?
        var piece: Digest
        /// The segments that each split gets.
        var segments: [Split: [Range<Int>]] = [:]
        var split: Split?
        /// Its other half, if it is one of a pair.
        var pair: Pair?
        /// Why it is not, though the manifest gives it another half; and what else was found of the pair.
        var pairWarnings: [String] = []

        /// The kind of its segments.
        var kind: SegmentKind { pair == nil ? source.kind : .paired }

        /// The segments that it contributes: those of a pair count for its MIDI file.
        var count: Int {
            guard let pair else { return source.segments }
            return source.kind == .midi ? pair.segments : 0
        }
    }

    /// The other half of an entry.
    struct Pair: Sendable {
        /// Its number among the entries.
        let partner: Int
        let path: String
        /// When the score begins in the recording, in microseconds.
        let offset: Int
        /// The segments that both halves have.
        let segments: Int
    }

    /// Makes the snapshot and stores it.
    ///
    /// - Returns: the snapshot's object and all objects that it refers to, none in a plan in which one is not known;
    ///   and what was found on the way.
    func assemble(_ list: EntryList) throws -> (objects: [ObjectReference], summary: BuildSummary) {
        var summary = BuildSummary(dataset: manifest.dataset, snapshot: Digest(of: []))
        let descriptions = try list.described { summary.warnings.append($0) }
        summary.found = list.count + list.unusable.count
        summary.warnings += list.warnings
        summary.quarantine += list.unusable.map {
            BuildSummary.Problem(path: $0.path, code: $0.code, offset: nil, reason: $0.reason)
        }
        let partners = partners(list, descriptions)
        var results = try outcomes(list, recordingCuts(list, descriptions, partners), &summary)
        let kept = deduplicated(results)
        let unpaired = try unpair(list, descriptions, partners, &results, kept, &summary)
        var entries: [Entry] = []
        for (index, outcome) in results.enumerated() {
            switch outcome {
            case .built(let source):
                guard kept[index] else { continue }
                var entry = entry(list.path(index), descriptions[index], source)
                entry.pairWarnings = unpaired[index].map { ["pair.none: its other half \($0)"] } ?? []
                entries.append(entry)
            case .quarantined(let problem), .unreadable(let problem): summary.quarantine.append(problem)
            }
        }
        summary.ok = entries.count
        summary.excluded = entries.count { $0.source.exclusion != nil }
        summary.warned = entries.count { !$0.source.warnings.isEmpty || $0.loudnessWarning != nil }
        guard !entries.isEmpty else {
            let first = summary.quarantine.first.map { ": \($0.path): \($0.reason)" } ?? ""
            let none =
                list.count == 1
                ? "the only source could not be used" : "none of the \(list.count) sources could be used"
            throw BuildError(.inputOutput, "\(none)\(first)", canRetry: false)
        }
        join(&entries, &summary)
        try deal(&entries, &summary)
        note(limited: entries, &summary)
        noteAudio(entries, &summary)
        let objects = try finish(entries, &summary)
        return (objects, summary)
    }

    /// Walks through the actions of a dataset as it was built before, by its snapshot alone.
    ///
    /// It goes as far as what is recorded leads; nothing depends on an action that is left out but a reason.
    func retrace(_ snapshot: Snapshot) throws {
        let items = snapshot.sources.map { source in
            SourceStages.Item(
                path: source.path, digest: source.sha256, file: nil, kind: source.kind,
                recording: source.pair.flatMap { RecordingCut(manifest, offset: $0.offset) })
        }
        let outcomes = try SourceStages(manifest, runner).outcomes(items, workers) { _ in }
        var entries: [Entry] = []
        for (source, outcome) in zip(snapshot.sources, outcomes) {
            guard case .built(let built) = outcome else { continue }
            var entry = entry(
                source.path,
                EntryList.Description(
                    labels: source.labels,
                    pair: source.pair.map { EntryList.Pair(path: $0.path, offset: $0.offset) }), built)
            entry.piece = Digest(hex: source.piece) ?? source.sha256
            entry.split = source.split
            entries.append(entry)
        }
        var summary = BuildSummary(dataset: manifest.dataset, snapshot: Digest(of: []))
        join(&entries, &summary)
        for index in entries.indices {
            guard let split = entries[index].split, entries[index].count > 0 else { continue }
            entries[index].segments = [split: [0..<entries[index].count]]
        }
        if manifest.splits.unit == .segment { try dealSegments(&entries, &summary) }
        _ = try finish(entries, &summary)
    }

    private func entry(
        _ path: String, _ description: EntryList.Description, _ source: BuiltSource
    ) -> Entry {
        Entry(
            path: path, description: description, source: source, gain: gain(of: source),
            loudnessWarning: loudnessWarning(of: source), piece: source.sha256)
    }

    /// Statistics, shards and the snapshot of entries that have been assigned to the splits.
    private func finish(_ entries: [Entry], _ summary: inout BuildSummary) throws -> [ObjectReference] {
        let sources = entries.map(\.described)
        let statistics = try statistics(entries)
        let shards = try shards(entries, inOrder: Snapshot.segmentOrder(of: sources), statistics, &summary)
        let tables = try tables(entries, sources)
        var snapshot: Snapshot?
        if let shards, let tables {
            let built = Snapshot(
                dataset: manifest.dataset, manifest: manifest.effective,
                stages: Dictionary(uniqueKeysWithValues: Stages.all.map { ($0.name, $0.version) }),
                shards: shards, tables: tables.map { Snapshot.Table(object: $0.0.digest, count: $0.1) },
                sources: sources, vocabularies: vocabularies(entries),
                statistics: statistics.object?.digest,
                quarantine: summary.quarantine.filter { !$0.code.hasPrefix("source.") }.map {
                    ($0.path, $0.code)
                },
                features: features(entries))
            for split in Split.allCases { summary.segments[split] = built.segmentCount(split) }
            snapshot = built
        }
        guard let object = try store(snapshot), let snapshot, let tables else { return [] }
        let references = Split.allCases.flatMap { split in
            (snapshot.shards[split] ?? []).map { ObjectReference(digest: $0.object, size: $0.bytes) }
        }
        return [object] + tables.map(\.0) + references + (statistics.object.map { [$0] } ?? [])
    }

    /// How many entries a table lists at most.
    private static let tableLimit = 1024

    /// The tables of the entries, each with its count; nil in a plan when one would be written.
    private func tables(
        _ entries: [Entry], _ sources: [Snapshot.Source]
    ) throws -> [(ObjectReference, Int)]? {
        let places = Dictionary(
            uniqueKeysWithValues: entries.enumerated().map { (Digest(of: Array($1.path.utf8)), $0) })
        let isMembershipKnown = isMembershipKnown(entries)
        let leaves = Bucket.divide(places.keys.map { ($0, 1) }, targetBytes: Self.tableLimit)
        let tables = leaves.map { leaf in
            let own = leaf.pieces.compactMap { places[$0] }.sorted()
            let isKnown = isMembershipKnown && own.allSatisfy { entries[$0].source.isKnown }
            let bytes = isKnown ? Snapshot.table(of: own.map { sources[$0] }) : nil
            let draft = ActionDraft(
                Stages.sources, parameters: .some(.none), inputs: [("bytes", bytes.map { Digest(of: $0) })],
                subject: "\(manifest.dataset) \(leaf.prefix)")
            return (draft, bytes)
        }
        let records = try runner.store(tables, as: "table", for: .readers, workers)
        let objects = records.compactMap { $0?.output("table") }
        guard objects.count == leaves.count else { return nil }
        return zip(objects, leaves).map { ($0, $1.pieces.count) }
    }

    /// Puts the snapshot's own bytes into the cache; parameters and inputs show what is new in it.
    private func store(_ snapshot: Snapshot?) throws -> ObjectReference? {
        let bytes = snapshot?.encoded
        let objects = snapshot.map { $0.objects.map { Optional($0) } } ?? [nil]
        let draft = ActionDraft(
            Stages.snapshot, parameters: Parameters(["manifest": manifest.effective]),
            inputs: objects.enumerated().map { ("object \($0)", $1) } + [
                ("bytes", bytes.map { Digest(of: $0) })
            ],
            subject: manifest.dataset)
        return try runner.store([(draft, bytes)], as: "snapshot", for: .readers, workers)[0]?
            .output("snapshot")
    }

    // MARK: Sources

    private func outcomes(
        _ list: EntryList, _ cuts: [Int: RecordingCut], _ summary: inout BuildSummary
    ) throws -> [SourceOutcome] {
        let stages = SourceStages(manifest, runner)
        let total = list.count
        let done = Atomic<Int>(0)
        let report: @Sendable (Int) -> Void = { count in
            let value = done.add(count, ordering: .relaxed).newValue
            progress(BuildProgress(phase: .sources, done: value, total: total))
        }
        var outcomes: [SourceOutcome] = []
        outcomes.reserveCapacity(total)
        for start in stride(from: 0, to: total, by: Self.chunkCount) {
            let chunk = Array(start..<min(start + Self.chunkCount, total))
            let present = chunk.filter { list.status($0) != nil }
            let files = present.compactMap { index in
                list.status(index).map { (path: "\(directory)/\(list.path(index))", stat: $0) }
            }
            let hashes = try runner.cache.hashSources(files, with: workers)
            var items: [SourceStages.Item] = []
            var places: [Int] = []
            var found: [Int: SourceOutcome] = [:]
            for (index, result) in zip(present, hashes) {
                switch result {
                case .success(let source):
                    if source.isUnchanged { summary.unchanged += 1 }
                    if !source.isSettled { summary.isSettled = false }
                    items.append(
                        SourceStages.Item(
                            path: list.path(index), digest: source.digest, file: source,
                            recording: cuts[index]))
                    places.append(index)
                case .failure(let error):
                    summary.isSettled = false
                    found[index] = .unreadable(
                        BuildSummary.Problem(
                            path: list.path(index), code: error.code.rawValue, offset: nil,
                            reason: error.message))
                }
            }
            for (index, outcome) in zip(places, try stages.outcomes(items, workers, finished: report)) {
                if case .unreadable = outcome { summary.isSettled = false }
                found[index] = outcome
            }
            for index in chunk {
                outcomes.append(
                    found[index]
                        ?? .unreadable(
                            BuildSummary.Problem(
                                path: list.path(index), code: BuildError.Code.sourceUnreadable.rawValue,
                                offset: nil,
                                reason: "no such file; correct the table or put the file there")))
            }
        }
        return outcomes
    }

    // MARK: Pieces and splits

    /// Finds pieces, and deals them or their segments to the splits.
    private func deal(_ entries: inout [Entry], _ summary: inout BuildSummary) throws {
        var alike = manifest.splits.nearDuplicates == .together ? try nearDuplicates(entries) : []
        for entry in entries where entry.source.kind == .midi {
            guard let pair = entry.pair else { continue }
            alike.append((entry.source.sha256, entries[pair.partner].source.sha256))
        }
        let pieces = PieceMap(entries.map { ($0.source.sha256, $0.description.piece) }, alike: alike)
        summary.warnings += pieces.warnings.map(\.message)
        for index in entries.indices { entries[index].piece = pieces.ids[index] }
        do throws(SplitAssignment.Failure) {
            if manifest.splits.unit == .segment {
                try dealSegments(&entries, &summary)
            } else {
                let assignment = try SplitAssignment(
                    entries.map { ($0.piece, $0.description) }, by: manifest.splits)
                summary.warnings += assignment.warnings.map(\.message)
                for (index, split) in assignment.splits.enumerated() {
                    entries[index].split = split
                    let count = entries[index].count
                    if count > 0 { entries[index].segments = [split: [0..<count]] }
                }
            }
        } catch {
            let diagnostic = error.diagnostic
            throw ManifestError([
                ManifestFault(
                    file: manifestPath, line: 1,
                    message: diagnostic.help.map { "\(diagnostic.message); \($0)" } ?? diagnostic.message)
            ])
        }
    }

    private func dealSegments(
        _ entries: inout [Entry], _ summary: inout BuildSummary
    ) throws(SplitAssignment.Failure) {
        let (segments, warnings) = try SplitAssignment.dealt(
            entries.map { ($0.source.sha256, $0.count) }, by: manifest.splits)
        summary.warnings += warnings.map(\.message)
        for index in entries.indices {
            // A source that a plan does not know has any number of segments, so each split may get some.
            entries[index].segments =
                entries[index].source.isKnown
                ? segments[index]
                : Dictionary(uniqueKeysWithValues: splitsWithShare.map { ($0, [0..<1]) })
        }
    }

    private var splitsWithShare: [Split] {
        guard case .proportions(let train, let validation, let test) = manifest.splits.division else {
            return Split.allCases
        }
        let shares: [Split: Double] = [.train: train, .validation: validation, .test: test]
        return Split.allCases.filter { (shares[$0] ?? 0) > 0 }
    }

    private func note(limited entries: [Entry], _ summary: inout BuildSummary) {
        let limited = entries.count { $0.gain?.isLimited == true }
        if limited > 0, let ceiling = manifest.audio?.peakCeiling {
            summary.warnings.append(
                "the gain of \(limited) \(limited == 1 ? "source" : "sources") stopped at the peak of \(ceiling) dBTP"
            )
        }
    }

    // MARK: The snapshot's tables

    private func vocabularies(_ entries: [Entry]) -> [String: [String]] {
        var values: [String: [String]] = [:]
        for entry in entries {
            for (name, text) in entry.description.labels
            where values[name]?.last?.utf8.elementsEqual(text.utf8) != true {
                // Each of several values is a value of its own.
                values[name, default: []] += LabelText.values(text)
            }
        }
        return values.mapValues(distinctByBytes)
    }

    private func features(_ entries: [Entry]) -> JSONValue {
        var features: [String: JSONValue] = [:]
        if let block = manifest.audio, entries.contains(where: { $0.source.kind == .audio }) {
            let audio = AudioParameters(block)
            for feature in audio.features {
                features[feature.name] = [
                    "dtype": block.elementType == .float16 ? "F16" : "F32",
                    "shape": .array(feature.finalShape(in: audio).map { JSONValue($0) }),
                ]
            }
        }
        if let midi = manifest.midi, entries.contains(where: { $0.source.kind == .midi }) {
            features["rolls"] = [
                "steps": JSONValue(midi.steps),
                "pitches": [
                    JSONValue(Int(midi.pitches.lowerBound)), JSONValue(Int(midi.pitches.upperBound)),
                ],
            ]
        }
        return .object(features)
    }
}

extension Assembly.Entry {
    /// The entry as the snapshot lists it.
    var described: Snapshot.Source {
        Snapshot.Source(
            sha256: source.sha256, path: path, kind: source.kind, piece: piece.hex, split: split,
            labels: description.labels, segments: count, gainDB: gain?.decibels,
            warnings: source.warnings
                + (loudnessWarning.map { ["\($0.code): \($0.message)"] } ?? [])
                + (source.exclusion.map { ["midi.excluded: \($0)"] } ?? []) + pairWarnings,
            pair: pair.map { Snapshot.Source.Pair(path: $0.path, offset: $0.offset) })
    }
}
