/// What tidying a cache removed and kept, or would.
public struct GarbageCollection: Sendable, Hashable {
    /// Objects that nothing reached, set-aside ones included.
    public var removedObjects = 0
    /// Their bytes.
    public var removedBytes = 0
    /// Objects that stay.
    public var keptObjects = 0
    /// Their bytes.
    public var keptBytes = 0
    /// Records that nothing reached.
    public var removedRecords = 0
    /// Records that stay.
    public var keptRecords = 0
    /// Older references given up, such as `piano@3`.
    public var removedReferences: [String] = []
    /// The bytes of the closed journals before.
    public var journalBytesBefore = 0
    /// The bytes of the closed journals after; equal to those before in a dry run.
    public var journalBytesAfter = 0
}

extension Cache {
    /// Removes what no reference, run or pin reaches.
    ///
    /// A snapshot reaches its objects, they the actions that made them, and those their inputs; so a build after
    /// collecting has nothing to do that it hadn't before. What is younger than the grace stays, and while workers
    /// live, what is younger than the first of them. Failures stay while their stage has the version that was last
    /// used: they keep damaged sources from being tried again. Records of facts alone stay as well while all that they
    /// were made from does; they keep none of it.
    ///
    /// Records go first, then objects: killed at any moment, no record names an object that was collected.
    ///
    /// - Parameters:
    ///   - roots: snapshots and other objects to keep, with all that they reach, beside those that `refs` names.
    ///   - keep: how many older snapshots of each dataset to keep.
    ///   - grace: in seconds.
    ///   - isDryRun: only counts.
    ///   - reached: lists the digests that a snapshot refers to; called for roots that are in the cache.
    /// - Returns: what was removed and kept.
    /// - Precondition: the cache was opened for building (a dry run: for anything), and no engine is at work on it.
    /// - Throws: `build.damaged` for a reference that holds no hash; `build.io`; and what `reached` throws.
    public func collectGarbage(
        roots: [Digest] = [], keep: Int, grace: Int, isDryRun: Bool,
        reached: (Digest) throws(BuildError) -> [Digest]
    ) throws(BuildError) -> GarbageCollection {
        if !isDryRun {
            guard case .building = access else { preconditionFailure("gc of a cache opened for \(access)") }
        }
        var collection = GarbageCollection()
        let ledger = try Ledger(records, disk: disk)
        let workers = Lease.live(disk, cache: path).values.min() ?? Int64.max
        let youngest = min(FileStat.now - Int64(min(grace, 1_000_000_000)) * 1_000_000_000, workers)
        var wanted: Set<Digest> = []
        var givenUp: [String] = []
        try mark(roots, keep: keep, into: &wanted, givingUp: &givenUp, reached)
        let kept = close(&wanted, over: ledger, youngest: youngest)
        collection.removedReferences = givenUp
        collection.keptRecords = kept.count
        collection.removedRecords = ledger.rows.count - kept.count
        var doomed: [String] = []
        for file in objectFiles() {
            guard let stat = FileStat(path: "\(path)/\(file.path)") else { continue }
            let isWanted = file.digest.map { wanted.contains($0) } ?? !file.path.hasSuffix(".bad")
            if isWanted || stat.changed >= youngest {
                collection.keptObjects += 1
                collection.keptBytes += stat.size
            } else {
                collection.removedObjects += 1
                collection.removedBytes += stat.size
                doomed.append("\(path)/\(file.path)")
            }
        }
        collection.journalBytesBefore = ledger.journals.reduce(0) { $0 + $1.scan.end + $1.scan.tornBytes }
        collection.journalBytesAfter = collection.journalBytesBefore
        if isDryRun { return collection }
        FailPoint.pass("gc.planned")
        for name in givenUp { try disk.remove("\(path)/refs/\(name)") }
        if !givenUp.isEmpty { try disk.synchronise("\(path)/refs") }
        (collection.journalBytesBefore, collection.journalBytesAfter) =
            try compactJournals(ledger) { key, _ in kept.contains(key) }
        FailPoint.pass("gc.dropped")
        for object in doomed {
            try disk.remove(object)
            FailPoint.pass("gc.removed")
        }
        FailPoint.pass("gc.swept")
        return collection
    }

    /// The snapshots to keep and what they refer to.
    private func mark(
        _ roots: [Digest], keep: Int, into wanted: inout Set<Digest>, givingUp: inout [String],
        _ reached: (Digest) throws(BuildError) -> [Digest]
    ) throws(BuildError) {
        var snapshots = Set(roots)
        var older: [String: Int] = [:]
        for reference in try references() {
            if let number = reference.number {
                older[reference.dataset, default: 0] += 1
                if older[reference.dataset, default: 0] > keep {
                    givingUp.append("\(reference.dataset)@\(number)")
                    continue
                }
            }
            snapshots.insert(reference.snapshot)
        }
        for snapshot in snapshots {
            wanted.insert(snapshot)
            guard FileStat(path: store.path(of: snapshot)) != nil else { continue }
            wanted.formUnion(try reached(snapshot))
        }
    }

    /// Adds the inputs of the actions that made wanted objects, on and on; the keys of the records to keep.
    private func close(
        _ wanted: inout Set<Digest>, over ledger: Ledger, youngest: Int64
    ) -> Set<Digest> {
        var makers: [Digest: [Digest]] = [:]
        var versions: [String: Int] = [:]
        for (key, row) in ledger.rows {
            for output in row.outputs { makers[output.digest, default: []].append(key) }
            versions[row.stage.name] = max(versions[row.stage.name] ?? 0, row.stage.version)
        }
        // Where several versions of a stage made the same object, the newest are enough.
        for (digest, keys) in makers where keys.count > 1 {
            let rows = keys.compactMap { key in ledger.rows[key].map { (key: key, stage: $0.stage) } }
            let newest = Dictionary(rows.map { ($0.stage.name, $0.stage.version) }, uniquingKeysWith: max)
            makers[digest] = rows.filter { $0.stage.version == newest[$0.stage.name] }.map(\.key)
        }
        let live = Lease.live(disk, cache: path)
        var kept: Set<Digest> = []
        var due: [Digest] = wanted.flatMap { makers[$0] ?? [] }
        for (key, row) in ledger.rows {
            let isYoung = row.at > youngest / 1_000_000
            let isOfLiveWorker = live[String(ledger.journals[row.journal].journal.name.dropLast(6))] != nil
            let isFailure = row.isFailure && row.stage.version == versions[row.stage.name]
            if isYoung || isOfLiveWorker || isFailure { due.append(key) }
        }
        while let key = due.popLast() {
            guard kept.insert(key).inserted, let row = ledger.rows[key] else { continue }
            wanted.formUnion(row.outputs.map(\.digest))
            for input in row.inputs where wanted.insert(input).inserted {
                due += makers[input] ?? []
            }
        }
        for (key, row) in ledger.rows where row.outputs.isEmpty && !row.isFailure {
            guard row.stage.version == versions[row.stage.name], row.inputs.allSatisfy(wanted.contains) else {
                continue
            }
            kept.insert(key)
        }
        return kept
    }
}
