import Files
import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// All journals read and merged: which records stand, and where.
///
/// Used where the whole cache is looked at: to verify, to collect. Of each record it keeps a few hundred bytes; the rest is
/// read again where it is wanted.
struct Ledger: Sendable {
    /// A record that stands.
    struct Row: Sendable {
        let at: Int64
        let stage: Stage
        let inputs: [Digest]
        /// In the order of their names.
        let outputs: [ObjectReference]
        let isFailure: Bool
        /// The hash of the result's spelling.
        let result: Digest
        /// Which journal, and where in it.
        let journal: Int
        let place: Range<Int>
    }

    /// The journals in the order of their names, with what reading them found.
    private(set) var journals: [JournalScan] = []
    /// The records that stand, by key.
    private(set) var rows: [Digest: Row] = [:]
    /// The youngest line that drops each key.
    private(set) var drops: [Digest: (reason: DropReason, at: Int64)] = [:]
    /// Where small objects lie, by their names: the youngest line of each.
    private(set) var places: [Digest: PlaceRow] = [:]
    /// The time of the youngest line.
    private(set) var youngest: Int64 = 0

    /// A place that counts.
    struct PlaceRow: Sendable {
        let at: Int64
        let place: Place
        /// Which journal, and where in it.
        let journal: Int
        let line: Range<Int>
    }

    /// A journal, and what reading it found.
    struct JournalScan: Sendable {
        let journal: Journal
        let scan: Journal.Scan

        /// Whether this program wrote it: it has a journal's name, or a line that is whole.
        ///
        /// Any other file is left alone.
        var isOurs: Bool { Cache.isJournal(journal.name) || scan.entries > 0 }
    }

    private let files: [Journal]
    private let disk: Disk
    /// One of each, so that rows share its words.
    private var stages: [Stage: Stage] = [:]

    init(_ records: Records, disk: Disk) throws(BuildError) {
        files = records.journals()
        self.disk = disk
        for (number, journal) in files.enumerated() {
            let scan = try journal.scan(disk) { (entry, place) throws(BuildError) in
                take(entry, journal: number, place: place)
            }
            journals.append(JournalScan(journal: journal, scan: scan))
        }
    }

    private mutating func take(_ entry: JournalEntry, journal: Int, place: Range<Int>) {
        youngest = max(youngest, entry.at)
        switch entry {
        case .record(let record, let at):
            if let drop = drops[record.key], drop.at >= at { return }
            if let found = rows[record.key].flatMap(self.record), !record.result.precedes(found.result) {
                return
            }
            let stage = stages[record.stage] ?? record.stage
            stages[stage] = stage
            rows[record.key] = Row(
                at: at, stage: stage, inputs: record.action.inputs.map(\.digest),
                outputs: record.outputs.sorted { $0.key < $1.key }.map(\.value),
                isFailure: record.failure != nil, result: record.result.spellingHash, journal: journal,
                place: place)
        case .drop(let key, let reason, let at):
            if let found = rows[key], found.at <= at { rows[key] = nil }
            if let found = drops[key], found.at > at { return }
            drops[key] = (reason, at)
        case .place(let object, let at):
            if let found = places[object.digest], (found.at, found.place) > (at, object.place) { return }
            places[object.digest] = PlaceRow(at: at, place: object.place, journal: journal, line: place)
        // What is known of files is kept by the index alone, once it has taken the line in.
        case .source: break
        }
    }

    /// The objects that records name: those that actions made, and those that they read.
    func named() -> Set<Digest> {
        var named: Set<Digest> = []
        for row in rows.values {
            named.formUnion(row.inputs)
            named.formUnion(row.outputs.lazy.map(\.digest))
        }
        return named
    }

    /// The whole record; nil if its journal has been changed meanwhile.
    func record(_ row: Row) -> ActionRecord? {
        guard case .record(let record, _) = files[row.journal].entry(disk, at: row.place) else { return nil }
        return record
    }

    /// What a record is about, for people.
    func description(of row: Row) -> String {
        record(row).map { "\(row.stage.name) of \($0.subject)" } ?? row.stage.name
    }
}

extension ActionResult {
    /// The hash of the canonical spelling: equal for equal results.
    var spellingHash: Digest { Digest(of: canonicalBytes) }
}

extension Cache {
    /// A file below `objects`.
    struct ObjectFile: Sendable {
        /// Relative to the cache.
        let path: String
        /// The object's name; also of one that was set aside.
        let digest: Digest?
        /// Whether it is a damaged object that was set aside: its name ends in `.bad`.
        let isSetAside: Bool

        /// Whether it is named as an object.
        var isObject: Bool { digest != nil && !isSetAside }
    }

    /// Every file below `objects`, by folder; packs are left out.
    func objectFiles() -> [ObjectFile] {
        var files: [ObjectFile] = []
        for folder in disk.names(in: store.root) where folder != "packs" {
            for name in disk.names(in: "\(store.root)/\(folder)") {
                let isBad = name.hasSuffix(".bad")
                let digits = folder + (isBad ? String(name.dropLast(4)) : name)
                let digest = folder.utf8.count == 2 ? Digest(hex: digits) : nil
                files.append(
                    ObjectFile(
                        path: "objects/\(folder)/\(name)", digest: digest, isSetAside: isBad && digest != nil)
                )
            }
        }
        return files
    }

    /// Writes one journal that holds what is in the closed ones, then removes those.
    ///
    /// Journals of live workers stay, and so do, beside them, the lines that drop records. Killed between
    /// the two steps, all lines appear twice, which changes nothing. Afterwards the index is rebuilt.
    ///
    /// - Parameters:
    ///   - ledger: what the journals hold.
    ///   - makeRoom: called when the disk has no room for the new journal, before it is tried once more.
    ///   - isKept: whether a record is copied.
    ///   - isPlaceKept: whether the place of an object is.
    /// - Returns: the bytes of the closed journals before and after.
    /// - Throws: `build.disk-full`, `build.io`; and what `makeRoom` throws.
    @discardableResult
    func compactJournals(
        _ ledger: Ledger, makingRoom makeRoom: () throws(BuildError) -> Void = {},
        keeping isKept: (Digest) -> Bool, places isPlaceKept: (Digest, Place) -> Bool
    ) throws(BuildError) -> (before: Int, after: Int) {
        let sizes: (before: Int, after: Int, hasChanged: Bool)
        do throws(BuildError) {
            sizes = try rewriteJournals(ledger, isKept, isPlaceKept)
        } catch {
            guard error.code == .diskFull else { throw error }
            // The index can always be rebuilt.
            records.close()
            try records.removeIndex()
            try makeRoom()
            sizes = try rewriteJournals(ledger, isKept, isPlaceKept)
        }
        guard sizes.hasChanged else { return (sizes.before, sizes.after) }
        do throws(BuildError) {
            try records.rebuild()
        } catch {
            guard error.code == .diskFull else { throw error }
            records.close()
            try records.removeIndex()
            log("there is no room for the index; the next build makes it")
        }
        return (sizes.before, sizes.after)
    }

    private func rewriteJournals(
        _ ledger: Ledger, _ isKept: (Digest) -> Bool, _ isPlaceKept: (Digest, Place) -> Bool
    ) throws(BuildError) -> (before: Int, after: Int, hasChanged: Bool) {
        let live = Lease.live(disk, cache: path)
        let isClosed = ledger.journals.map { live[String($0.journal.name.dropLast(6))] == nil && $0.isOurs }
        var kept: [(journal: Int, line: Range<Int>)] = []
        for (key, row) in ledger.rows where isClosed[row.journal] && isKept(key) {
            kept.append((row.journal, row.place))
        }
        for (digest, row) in ledger.places where isClosed[row.journal] && isPlaceKept(digest, row.place) {
            kept.append((row.journal, row.line))
        }
        kept.sort { ($0.journal, $0.line.lowerBound) < ($1.journal, $1.line.lowerBound) }
        let writer = try ObjectWriter(
            disk, path: store.temporaryPath(), mode: 0o666, cancellation: cancellation)
        var start = 0
        for (number, item) in ledger.journals.enumerated() {
            let end = kept[start...].firstIndex { $0.journal != number } ?? kept.endIndex
            try copy(kept[start..<end].map(\.line), of: item.journal, to: writer)
            start = end
        }
        if isClosed.contains(false) {
            for (key, drop) in ledger.drops.sorted(by: { $0.key < $1.key }) {
                try writer.write(JournalEntry.drop(key, drop.reason, at: drop.at).line)
            }
        }
        let closed = zip(ledger.journals, isClosed).filter(\.1).map(\.0)
        let before = closed.reduce(0) { $0.saturatingAdd($1.scan.end).saturatingAdd($1.scan.tornBytes) }
        let sealed = try writer.sealFile()
        let name = "closed-\(sealed.reference.digest.short).jsonl"
        guard closed.map(\.journal.name) != [name] else {
            try disk.remove(sealed.path)
            return (before, before, false)
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
        return (before, sealed.reference.size, true)
    }

    private func copy(
        _ places: [Range<Int>], of journal: Journal, to writer: ObjectWriter
    ) throws(BuildError) {
        guard !places.isEmpty else { return }
        let descriptor = try disk.open(journal.path, O_RDONLY)
        defer { disk.close(descriptor) }
        var part = [UInt8](repeating: 0, count: 1 << 20)
        var index = 0
        while index < places.count {
            // Neighbours together, as far as there is room for them.
            var run = places[index]
            index += 1
            while index < places.count, places[index].lowerBound == run.upperBound,
                places[index].upperBound - run.lowerBound <= part.count
            {
                run = run.lowerBound..<places[index].upperBound
                index += 1
            }
            if run.count > part.count { part = [UInt8](repeating: 0, count: run.count) }
            var span = part.mutableSpan
            let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
                try disk.read(
                    descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<run.count]),
                    at: run.lowerBound, path: journal.path)
            }
            guard count == run.count else {
                throw BuildError(
                    .damaged, "journals/\(journal.name) shrank while it was read; try again", canRetry: true)
            }
            try part.span.withUnsafeBytes { (buffer) throws(BuildError) in
                try writer.write(UnsafeRawBufferPointer(rebasing: buffer[..<run.count]))
            }
        }
    }
}
