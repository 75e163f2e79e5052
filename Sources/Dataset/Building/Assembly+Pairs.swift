import Build
import Files
import Loading
import Manifest
import Symbolic

extension Assembly {
    /// Which entries are kept: all, or with `dedupe` the first of equal bytes.
    func deduplicated(_ outcomes: [SourceOutcome]) -> [Bool] {
        var seen: Set<Digest> = []
        return outcomes.map { outcome in
            guard manifest.dedupe, case .built(let source) = outcome else { return true }
            return seen.insert(source.sha256).inserted
        }
    }

    /// How the recordings of entries are cut, by the entries' numbers: of those whose other half is there.
    ///
    /// Which half is the MIDI file shows when it is read; the cut means nothing to the other.
    func recordingCuts(
        _ list: EntryList, _ descriptions: [EntryList.Description], _ partners: [Int: Int]
    ) -> [Int: RecordingCut] {
        partners.reduce(into: [:]) { cuts, place in
            guard list.status(place.key) != nil, list.status(place.value) != nil,
                let pair = descriptions[place.key].pair
            else { return }
            cuts[place.key] = RecordingCut(manifest, offset: pair.offset)
        }
    }

    /// The number of each entry's other half, where that is an entry.
    func partners(_ list: EntryList, _ descriptions: [EntryList.Description]) -> [Int: Int] {
        guard descriptions.contains(where: { $0.pair != nil }) else { return [:] }
        var numbers: [[UInt8]: Int] = [:]
        for index in descriptions.indices where descriptions[index].pair != nil {
            numbers[Array(list.path(index).utf8)] = index
        }
        return descriptions.indices.reduce(into: [:]) { partners, index in
            guard let pair = descriptions[index].pair, let other = numbers[Array(pair.path.utf8)] else {
                return
            }
            partners[index] = other
        }
    }

    /// Finds the entries that cannot be paired, and reads their MIDI files once more, for themselves.
    ///
    /// - Returns: by the entries' numbers, the other half and what is the matter with it.
    func unpair(
        _ list: EntryList, _ descriptions: [EntryList.Description], _ partners: [Int: Int],
        _ outcomes: inout [SourceOutcome], _ kept: [Bool], _ summary: inout BuildSummary
    ) throws -> [Int: String] {
        var reasons: [Int: String] = [:]
        var again: [Int] = []
        for (index, description) in descriptions.enumerated() {
            guard let pair = description.pair, kept[index], case .built(let source) = outcomes[index] else {
                continue
            }
            let reason: String
            if let partner = partners[index] {
                switch outcomes[partner] {
                case .quarantined(let problem): reason = "cannot be used: \(problem.code)"
                case .unreadable(let problem): reason = "cannot be read: \(problem.code)"
                case .built where !kept[partner]: reason = "is left out by dedupe"
                case .built(let other):
                    guard other.kind == source.kind else { continue }
                    reason = "is \(other.kind == .midi ? "MIDI" : "audio") as well"
                }
            } else {
                reason = "is missing"
            }
            reasons[index] = "'\(pair.path)' \(reason)"
            if source.kind == .midi { again.append(index) }
        }
        guard !reasons.isEmpty else { return [:] }
        let files = again.compactMap { index in
            list.status(index).map { (path: "\(directory)/\(list.path(index))", stat: $0) }
        }
        var items: [(index: Int, item: SourceStages.Item)] = []
        for (index, result) in zip(again, try runner.cache.hashSources(files, with: workers)) {
            guard case .success(let file) = result else { continue }
            items.append(
                (
                    index,
                    SourceStages.Item(path: list.path(index), digest: file.digest, file: file, kind: .midi)
                ))
        }
        let found = try SourceStages(manifest, runner.inPlace).outcomes(items.map(\.item), workers) { _ in }
        for (item, outcome) in zip(items, found) { outcomes[item.index] = outcome }
        let shown = reasons.sorted { $0.key < $1.key }.prefix(10).map { index, reason in
            "\(list.path(index)) (\(reason))"
        }
        let more = reasons.count > 10 ? " and \(reasons.count - 10) more" : ""
        summary.warnings.append(
            "\(reasons.count) \(reasons.count == 1 ? "file is" : "files are") not paired and used alone: \(shown.joined(separator: ", "))\(more)"
        )
        return reasons
    }

    /// Joins the halves of pairs; the shorter one decides how many segments a pair has.
    func join(_ entries: inout [Entry], _ summary: inout BuildSummary) {
        guard entries.contains(where: { $0.description.pair != nil }) else { return }
        var numbers: [[UInt8]: Int] = [:]
        for (index, entry) in entries.enumerated() where entry.description.pair != nil {
            numbers[Array(entry.path.utf8)] = index
        }
        var lost: [String] = []
        for index in entries.indices where entries[index].source.kind == .midi {
            guard let pair = entries[index].description.pair,
                let other = numbers[Array(pair.path.utf8)], entries[other].source.kind == .audio
            else { continue }
            let (score, recording) = (entries[index].source.segments, entries[other].source.segments)
            let count = min(score, recording)
            entries[index].pair = Pair(
                partner: other, path: entries[other].path, offset: pair.offset, segments: count)
            entries[other].pair = Pair(
                partner: index, path: entries[index].path, offset: pair.offset, segments: count)
            guard abs(score - recording) > 1, entries[index].source.exclusion == nil,
                entries[index].source.isKnown, entries[other].source.isKnown
            else { continue }
            let longer = score > recording ? "the score" : "the recording"
            let message =
                "\(score) segments of the score and \(recording) of the recording: the last \(abs(score - recording)) of \(longer) are left out"
            entries[index].pairWarnings.append("pair.length: \(message)")
            lost.append("\(entries[index].path) and \(entries[other].path): \(message)")
        }
        guard let first = lost.first else { return }
        let more =
            lost.count > 1 ? "; so it is in \(lost.count - 1) more \(lost.count == 2 ? "pair" : "pairs")" : ""
        summary.warnings.append(first + more)
    }
}
