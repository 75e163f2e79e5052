public import Files
public import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What looking at all of a cache found.
public struct Verification: Sendable {
    /// What is not as it should be, by path.
    public let findings: [Finding]
    /// How many objects were hashed.
    public let objects: Int
    /// How many bytes they have.
    public let bytes: Int
    /// How many records stand.
    public let records: Int

    /// Whether nothing is damaged.
    public var isSound: Bool { !findings.contains(where: \.isDamage) }
}

extension Cache {
    /// Looks at everything: hashes every object, reads every journal, compares the index and the references.
    ///
    /// Changes nothing. Beside a build or live workers, what is under way is not taken for stray.
    ///
    /// - Throws: `build.io`, `build.interrupted`.
    public func verify(with workers: Workers) throws(BuildError) -> Verification {
        try examine(with: workers).verification
    }

    /// Sets damaged things aside and drops their records, so that the next build makes them again.
    ///
    /// Damaged objects get a name ending in `.bad`, and so do references that hold no hash or name a
    /// snapshot that is lost: the next build restores the newest one. Journals with damaged lines are rewritten without them, and the index where it
    /// is wrong. Strays stay: `gc` removes them.
    ///
    /// - Returns: what was found before.
    /// - Precondition: the cache was opened for building, and no engine is at work on it.
    /// - Throws: `build.disk-full`, `build.io`, `build.interrupted`.
    public func repair(with workers: Workers) throws(BuildError) -> Verification {
        guard case .building = access else { preconditionFailure("repair of a cache opened for \(access)") }
        let (verification, ledger) = try examine(with: workers)
        var lost: [Digest: DropReason] = [:]
        var isIndexWrong = false
        var isJournalWrong = false
        for finding in verification.findings {
            switch finding.kind {
            case .objectDamaged, .objectMissing:
                guard let digest = finding.object else { continue }
                lost[digest] = finding.kind == .objectDamaged ? .corrupt : .missing
                if let place = finding.place {
                    if finding.kind == .objectDamaged { try store.packs.setAside(place) }
                } else if finding.kind == .objectDamaged {
                    try disk.rename("\(path)/\(finding.path)", "\(path)/\(finding.path).bad")
                }
            case .journalTorn, .journalDamaged: isJournalWrong = true
            case .indexDamaged, .rowDangling, .rowMissing, .rowDifferent: isIndexWrong = true
            case .runDamaged, .runDangling: break
            case .referenceDamaged, .referenceDangling:
                try disk.rename("\(path)/\(finding.path)", "\(path)/\(finding.path).bad")
            case .objectStray, .objectSetAside, .packTorn, .fileStray: break
            }
        }
        if !verification.isSound { try forgetFingerprints() }
        if isIndexWrong {
            // Before the rest, which writes to it.
            records.close()
            try records.removeIndex()
        }
        if lost.values.contains(.missing) {
            let found = try restorePlaces()
            lost = lost.filter { !found.contains($0.key) }
        }
        try strikeOut(lost, ledger: ledger)
        if isJournalWrong {
            try compactJournals(
                try Ledger(records, disk: disk), keeping: { _ in true }, places: { _, _ in true })
        } else if isIndexWrong {
            try records.rebuildFromNothing()
        }
        return verification
    }

    private func strikeOut(_ lost: [Digest: DropReason], ledger: Ledger) throws(BuildError) {
        var entries: [JournalEntry] = []
        guard !lost.isEmpty else { return }
        for (key, row) in ledger.rows.sorted(by: { $0.key < $1.key }) {
            let reasons = row.outputs.compactMap { lost[$0.digest] }
            guard let reason = reasons.contains(.corrupt) ? .corrupt : reasons.first else { continue }
            entries.append(.drop(key, reason, at: JournalEntry.time(after: ledger.youngest)))
        }
        try append(entries)
    }

    /// Appends lines to this process's journal, and takes them into the index.
    func append(_ entries: [JournalEntry]) throws(BuildError) {
        guard !entries.isEmpty else { return }
        let journal = Journal(name: "\(writer).jsonl", path: "\(records.folder)/\(writer).jsonl")
        let places = try JournalWriter(journal, disk: disk).append(entries)
        let end = places.last?.upperBound ?? 0
        _ = try records.withIndex { (index) throws(BuildError) in
            try index.ingest(Array(zip(entries, places)), of: journal.name, upTo: end)
        }
    }

    // MARK: Looking

    private func examine(
        with workers: Workers
    ) throws(BuildError) -> (verification: Verification, ledger: Ledger) {
        let isAtRest = !isBeingWritten
        let ledger = try Ledger(records, disk: disk)
        var findings: [Finding] = []
        let (objects, bytes) = try examineObjects(ledger, isAtRest: isAtRest, with: workers, into: &findings)
        examineJournals(ledger, isAtRest: isAtRest, into: &findings)
        // Beside a writer the index may know more, or less, than the journals did a moment ago.
        if isAtRest { examineIndex(ledger, into: &findings) }
        examineReferences(into: &findings)
        findings.sort { ($0.path, $0.kind.rawValue) < ($1.path, $1.kind.rawValue) }
        let verification = Verification(
            findings: findings, objects: objects, bytes: bytes, records: ledger.rows.count)
        return (verification, ledger)
    }

    /// Whether a builder or a worker other than this process's is at work.
    private var isBeingWritten: Bool {
        if !Lease.live(disk, cache: path).isEmpty { return true }
        guard access == .reading, let descriptor = try? disk.open("\(path)/lock", O_RDONLY) else {
            return false
        }
        defer { disk.close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    private func examineObjects(
        _ ledger: Ledger, isAtRest: Bool, with workers: Workers, into findings: inout [Finding]
    ) throws(BuildError) -> (objects: Int, bytes: Int) {
        /// What records say of an object, and the key of one of them.
        var expectations: [Digest: (size: Int, key: Digest)] = [:]
        for (key, row) in ledger.rows {
            for output in row.outputs { expectations[output.digest] = (output.size, key) }
        }
        let named = expectations
        @Sendable func subject(_ key: Digest) -> String? {
            ledger.rows[key].map { ledger.description(of: $0) }
        }
        let files = objectFiles()
        let looked = try workers.map(files) { (file) throws(BuildError) -> (size: Int, finding: Finding?) in
            if file.isSetAside { return (0, Finding(.objectSetAside, file.path, "set aside as damaged")) }
            guard let digest = file.digest else {
                return (0, Finding(.fileStray, file.path, "not named by a hash; Reprise leaves it alone"))
            }
            let path = "\(path)/\(file.path)"
            guard let stat = FileStat(withoutFollowing: path) else { return (0, nil) }
            guard stat.isRegularFile else {
                return (0, Finding(.objectDamaged, file.path, "not a regular file", object: digest))
            }
            let size = stat.size
            guard let expected = named[digest] else {
                return (size, isAtRest ? Finding(.objectStray, file.path, "no record names it") : nil)
            }
            guard size == expected.size else {
                return (
                    size,
                    Finding(
                        .objectDamaged, file.path, "\(expected.size) bytes expected, \(size) found",
                        subject: subject(expected.key), object: digest)
                )
            }
            let descriptor = try disk.open(path, O_RDONLY)
            defer { disk.close(descriptor) }
            let found: Digest
            do throws(BuildError) {
                found = try disk.digest(descriptor, path: path)
            } catch {
                return (
                    size,
                    Finding(
                        .objectDamaged, file.path, error.message, subject: subject(expected.key),
                        object: digest)
                )
            }
            guard found != digest else { return (size, nil) }
            return (
                size,
                Finding(
                    .objectDamaged, file.path, "its bytes hash to \(found)", subject: subject(expected.key),
                    object: digest)
            )
        }
        findings += looked.compactMap(\.finding)
        let packed = try examinePacks(
            ledger, sizes: named.mapValues(\.size), isAtRest: isAtRest, with: workers)
        findings += packed.findings.map { finding in
            guard let key = finding.object.flatMap({ named[$0]?.key }) else { return finding }
            return Finding(
                finding.kind, finding.path, finding.detail, subject: subject(key), object: finding.object,
                place: finding.place)
        }
        let present = Set(files.filter(\.isObject).compactMap(\.digest)).union(packed.present)
        for (digest, object) in named where !present.contains(digest) && !store.isPending(digest) {
            let place = ledger.places[digest]?.place
            findings.append(
                Finding(
                    .objectMissing, place.map { "objects/packs/\($0.pack)" } ?? "objects/\(digest.place)",
                    "\(object.size) bytes are gone", subject: subject(object.key), object: digest,
                    place: place))
        }
        return (present.count, looked.reduce(packed.bytes) { $0.saturatingAdd($1.size) })
    }

    private func examineJournals(_ ledger: Ledger, isAtRest: Bool, into findings: inout [Finding]) {
        for item in ledger.journals {
            let scan = item.scan
            let path = "journals/\(item.journal.name)"
            guard item.isOurs else {
                findings.append(Finding(.fileStray, path, "not a journal; Reprise leaves it alone"))
                continue
            }
            for place in scan.damaged {
                findings.append(
                    Finding(
                        .journalDamaged, path, "the line at bytes \(place.lowerBound)..<\(place.upperBound)"))
            }
            if scan.tornBytes > 0, isAtRest {
                findings.append(
                    Finding(.journalTorn, path, "\(scan.tornBytes) bytes without an end at byte \(scan.end)"))
            }
        }
        if isAtRest {
            for name in disk.names(in: "\(path)/tmp") {
                for file in Self.temporaries(of: name, in: path, disk) {
                    findings.append(
                        Finding(.fileStray, String(file.dropFirst(path.count + 1)), "left by a killed writer")
                    )
                }
            }
        }
    }

    /// The index as it lies on the disk; one that isn't there is no fault.
    private func examineIndex(_ ledger: Ledger, into findings: inout [Finding]) {
        let name = "index.sqlite"
        guard FileStat(withoutFollowing: "\(path)/\(name)") != nil else { return }
        do throws(BuildError) {
            let index = try records.indexOnDisk(for: .reader)
            defer { index.close() }
            if let damage = index.damage() { throw BuildError(.damaged, damage, canRetry: false) }
            try index.checkRows()
            let known = try index.journals()
            let keys = Array(ledger.rows.keys)
            // In parts, since results are many times as large as rows.
            for start in stride(from: 0, to: keys.count, by: 1024) {
                let part = keys[start..<min(start + 1024, keys.count)]
                for (key, result) in zip(part, try index.results(for: Array(part))) {
                    guard let row = ledger.rows[key], result?.spellingHash != row.result else { continue }
                    if result != nil {
                        findings.append(
                            Finding(
                                .rowDifferent, name, "\(key): not what the journals hold",
                                subject: ledger.description(of: row)))
                    } else if row.place.upperBound <= known[ledger.journals[row.journal].journal.name] ?? 0 {
                        findings.append(
                            Finding(
                                .rowMissing, name, "\(key): only in a journal",
                                subject: ledger.description(of: row)))
                    }
                }
            }
            for key in try index.keys() where ledger.rows[key] == nil {
                findings.append(Finding(.rowDangling, name, "\(key): in no journal"))
            }
            let placed = Array(ledger.places.keys)
            for start in stride(from: 0, to: placed.count, by: 1024) {
                let part = Array(placed[start..<min(start + 1024, placed.count)])
                for (digest, place) in zip(part, try index.places(of: part)) {
                    // A line that the index has not read yet may name another place.
                    guard let row = ledger.places[digest], place != row.place,
                        row.line.upperBound <= known[ledger.journals[row.journal].journal.name] ?? 0
                    else { continue }
                    findings.append(
                        place == nil
                            ? Finding(.rowMissing, name, "object \(digest): its place is only in a journal")
                            : Finding(.rowDifferent, name, "object \(digest): not where the journals say"))
                }
            }
            for digest in try index.placedObjects() where ledger.places[digest] == nil {
                findings.append(Finding(.rowDangling, name, "object \(digest): its place is in no journal"))
            }
        } catch  where error.code != .damaged {
            // Nothing is known against it: a full disk, another user's file, another version's tables.
            log("index.sqlite can't be checked: \(error.message)")
        } catch {
            findings.append(Finding(.indexDamaged, name, error.message))
        }
    }

    private func examineReferences(into findings: inout [Finding]) {
        for name in disk.names(in: "\(path)/refs") where !name.hasSuffix(".bad") {
            guard Self.isReference(name) else {
                findings.append(Finding(.fileStray, "refs/\(name)", "not named as a reference"))
                continue
            }
            do throws(BuildError) {
                guard let snapshot = try readReference(name) else { continue }
                if !holds(snapshot) {
                    findings.append(
                        Finding(
                            .referenceDangling, "refs/\(name)", "snapshot \(snapshot) is not in the cache"))
                }
            } catch {
                findings.append(Finding(.referenceDamaged, "refs/\(name)", "holds no hash"))
            }
        }
        for name in runNames() {
            let file = "runs/\(name)/run.json"
            do throws(BuildError) {
                guard let snapshot = try snapshot(ofRun: name), !holds(snapshot) else { continue }
                // Of a training whose dataset a remote store has.
                let copy = FetchedObjects.path(of: snapshot, in: "\(path)/fetched")
                if FileStat(withoutFollowing: copy) != nil { continue }
                findings.append(
                    Finding(
                        .runDangling, file,
                        "its snapshot \(snapshot) is not in the cache: the run cannot be resumed or used"))
            } catch {
                findings.append(Finding(.runDamaged, file, "names no snapshot"))
            }
        }
    }
}
