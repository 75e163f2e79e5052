public import Files
public import Loading
public import Manifest

/// The split of each entry: a pure function of the current set of entries, whatever their order.
///
/// - `method: hash`: the first 53 bits of SHA-256(seed as 8 little-endian bytes, id) make a number x in [0, 1); a unit
///   is in train if x < train, in validation if x < train + validation, else in test. With folds, its fold is ⌊x · folds⌋.
///   A unit never moves because others came.
/// - `method: exact`: per stratum, units in the order of x get the counts of the largest-remainder method, train first.
/// - A unit is a piece, or with `by: <label>` all pieces joined by that label's values; its id is then the SHA-256 of the
///   value (of several values the smallest id), and a piece without the label stands alone.
public struct SplitAssignment: Sendable {
    /// The split of each entry.
    public let splits: [Split]
    /// What to look at: empty splits and strata, pieces that a table's column puts in two splits.
    public let warnings: [Diagnostic]

    /// Why pieces cannot be split.
    public struct Failure: Error, Hashable, Sendable {
        /// An error: `splits.train-empty`.
        public let diagnostic: Diagnostic
    }

    /// Splits by piece, label or column.
    ///
    /// - Parameters:
    ///   - entries: each entry's piece and description.
    ///   - rule: the manifest's `splits`; its unit must not be `segment`.
    /// - Throws: `Failure` if the train split is empty.
    public init(_ entries: [(piece: Digest, description: EntryList.Description)], by rule: Manifest.Splits)
        throws(Failure)
    {
        precondition(rule.unit != .segment, "segments are split by init(segments:by:), not with their pieces")
        var warnings: [Diagnostic] = []
        let units = Self.units(entries, rule, &warnings)
        var strata: [Digest: String] = [:]
        if let label = rule.stratify {
            Self.note(entries, without: label, "share a stratum of their own", &warnings)
            for (unit, entry) in zip(units, entries) {
                let value = entry.description.labels[label] ?? ""
                if let other = strata[unit], !value.utf8.lexicographicallyPrecedes(other.utf8) { continue }
                strata[unit] = value
            }
        }
        let dealt: [Digest: Split]
        if case .column(let column) = rule.division {
            dealt = Self.read(entries, column: column, &warnings)
        } else {
            dealt = rule.deal(Set(units), strata: strata)
        }
        splits = units.map { dealt[$0] ?? .train }
        warnings += try rule.emptyParts(dealt, strata: strata, unit: "piece")
        self.warnings = warnings
    }

    /// Splits by segment, which leaks: segments of one piece end up on both sides.
    ///
    /// - Parameters:
    ///   - segments: an id for each segment, see ``segmentID(source:timeline:start:)``.
    ///   - rule: the manifest's `splits`, with proportions or folds and no strata.
    /// - Throws: `Failure` if the train split is empty.
    public init(segments: [Digest], by rule: Manifest.Splits) throws(Failure) {
        let dealt = rule.deal(Set(segments), strata: [:])
        splits = segments.map { dealt[$0] ?? .train }
        warnings = try rule.emptyParts(dealt, strata: [:], unit: "segment")
    }

    /// The id that a segment is split by.
    ///
    /// - Parameters:
    ///   - source: the hash of the source's bytes.
    ///   - timeline: the index of the timeline, 0 but for MIDI of format 2.
    ///   - start: where the segment begins, in steps or samples.
    /// - Returns: SHA-256 of the source's 32 bytes and both numbers as 8 little-endian bytes each.
    public static func segmentID(source: Digest, timeline: Int, start: Int) -> Digest {
        Digest(of: source.bytes + littleEndian(timeline) + littleEndian(start))
    }

    /// Deals the segments of sources one by one.
    ///
    /// - Parameters:
    ///   - sources: each with the number of its segments.
    ///   - rule: the manifest's `splits`.
    /// - Returns: for each source the runs of its segments that each split gets, and what is remarkable.
    /// - Throws: `Failure` if the train split is empty.
    static func dealt(
        _ sources: [(sha256: Digest, segments: Int)], by rule: Manifest.Splits
    ) throws(Failure) -> (segments: [[Split: [Range<Int>]]], warnings: [Diagnostic]) {
        // A segment's place among its source's segments stands for its start: one follows from the other.
        let ids = sources.flatMap { source in
            (0..<source.segments).map { segmentID(source: source.sha256, timeline: 0, start: $0) }
        }
        let assignment = try SplitAssignment(segments: ids, by: rule)
        var next = 0
        let dealt = sources.map { source in
            var segments: [Split: [Range<Int>]] = [:]
            for segment in 0..<source.segments {
                let split = assignment.splits[next]
                next += 1
                if let last = segments[split]?.last, last.upperBound == segment {
                    segments[split]?.removeLast()
                    segments[split]?.append(last.lowerBound..<segment + 1)
                } else {
                    segments[split, default: []].append(segment..<segment + 1)
                }
            }
            return segments
        }
        return (dealt, assignment.warnings)
    }

    static func littleEndian(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) }
    }

    /// The unit of each entry: what is never cut through.
    private static func units(
        _ entries: [(piece: Digest, description: EntryList.Description)], _ rule: Manifest.Splits,
        _ warnings: inout [Diagnostic]
    ) -> [Digest] {
        guard case .label(let label) = rule.unit else { return entries.map(\.piece) }
        note(entries, without: label, "are dealt piece by piece", &warnings)
        // Values are told apart by their bytes: Swift's strings are also equal when only their composition differs.
        var names: [Digest: String] = [:]
        var values: [Digest: Set<Digest>] = [:]
        for entry in entries {
            var ids: Set<Digest> = []
            if let value = entry.description.labels[label] {
                let id = Digest(of: value.utf8)
                names[id] = value
                ids = [id]
            }
            values[entry.piece, default: []].formUnion(ids)
        }
        var joined = DisjointSets()
        var unit: [Digest: Digest] = [:]
        for (piece, ids) in values {
            let first = ids.first ?? piece
            unit[piece] = first
            joined.insert(first)
            for id in ids { joined.join(first, id) }
        }
        let mixed = values.values.filter { $0.count > 1 }
            .map { ids in ids.sorted().compactMap { names[$0] }.joined(separator: ", ") }.min()
        if let mixed {
            warnings.append(
                Diagnostic(
                    .warning, code: "splits.labels-merged",
                    message:
                        "some pieces have several values of '\(label)' (\(mixed)), which stay in one split",
                    help: "give all entries of a piece one value"))
        }
        return entries.map { joined.root(unit[$0.piece] ?? $0.piece) }
    }

    /// Warns of entries that lack the label they are dealt by.
    private static func note(
        _ entries: [(piece: Digest, description: EntryList.Description)], without label: String,
        _ consequence: String, _ warnings: inout [Diagnostic]
    ) {
        let count = entries.count { $0.description.labels[label] == nil }
        guard count > 0 else { return }
        warnings.append(
            Diagnostic(
                .warning, code: "splits.label-missing",
                message:
                    "\(count) of \(entries.count) files have no value of '\(label)' and \(consequence)",
                help: "fill in the label"))
    }

    /// The splits that a table's column says; a piece in several goes to the one held out most, so that none leaks.
    private static func read(
        _ entries: [(piece: Digest, description: EntryList.Description)], column: String,
        _ warnings: inout [Diagnostic]
    ) -> [Digest: Split] {
        var result: [Digest: Split] = [:]
        var moved: Set<Digest> = []
        let order: [Split] = [.train, .validation, .test]
        for entry in entries {
            let split = entry.description.split.flatMap(Split.init(rawValue:)) ?? .train
            guard let other = result[entry.piece] else {
                result[entry.piece] = split
                continue
            }
            if other != split { moved.insert(entry.piece) }
            result[entry.piece] = order.last { $0 == other || $0 == split }
        }
        if let example = moved.min() {
            // The user's own name for the piece, where there is one.
            let name = entries.first { $0.piece == example && $0.description.piece != nil }?.description.piece
            warnings.append(
                Diagnostic(
                    .warning, code: "splits.column-cuts-piece",
                    message:
                        "column '\(column)' puts \(moved.count) \(moved.count == 1 ? "piece" : "pieces") in two splits, such as \(name.map { "'\($0)'" } ?? "that of source \(example.short)"); each goes to test before validation before train",
                    help: "give all entries of a piece one split"))
        }
        return result
    }
}

extension Manifest.Splits {
    /// A unit's place in [0, 1).
    func position(of id: Digest) -> Double {
        let hash = Digest(of: SplitAssignment.littleEndian(seed) + id.bytes)
        let word = hash.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Double(word >> 11) * 0x1p-53
    }

    /// The parts in order, and each one's share.
    private var parts: [(split: Split, share: Double)] {
        switch division {
        case .proportions(let train, let validation, let test):
            [(.train, train), (.validation, validation), (.test, test)]
        case .folds(let count, let test):
            (0..<count).map { fold in
                (fold == test ? .test : fold == (test + 1) % count ? .validation : .train, 1 / Double(count))
            }
        case .column: []
        }
    }

    func deal(_ units: Set<Digest>, strata: [Digest: String]) -> [Digest: Split] {
        let parts = parts
        guard !parts.isEmpty else { return [:] }
        let placed = units.map { (position: position(of: $0), id: $0) }
        if method == .hash {
            return Dictionary(uniqueKeysWithValues: placed.map { ($0.id, part(at: $0.position, parts)) })
        }
        var result: [Digest: Split] = [:]
        for group in Dictionary(grouping: placed, by: { strata[$0.id] ?? "" }).values {
            let counts = Self.largestRemainder(group.count, parts.map(\.share))
            var order = group.sorted { ($0.position, $0.id) < ($1.position, $1.id) }[...]
            for (part, count) in zip(parts, counts) {
                for unit in order.prefix(count) { result[unit.id] = part.split }
                order = order.dropFirst(count)
            }
        }
        return result
    }

    private func part(at position: Double, _ parts: [(split: Split, share: Double)]) -> Split {
        if case .folds(let count, _) = division { return parts[Int(position * Double(count))].split }
        var edge = 0.0
        for part in parts {
            edge += part.share
            if position < edge { return part.split }
        }
        // Shares may add up to a hair under 1; the last part that has any takes the rest.
        return parts.last { $0.share > 0 }?.split ?? .train
    }

    /// Shares `count` out: whole quotas first, then one each by remainder; of equal remainders the earlier is first.
    static func largestRemainder(_ count: Int, _ shares: [Double]) -> [Int] {
        let quotas = shares.map { $0 * Double(count) }
        // A quota a hair under a whole number is that number.
        var counts = quotas.map { Int(($0 + 1e-9).rounded(.down)) }
        let remainders = zip(quotas, counts).map { max(0, $0 - Double($1)) }
        let order = shares.indices.filter { shares[$0] > 0 }.sorted { left, right in
            (remainders[left] - remainders[right]).magnitude > 1e-9
                ? remainders[left] > remainders[right] : left < right
        }
        for index in order.prefix(max(0, count - counts.reduce(0, +))) { counts[index] += 1 }
        return counts
    }

    /// Warnings for parts that were to have something and have not.
    func emptyParts(
        _ dealt: [Digest: Split], strata: [Digest: String], unit: String
    ) throws(SplitAssignment.Failure) -> [Diagnostic] {
        let wanted: Set<Split> =
            if case .column = division { Set(Split.allCases) } else {
                Set(parts.filter { $0.share > 0 }.map(\.split))
            }
        let present = Set(dealt.values)
        let count = "there \(dealt.count == 1 ? "is 1 \(unit)" : "are \(dealt.count) \(unit)s")"
        guard present.contains(.train) else {
            throw SplitAssignment.Failure(
                diagnostic: Diagnostic(
                    .error, code: "splits.train-empty",
                    message: "the train split is empty: \(count)",
                    help: "add sources, raise splits.train, or choose another splits.seed"))
        }
        var warnings = Split.allCases.filter { wanted.contains($0) && !present.contains($0) }.map { split in
            Diagnostic(
                .warning, code: "splits.empty",
                message: "the \(split.rawValue) split is empty: \(count)",
                help: "add sources, change the proportions, or choose another splits.seed")
        }
        guard let stratify else { return warnings }
        let byStratum = Dictionary(grouping: dealt.keys) { strata[$0] ?? "" }
        for name in byStratum.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let has = Set((byStratum[name] ?? []).compactMap { dealt[$0] })
            for split in Split.allCases
            where wanted.contains(split) && present.contains(split) && !has.contains(split) {
                warnings.append(
                    Diagnostic(
                        .warning, code: "splits.stratum-empty",
                        message:
                            "the \(split.rawValue) split has no \(unit) with \(name.isEmpty ? "unknown \(stratify)" : "\(stratify) '\(name)'")",
                        help: "add sources, or change the proportions"))
            }
        }
        return warnings
    }
}
