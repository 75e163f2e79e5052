import Files
import Storage

/// What a collection makes of one pack.
struct PackUse: Sendable {
    enum Fate: Sendable {
        /// Nothing in it is reached.
        case remove
        /// Half of it is dead, or it is not whole: what is reached is moved to a new pack.
        case rewrite
        case keep
    }

    let name: PackName
    /// Its bytes, with its list of damaged objects.
    let size: Int
    /// Whether it is younger than the grace: all of it stays.
    let isYoung: Bool
    let fate: Fate
    /// The objects that stay, by place.
    let live: [PlacedObject]
    /// How many objects are forgotten.
    let deadCount: Int

    var liveBytes: Int { live.reduce(0) { $0 + $1.place.length } }
}

extension GarbageCollection {
    /// Counts what becomes of a pack.
    mutating func count(_ pack: PackUse) {
        keptObjects += pack.live.count
        removedObjects += pack.deadCount
        let left =
            switch pack.fate {
            case .remove: 0
            case .rewrite: pack.liveBytes + PackFile.tableSize(pack.live.count)
            case .keep: pack.size
            }
        keptBytes = keptBytes.saturatingAdd(left)
        removedBytes = removedBytes.saturatingAdd(max(0, pack.size - left))
    }
}

extension Cache {
    /// What becomes of each pack when some objects are to be kept.
    func packUses(_ ledger: Ledger, _ wanted: Set<Digest>, youngest: Int64) -> [PackUse] {
        let packs = store.packs
        let there = packs.present(Set(ledger.places.values.map(\.place)))
        var objects: [PackName: [PlacedObject]] = [:]
        for (digest, row) in ledger.places {
            objects[row.place.pack, default: []].append(PlacedObject(digest: digest, place: row.place))
        }
        return packs.names().compactMap { name in
            let path = packs.path(of: name)
            guard let stat = FileStat(withoutFollowing: path) else { return nil }
            let own = objects[name] ?? []
            let isYoung = stat.changed >= youngest
            let live = own.filter { there.contains($0.place) && (isYoung || wanted.contains($0.digest)) }
                .sorted { $0.place < $1.place }
            let setAside = FileStat(withoutFollowing: packs.setAsidePath(of: name))?.size
            let size = stat.size.saturatingAdd(setAside ?? 0)
            let table = PackFile.objects(disk, path, name).map { PackFile.tableSize($0.count) }
            let isWhole = setAside == nil && table != nil
            let fate: PackUse.Fate =
                if isYoung {
                    .keep
                } else if live.isEmpty {
                    .remove
                } else if !isWhole || 2 * live.reduce(0, { $0 + $1.place.length }) <= stat.size - (table ?? 0)
                {
                    .rewrite
                } else {
                    .keep
                }
            return PackUse(
                name: name, size: size, isYoung: isYoung, fate: fate, live: live,
                deadCount: own.count - live.count)
        }
    }

    /// Moves what is reached in some packs to new ones, and names the new places in the journal; the old packs stay.
    ///
    /// An object that turns out damaged is left behind: the next build that needs it makes it again.
    ///
    /// - Parameters:
    ///   - packs: those to rewrite.
    ///   - time: that of the youngest line.
    /// - Returns: false where there is nothing to do, or the disk has no room for it: everything is as before.
    /// - Throws: `build.io`, `build.interrupted`.
    func rewrite(_ packs: [PackUse], after time: Int64) throws(BuildError) -> Bool {
        guard !packs.isEmpty else { return false }
        let writer = PackWriter(disk, folder: store.packs.folder, sizeLimit: store.packs.sizeLimit)
        do throws(BuildError) {
            for object in packs.flatMap(\.live) {
                try cancellation.check()
                guard let bytes = try store.packs.bytes(at: object.place), Digest(of: bytes) == object.digest
                else {
                    log(
                        "object \(object.digest) in objects/packs/\(object.place.pack) is damaged; it is left out"
                    )
                    continue
                }
                _ = try writer.append(bytes, named: object.digest)
            }
            let moved = try writer.finish()
            FailPoint.pass("gc.repacked")
            try append(moved.map { .place($0, at: JournalEntry.time(after: time)) })
            FailPoint.pass("gc.moved")
            return true
        } catch {
            writer.abandon()
            guard error.code == .diskFull else { throw error }
            log("there is no room to rewrite packs; those that are half dead stay")
            return false
        }
    }
}
