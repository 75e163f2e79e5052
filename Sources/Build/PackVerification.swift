public import Files
public import Storage

extension Cache {
    /// What looking at all packs found; findings have their objects, not yet their subjects.
    struct PackExamination {
        var findings: [Finding] = []
        /// The objects that lie in packs, damaged ones included.
        var present: Set<Digest> = []
        var bytes = 0
    }

    /// Hashes every packed object, by what the journals say of its place.
    ///
    /// - Parameters:
    ///   - ledger: what the journals hold.
    ///   - sizes: what records say of objects.
    ///   - isAtRest: whether nobody writes meanwhile; else what no record names may be under way.
    ///   - workers: share the work.
    /// - Returns: what was found.
    /// - Throws: `build.interrupted`.
    func examinePacks(
        _ ledger: Ledger, sizes: [Digest: Int], isAtRest: Bool, with workers: Workers
    ) throws(BuildError) -> PackExamination {
        let packs = store.packs
        let there = packs.present(Set(ledger.places.values.map(\.place)))
        let named = ledger.named()
        var objects: [PlacedObject] = []
        for (digest, row) in ledger.places where there.contains(row.place) {
            objects.append(PlacedObject(digest: digest, place: row.place))
        }
        objects.sort { $0.place < $1.place }
        let placed = objects
        let parts = stride(from: 0, to: placed.count, by: 256).map { $0..<min($0 + 256, placed.count) }
        let looked = try workers.map(parts) { (part) throws(BuildError) -> [Finding] in
            placed[part].compactMap { object in
                let path = "objects/packs/\(object.place.pack)"
                if let fault = fault(of: object, size: sizes[object.digest]) {
                    return Finding(.objectDamaged, path, fault, object: object.digest, place: object.place)
                }
                guard isAtRest, !named.contains(object.digest) else { return nil }
                return Finding(
                    .objectStray, path,
                    "no record names object \(object.digest) at byte \(object.place.offset)")
            }
        }
        var examination = PackExamination(
            findings: looked.flatMap { $0 }, present: Set(placed.map(\.digest)),
            bytes: placed.reduce(0) { $0 + $1.place.length })
        examinePackFiles(used: Set(ledger.places.values.map(\.place.pack)), isAtRest, &examination.findings)
        return examination
    }

    /// What is wrong with the bytes of a packed object; nil when nothing is.
    private func fault(of object: PlacedObject, size: Int?) -> String? {
        let place = object.place
        let range = "bytes \(place.offset)..<\(place.end)"
        if let size, size != place.length { return "\(range): \(size) bytes expected" }
        do throws(BuildError) {
            guard let bytes = try store.packs.bytes(at: place) else { return "\(range) are gone" }
            let found = Digest(of: bytes)
            return found == object.digest ? nil : "\(range) hash to \(found), not to \(object.digest)"
        } catch {
            return error.message
        }
    }

    private func examinePackFiles(used: Set<PackName>, _ isAtRest: Bool, _ findings: inout [Finding]) {
        let packs = store.packs
        for name in disk.names(in: packs.folder) {
            let path = "objects/packs/\(name)"
            if name.hasSuffix(".bad"), let pack = PackName(name.dropLast(4)) {
                let count = packs.setAsideOffsets(in: pack).count
                findings.append(Finding(.objectSetAside, path, "lists \(count) damaged objects of a pack"))
                continue
            }
            guard let pack = PackName(name),
                FileStat(withoutFollowing: packs.path(of: pack))?.isRegularFile == true
            else {
                findings.append(Finding(.fileStray, path, "not named as a pack; Reprise leaves it alone"))
                continue
            }
            guard isAtRest else { continue }
            if !used.contains(pack) {
                findings.append(Finding(.objectStray, path, "no journal names an object in it"))
            } else if PackFile.objects(disk, packs.path(of: pack), pack) == nil {
                findings.append(
                    Finding(.packTorn, path, "no whole table of contents; the journals have its places"))
            }
        }
    }

    /// Replaces the index by one made from the journals alone.
    ///
    /// The next build hashes every source again.
    ///
    /// - Precondition: the cache was opened for building.
    /// - Throws: `build.read-only`, `build.disk-full`, `build.io`.
    public func rebuildIndex() throws(BuildError) {
        guard case .building = access else {
            preconditionFailure("index rebuild in a cache opened for \(access)")
        }
        try records.rebuildFromNothing()
        _ = try restorePlaces()
        try forgetFingerprints()
    }

    /// Finds objects whose lines in the journals are lost, by the tables of contents of the packs, and gives them new
    /// lines.
    ///
    /// - Returns: the objects that were found.
    /// - Throws: `build.disk-full`, `build.io`.
    func restorePlaces() throws(BuildError) -> Set<Digest> {
        var lost: [PlacedObject] = []
        for name in store.packs.names() {
            let objects = PackFile.objects(disk, store.packs.path(of: name), name) ?? []
            let known = try store.packs.places(of: objects.map(\.digest))
            lost += zip(objects, known).filter { $1 == nil }.map(\.0)
        }
        guard !lost.isEmpty else { return [] }
        // Objects that a collection has forgotten are still in the tables.
        let ledger = try Ledger(records, disk: disk)
        let named = ledger.named()
        let there = store.packs.present(Set(lost.map(\.place)))
        let found = lost.filter { named.contains($0.digest) && there.contains($0.place) }
        try append(found.map { .place($0, at: JournalEntry.time(after: ledger.youngest)) })
        if !found.isEmpty {
            log("\(found.count) objects were found again by the tables of contents of their packs")
        }
        return Set(found.map(\.digest))
    }
}
