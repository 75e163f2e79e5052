public import Files
public import Storage

/// What tidying a cache removed and kept, or would.
public struct GarbageCollection: Sendable, Hashable {
    /// Objects that nothing reached, set-aside ones included.
    public var removedObjects = 0
    /// The bytes that this freed; those of an object in a pack are freed with half of the pack.
    public var removedBytes = 0
    /// Objects that stay.
    public var keptObjects = 0
    /// The bytes that they take, dead bytes of their packs included.
    public var keptBytes = 0
    /// Records that nothing reached.
    public var removedRecords = 0
    /// Records that stay.
    public var keptRecords = 0
    /// Older references given up, such as `piano@3`.
    public var removedReferences: [String] = []
    /// Cached transfers of snapshots that nothing holds any more.
    public var removedTransfers = 0
    /// What holds the snapshots that stay: references, runs, processes, the caller's pins.
    public var holders: [Holder] = []
    /// Runs, processes and pins whose snapshot is not in the cache any more.
    public var missing: [Holder] = []
    /// The bytes of the closed journals before.
    public var journalBytesBefore = 0
    /// The bytes of the closed journals after; equal to those before in a dry run.
    public var journalBytesAfter = 0
}

extension Cache {
    /// Removes what no reference, run, process or pin reaches.
    ///
    /// A snapshot reaches its objects, they the actions that made them, and those their inputs; so a build after
    /// collecting has nothing to do that it hadn't before. What is younger than the grace stays, and while workers
    /// live, what is younger than the first of them. Failures stay while their stage has the version that was last
    /// used: they keep damaged sources from being tried again. Records of facts alone stay as well while all that they
    /// were made from does; they keep none of it.
    ///
    /// A reference that leads nowhere stops it: what the lost snapshot was made of would go. New holders wait until it is
    /// done.
    ///
    /// A pack goes once nothing in it is reached; once half of it is dead, what is reached is moved to a new pack, and
    /// the journal names the new places before the old pack goes. The dead objects of any other pack are forgotten, while
    /// their bytes stay.
    ///
    /// Records go first, then objects: killed at any moment, no record names an object that was collected. Only on a
    /// disk so full that the shorter journal cannot be written do objects go first; a record without its object costs
    /// the next build one action.
    ///
    /// - Parameters:
    ///   - roots: snapshots and other objects to keep, with all that they reach, beside those of `holders()`.
    ///   - keep: how many older snapshots of each dataset to keep.
    ///   - grace: in seconds.
    ///   - isDryRun: only counts.
    ///   - reached: lists the digests that a snapshot refers to, and throws for what is no snapshot; called for those
    ///     that are in the cache.
    /// - Returns: what was removed and kept.
    /// - Precondition: the cache was opened for building (a dry run: for anything), and no engine is at work on it.
    /// - Throws: `build.damaged` for a reference that holds no hash or names no snapshot, and for a run that does not say
    ///   what it needs; `build.io`; and what `reached` throws.
    public func collectGarbage(
        roots: [Digest] = [], keep: Int, grace: Int, isDryRun: Bool,
        reached: (Digest) throws(BuildError) -> [Digest]
    ) throws(BuildError) -> GarbageCollection {
        if !isDryRun {
            guard case .building = access else { preconditionFailure("gc of a cache opened for \(access)") }
        }
        let gate = isDryRun ? nil : try closeHolders()
        defer { withExtendedLifetime(gate) {} }
        var collection = GarbageCollection()
        var ledger = try Ledger(records, disk: disk)
        let workers = Lease.live(disk, cache: path).values.min() ?? Int64.max
        let youngest = min(FileStat.now - Int64(min(grace, 1_000_000_000)) * 1_000_000_000, workers)
        var wanted = try mark(roots, keep: keep, &collection, reached)
        let kept = close(&wanted, over: ledger, youngest: youngest)
        collection.keptRecords = kept.count
        collection.removedRecords = ledger.rows.count - kept.count
        var doomed: [String] = []
        for file in objectFiles() {
            guard let stat = FileStat(withoutFollowing: "\(path)/\(file.path)"), stat.isRegularFile,
                file.isObject || file.isSetAside
            else { continue }
            if stat.changed >= youngest || file.isObject && file.digest.map({ wanted.contains($0) }) == true {
                collection.keptObjects += 1
                collection.keptBytes = collection.keptBytes.saturatingAdd(stat.size)
            } else {
                collection.removedObjects += 1
                collection.removedBytes = collection.removedBytes.saturatingAdd(stat.size)
                doomed.append("\(path)/\(file.path)")
            }
        }
        let packs = packUses(ledger, wanted, youngest: youngest)
        for pack in packs { collection.count(pack) }
        collection.journalBytesBefore = ledger.journals.reduce(0) {
            $0.saturatingAdd($1.scan.end).saturatingAdd($1.scan.tornBytes)
        }
        collection.journalBytesAfter = collection.journalBytesBefore
        let transfers = try staleTransfers(
            held: Set(collection.holders.map(\.snapshot)), youngest: youngest)
        collection.removedTransfers = transfers.count
        if isDryRun { return collection }
        FailPoint.pass("gc.planned")
        for name in transfers { try removeTransfer(name) }
        for name in collection.removedReferences { try disk.remove("\(path)/refs/\(name)") }
        if !collection.removedReferences.isEmpty { try disk.synchronise("\(path)/refs") }
        if gate != nil { try sweepHolders() }
        let hasMoved = try rewrite(packs.filter { $0.fate == .rewrite }, after: ledger.youngest)
        if hasMoved { ledger = try Ledger(records, disk: disk) }
        for pack in packs where pack.fate == .remove || pack.fate == .rewrite && hasMoved {
            doomed += [store.packs.path(of: pack.name), store.packs.setAsidePath(of: pack.name)]
        }
        doomed += store.packs.listsWithoutPack()
        let young = Set(packs.filter(\.isYoung).map(\.name))
        (collection.journalBytesBefore, collection.journalBytesAfter) =
            try compactJournals(
                ledger,
                makingRoom: { () throws(BuildError) in
                    for object in doomed { try disk.remove(object) }
                }, keeping: kept.contains,
                places: { digest, place in wanted.contains(digest) || young.contains(place.pack) })
        FailPoint.pass("gc.dropped")
        for object in doomed {
            try disk.remove(object)
            FailPoint.pass("gc.removed")
        }
        store.packs.forget()
        FailPoint.pass("gc.swept")
        return collection
    }

    /// The snapshots to keep and what they refer to.
    private func mark(
        _ roots: [Digest], keep: Int, _ collection: inout GarbageCollection,
        _ reached: (Digest) throws(BuildError) -> [Digest]
    ) throws(BuildError) -> Set<Digest> {
        try checkSetAsideReferences()
        var older: [String: Int] = [:]
        var wanted: Set<Digest> = []
        for holder in try holders() + roots.map({ Holder(kind: .pin, name: $0.short, snapshot: $0) }) {
            if holder.kind == .reference {
                let (dataset, number) = Self.parts(ofReference: holder.name)
                if number != nil {
                    older[dataset, default: 0] += 1
                    if older[dataset, default: 0] > keep {
                        collection.removedReferences.append(holder.name)
                        continue
                    }
                }
            }
            let snapshot = holder.snapshot
            guard holds(snapshot) else {
                guard holder.kind == .reference else {
                    collection.missing.append(holder)
                    continue
                }
                throw leadsNowhere(holder, "which is not in the cache")
            }
            collection.holders.append(holder)
            guard wanted.insert(snapshot).inserted else { continue }
            do throws(BuildError) {
                wanted.formUnion(try reached(snapshot))
            } catch {
                guard error.code == .damaged || error.code == .objectCorrupt, holder.kind != .pin else {
                    throw error
                }
                throw leadsNowhere(holder, "which cannot be read as a snapshot")
            }
        }
        return wanted
    }

    private func leadsNowhere(_ holder: Holder, _ what: String) -> BuildError {
        let remedy =
            holder.kind == .reference
            ? "run 'reprise verify --repair' and build the dataset again, or give it up with 'reprise datasets --remove \(Self.parts(ofReference: holder.name).dataset)'"
            : "build its dataset again, or give it up with 'reprise runs --remove \(holder.name)'"
        return BuildError(
            .damaged,
            "\(holder.path) names snapshot \(holder.snapshot), \(what); nothing was removed, since what it was made of would go: \(remedy)",
            canRetry: false)
    }

    /// A dataset whose reference was set aside and that was not built since is still wanted.
    private func checkSetAsideReferences() throws(BuildError) {
        let names = Set(disk.names(in: "\(path)/refs"))
        for name in names.sorted() where name.hasSuffix(".bad") {
            let bare = String(name.dropLast(4))
            let (dataset, number) = Self.parts(ofReference: bare)
            guard number == nil, Self.isName(dataset), !names.contains(dataset) else { continue }
            throw BuildError(
                .damaged,
                "the reference of dataset '\(dataset)' was set aside as refs/\(name); nothing was removed: build the dataset again, or give it up with 'reprise datasets --remove \(dataset)'",
                canRetry: false)
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

extension Int {
    /// The sum, or the largest number: sizes of files with holes can be anything.
    func saturatingAdd(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
