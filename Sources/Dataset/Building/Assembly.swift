import Audio
import Build
import Symbolic
import Synchronization

/// The way from entries to a snapshot: everything that looks at the dataset as a whole.
struct Assembly: Sendable {
    let manifest: Manifest
    let directory: String
    /// The manifest's path, as faults name it.
    let manifestPath: String
    let runner: ActionRunner
    let workers: Workers
    let progress: @Sendable (BuildProgress) -> Void

    /// Look-ups and outcomes are made for this many entries at a time, so that records need no memory for long.
    private static let chunkCount = 4096

    /// An entry that can be used.
    struct Entry: Sendable {
        let path: String
        let description: EntryList.Description
        let source: BuiltSource
        let gain: LoudnessTarget.Gain?
        var piece: Digest
        /// The segments that each split gets.
        var segments: [Split: [Range<Int>]] = [:]
        var split: Split?
    }

    /// Makes the snapshot; nil when planning and something would have to run first.
    func assemble(_ list: EntryList) throws -> (Snapshot, BuildSummary)? {
        let descriptions = try list.described()
        var summary = BuildSummary(dataset: manifest.dataset, snapshot: Digest(of: []))
        summary.found = list.count + list.unusable.count
        summary.warnings += list.warnings
        summary.quarantine += list.unusable.map {
            BuildSummary.Problem(path: $0.path, code: $0.code, offset: nil, reason: $0.reason)
        }
        let results = try outcomes(list, &summary)
        var entries: [Entry] = []
        var seen: Set<Digest> = []
        for (index, outcome) in results.enumerated() {
            switch outcome {
            case .built(let source):
                if manifest.dedupe, !seen.insert(source.sha256).inserted { continue }
                entries.append(
                    Entry(
                        path: list.path(index), description: descriptions[index], source: source,
                        gain: gain(of: source), piece: source.sha256))
            case .quarantined(let problem), .unreadable(let problem): summary.quarantine.append(problem)
            }
        }
        if case .plan(let plan) = runner {
            plan.paths = Dictionary(entries.map { ($0.source.sha256.short, $0.path) }) { first, _ in first }
        }
        summary.ok = entries.count
        summary.excluded = entries.count { $0.source.exclusion != nil }
        summary.warned = entries.count { !$0.source.warnings.isEmpty }
        guard !entries.isEmpty else {
            let first = summary.quarantine.first.map { ": \($0.path): \($0.reason)" } ?? ""
            throw BuildError(
                .inputOutput, "none of the \(list.count) sources could be used\(first)", canRetry: false)
        }
        try deal(&entries, &summary)
        note(limited: entries, &summary)
        let statistics = try statistics(entries)
        guard let shards = try shards(entries, statistics, &summary) else { return nil }
        let stages = Stages.all + (manifest.splits.nearDuplicates == .together ? Stages.asked : [])
        let snapshot = Snapshot(
            dataset: manifest.dataset, manifest: manifest.effective,
            stages: Dictionary(uniqueKeysWithValues: stages.map { ($0.name, $0.version) }),
            shards: shards,
            sources: entries.map(\.described), vocabularies: vocabularies(entries),
            statistics: statistics.object?.digest,
            quarantine: summary.quarantine.filter { !$0.code.hasPrefix("source.") }.map {
                ($0.path, $0.code)
            },
            features: features(entries))
        for split in Split.allCases { summary.segments[split] = snapshot.segmentCount(split) }
        return (snapshot, summary)
    }

    // MARK: Sources

    private func outcomes(_ list: EntryList, _ summary: inout BuildSummary) throws -> [SourceOutcome] {
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
                    items.append(SourceStages.Item(path: list.path(index), source: source))
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

    private func gain(of source: BuiltSource) -> LoudnessTarget.Gain? {
        guard let audio = manifest.audio, let levels = source.levels else { return nil }
        let target: LoudnessTarget =
            switch audio.loudness {
            case .none: .none
            case .rms(let level): .rms(level)
            case .lufs(let level): .lufs(level)
            }
        return target.gain(for: levels, ceiling: audio.peakCeiling)
    }

    // MARK: Pieces and splits

    /// Finds pieces, and deals them or their segments to the splits.
    private func deal(_ entries: inout [Entry], _ summary: inout BuildSummary) throws {
        let alike = manifest.splits.nearDuplicates == .together ? try nearDuplicates(entries) : []
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
                    let count = entries[index].source.segments
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
        // A segment's place among its source's segments stands for its start: one follows from the other.
        let ids = entries.flatMap { entry in
            (0..<entry.source.segments).map {
                SplitAssignment.segmentID(source: entry.source.sha256, timeline: 0, start: $0)
            }
        }
        let assignment = try SplitAssignment(segments: ids, by: manifest.splits)
        summary.warnings += assignment.warnings.map(\.message)
        var next = 0
        for index in entries.indices {
            var segments: [Split: [Range<Int>]] = [:]
            for segment in 0..<entries[index].source.segments {
                let split = assignment.splits[next]
                next += 1
                if segments[split]?.last?.upperBound == segment {
                    let last = segments[split, default: []].removeLast()
                    segments[split, default: []].append(last.lowerBound..<segment + 1)
                } else {
                    segments[split, default: []].append(segment..<segment + 1)
                }
            }
            entries[index].segments = segments
        }
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
            for (name, value) in entry.description.labels
            where values[name]?.last?.utf8.elementsEqual(value.utf8) != true {
                values[name, default: []].append(value)
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
            labels: description.labels, segments: source.segments, gainDB: gain?.decibels,
            warnings: source.warnings + (source.exclusion.map { ["midi.excluded: \($0)"] } ?? []))
    }
}
