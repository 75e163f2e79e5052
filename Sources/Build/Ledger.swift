/// All journals read and merged: what the index would say, with what every record says of its inputs.
///
/// Used where the whole cache is looked at: to verify, to collect.
struct Ledger: Sendable {
    /// A record that stands.
    struct Row: Sendable {
        let at: Int64
        let stage: Stage
        let subject: String
        let inputs: [Digest]
        let result: ActionResult
        /// Which journal, and where in it.
        let journal: Int
        let place: Range<Int>
    }

    /// The journals in the order of their names, with what reading them found.
    private(set) var journals: [(journal: Journal, scan: Journal.Scan)] = []
    /// The records that stand, by key.
    private(set) var rows: [Digest: Row] = [:]
    /// The youngest line that strikes out each key.
    private(set) var drops: [Digest: (reason: DropReason, at: Int64)] = [:]
    /// How many lines are whole.
    private(set) var lineCount = 0

    init(_ records: Records, disk: Disk) throws(BuildError) {
        for (number, journal) in records.journals().enumerated() {
            let scan = try journal.scan(disk) { (entry, place) throws(BuildError) in
                take(entry, journal: number, place: place)
            }
            journals.append((journal, scan))
        }
    }

    private mutating func take(_ entry: JournalEntry, journal: Int, place: Range<Int>) {
        lineCount += 1
        switch entry {
        case .record(let record, let at):
            if let drop = drops[record.key], drop.at >= at { return }
            if let found = rows[record.key], !record.result.precedes(found.result) { return }
            rows[record.key] = Row(
                at: at, stage: record.stage, subject: record.subject,
                inputs: record.action.inputs.map(\.digest),
                result: record.result, journal: journal, place: place)
        case .drop(let key, let reason, let at):
            if let found = rows[key], found.at <= at { rows[key] = nil }
            if let found = drops[key], found.at > at { return }
            drops[key] = (reason, at)
        }
    }
}

extension Cache {
    /// Every file below `objects`, by folder; damaged objects that were set aside have a name ending in `.bad`.
    func objectFiles() -> [(path: String, digest: Digest?)] {
        var files: [(path: String, digest: Digest?)] = []
        for folder in disk.names(in: store.root) {
            for name in disk.names(in: "\(store.root)/\(folder)") {
                files.append(
                    ("objects/\(folder)/\(name)", folder.utf8.count == 2 ? Digest(hex: folder + name) : nil))
            }
        }
        return files
    }

    /// Writes one journal that holds what stands in the closed ones, then removes those.
    ///
    /// Journals of live workers stay, and so do, beside them, the lines that strike out records. Killed between
    /// the two steps, all lines stand twice, which changes nothing. Afterwards the index is made anew.
    ///
    /// - Returns: the bytes of the closed journals before and after.
    @discardableResult
    func compactJournals(
        _ ledger: Ledger, keeping isKept: (Digest, Ledger.Row) -> Bool
    ) throws(BuildError) -> (before: Int, after: Int) {
        let live = Lease.live(disk, cache: path)
        let isClosed = ledger.journals.map { live[String($0.journal.name.dropLast(6))] == nil }
        var kept = ledger.rows.filter { isClosed[$0.value.journal] && isKept($0.key, $0.value) }.map(\.value)
        kept.sort { ($0.journal, $0.place.lowerBound) < ($1.journal, $1.place.lowerBound) }
        let writer = try ObjectWriter(disk, path: store.temporaryPath(), cancellation: cancellation)
        var start = 0
        for (number, item) in ledger.journals.enumerated() {
            let end = kept[start...].firstIndex { $0.journal != number } ?? kept.endIndex
            try copy(kept[start..<end].map(\.place), of: item.journal, to: writer)
            start = end
        }
        if isClosed.contains(false) {
            for (key, drop) in ledger.drops.sorted(by: { $0.key < $1.key }) {
                try writer.write(JournalEntry.drop(key, drop.reason, at: drop.at).line)
            }
        }
        let closed = zip(ledger.journals, isClosed).filter(\.1).map(\.0)
        let before = closed.reduce(0) { $0 + $1.scan.end + $1.scan.tornBytes }
        let sealed = try writer.seal()
        let name = "closed-\(sealed.reference.digest.short).jsonl"
        guard closed.map(\.journal.name) != [name] else {
            try disk.remove(sealed.path)
            return (before, before)
        }
        if sealed.reference.size > 0 {
            try disk.synchronise(sealed.path)
            try disk.rename(sealed.path, "\(records.folder)/\(name)")
            try disk.synchronise(records.folder)
        } else {
            try disk.remove(sealed.path)
        }
        FailPoint.pass("gc.compacted")
        for item in closed where item.journal.name != name || sealed.reference.size == 0 {
            try disk.remove(item.journal.path)
        }
        try disk.synchronise(records.folder)
        try records.rebuild()
        return (before, sealed.reference.size)
    }

    private func copy(
        _ places: [Range<Int>], of journal: Journal, to writer: ObjectWriter
    ) throws(BuildError) {
        guard !places.isEmpty else { return }
        let bytes = try disk.contents(of: journal.path) ?? []
        for place in places {
            guard place.upperBound <= bytes.count else {
                throw BuildError(
                    .damaged, "journals/\(journal.name) shrank while it was read; try again", canRetry: true)
            }
            try writer.write(Array(bytes[place]))
        }
    }
}
