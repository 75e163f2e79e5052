import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct GarbageCollectionTests {
    private let disk = Disk(UnflushedFileSystem())

    private func collect(
        _ toy: Toy, roots: [Digest] = [], keep: Int = 0, grace: Int = 0, isDryRun: Bool = false
    ) throws -> GarbageCollection {
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        return try cache.collectGarbage(roots: roots, keep: keep, grace: grace, isDryRun: isDryRun) {
            (digest) throws(BuildError) in try Toy.reached(digest, in: cache)
        }
    }

    /// Three snapshots: of 3, 5, 7; of 3, 5; of 3, 5 with another factor.
    private func grown() throws -> (toy: Toy, snapshots: [Digest]) {
        var toy = try Toy(in: TemporaryFolder(), values: [3, 5, 7])
        var snapshots = [try toy.build(disk).snapshot]
        unlink("\(toy.sources)/7.txt")
        snapshots.append(try toy.build(disk).snapshot)
        toy.factor = 10
        snapshots.append(try toy.build(disk).snapshot)
        return (toy, snapshots)
    }

    @Test func whatTheNewestSnapshotDoesNotReachGoes() throws {
        let (toy, snapshots) = try grown()
        let before = try Files.state(of: toy.cache)
        let dry = try collect(toy, isDryRun: true)
        #expect(try Files.state(of: toy.cache) == before)
        let done = try collect(toy)
        #expect(done.removedObjects == dry.removedObjects)
        #expect(done.removedBytes == dry.removedBytes)
        // Three snapshots and squares 9, 25, 49, 90, 250; the newest keeps itself, 90 and 250.
        #expect(done.removedObjects == 5)
        #expect(done.keptObjects == 3)
        #expect(done.keptRecords == 3)
        #expect(done.removedRecords == 5)
        #expect(done.removedReferences == ["toy@2", "toy@1"])
        #expect(done.journalBytesAfter < done.journalBytesBefore)
        let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
        #expect(try cache.verify(with: Workers(count: 1)).findings == [])
        #expect(try cache.references().map(\.snapshot) == [snapshots[2]])
        try disk.remove("\(toy.cache)/state/toy")
        #expect(try toy.build(disk).run == [], "what is left is all that a build needs")
        let again = try collect(toy)
        #expect(again.removedObjects == 0)
        #expect(again.journalBytesAfter == again.journalBytesBefore)
    }

    @Test func olderSnapshotsRootsAndTheYoungStay() throws {
        let (toy, snapshots) = try grown()
        #expect(try collect(toy, keep: 0, grace: 3600, isDryRun: true).removedObjects == 0)
        #expect(try collect(toy, keep: 2, isDryRun: true).removedObjects == 0)
        #expect(try collect(toy, keep: 1, isDryRun: true).removedReferences == ["toy@1"])
        // The first snapshot and the square 49 that only it reaches.
        #expect(try collect(toy, keep: 1, isDryRun: true).removedObjects == 2)
        #expect(try collect(toy, roots: [snapshots[0]], isDryRun: true).removedObjects == 1)
    }

    @Test func quarantinedSourcesAreNotTriedAgain() throws {
        let folder = try TemporaryFolder()
        var toy = try Toy(in: folder)
        try folder.write("data/bad.txt", "bad".utf8)
        #expect(try toy.build(disk).run.contains("square bad.txt: never built"))
        _ = try collect(toy)
        try disk.remove("\(toy.cache)/state/toy")
        #expect(try toy.build(disk).run == [])
        toy.squareVersion = 2
        _ = try toy.build(disk)
        #expect(try collect(toy).removedRecords == 4, "of the older version the failure goes, too")
    }

    @Test func liveWorkersKeepWhatTheyMade() throws {
        let toy = try Toy(in: TemporaryFolder(), values: [1])
        _ = try toy.build(disk)
        var other = toy
        other.factor = 3
        do {
            let worker = try Cache(path: toy.cache, for: .working(name: "w"), disk: disk)
            _ = try other.build(in: worker, publishing: false)
            #expect(try collect(toy).removedObjects == 0)
            #expect(FileStat(path: "\(toy.cache)/journals/worker-w.jsonl") != nil)
            #expect(try other.build(in: worker, publishing: false).run == [])
        }
        #expect(try collect(toy).removedObjects == 2)
        #expect(FileStat(path: "\(toy.cache)/journals/worker-w.jsonl") == nil)
    }

    /// Three snapshots, of which a run learned from the first.
    private func trained() throws -> (toy: Toy, snapshots: [Digest], folder: String) {
        let (toy, snapshots) = try grown()
        let run = "\(toy.cache)/runs/net-1"
        try disk.makeDirectories(run)
        try Files.write(
            "\(run)/run.json", Array("{\"recipe\":\"net\",\"snapshot\":\"\(snapshots[0].hex)\"}\n".utf8))
        return (toy, snapshots, run)
    }

    @Test func aRunKeepsWhatItLearnedFrom() throws {
        let (toy, snapshots, run) = try trained()
        let done = try collect(toy)
        // Of the objects, only the second snapshot goes.
        #expect(done.removedObjects == 1)
        #expect(done.removedReferences == ["toy@2", "toy@1"])
        #expect(done.holders.map(\.description) == ["toy", "run net-1"])
        #expect(done.holders.map(\.snapshot) == [snapshots[2], snapshots[0]])
        let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
        for square in try Toy.reached(snapshots[0], in: cache) { #expect(cache.holds(square)) }
        #expect(try cache.verify(with: Workers(count: 1)).findings == [])
        #expect(try cache.holders().map(\.kind) == [.reference, .run])
        // Without the run the rest goes too.
        try disk.remove("\(run)/run.json")
        #expect(try collect(toy).removedObjects == 4)
    }

    /// Those of the snapshot that went go with it; nothing else in the folder does.
    @Test func cachedTransfersGoWithTheirSnapshot() throws {
        let (toy, snapshots) = try grown()
        func add(_ name: String, _ record: String?, _ files: [String] = ["out.mid"]) throws {
            let folder = "\(toy.cache)/transfers/\(name)"
            try disk.makeDirectories(folder)
            for file in files { try Files.write("\(folder)/\(file)", [1]) }
            if let record { try Files.write("\(folder)/transfer.json", Array(record.utf8)) }
        }
        func key(_ number: UInt8) -> String { Digest(of: [number]).hex }
        try add(key(0), "{\"transfer\":{\"snapshot\":\"\(snapshots[0].hex)\"}}\n")
        try add(key(1), "{\"transfer\":{\"snapshot\":\"\(snapshots[2].hex)\"}}\n")
        try add(key(2), "{\"transfer\":{}}\n")
        try add("\(key(3)).123.part", nil)
        try add(key(4), nil, ["out.wav", "mine.txt"])
        try add("mine", nil)
        func left() -> [String] { disk.names(in: "\(toy.cache)/transfers").sorted() }
        let all = left()
        #expect(try collect(toy, isDryRun: true).removedTransfers == 3)
        #expect(left() == all)
        #expect(try collect(toy).removedTransfers == 3)
        #expect(left() == [key(1), key(2), key(4), "mine"].sorted())
        #expect(disk.names(in: "\(toy.cache)/transfers/\(key(4))") == ["mine.txt"])
        #expect(disk.names(in: "\(toy.cache)/transfers/mine") == ["out.mid"])
        #expect(disk.names(in: "\(toy.cache)/transfers/\(key(1))").sorted() == ["out.mid", "transfer.json"])
    }

    @Test func aRunThatDoesNotSayWhatItNeedsStopsACollection() throws {
        let (toy, _, run) = try trained()
        for text in ["", "{", "{}", "{\"snapshot\":\"abc\"}", "{\"snapshot\":1}"] {
            try Files.write("\(run)/run.json", Array(text.utf8))
            let before = try Files.state(of: toy.cache, below: "objects")
            let error = #expect(throws: BuildError.self) { try collect(toy) }
            #expect(error?.code == .damaged)
            #expect(error?.message.contains("runs/net-1/run.json") == true)
            #expect(try Files.state(of: toy.cache, below: "objects") == before)
            let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
            #expect(try cache.verify(with: Workers(count: 1)).findings.map(\.kind) == [.runDamaged])
        }
        // One whose snapshot is lost has nothing to keep: it is reported.
        try Files.write("\(run)/run.json", Array("{\"snapshot\":\"\(Digest(of: [9]).hex)\"}".utf8))
        #expect(try collect(toy, isDryRun: true).missing.map(\.name) == ["net-1"])
        let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
        #expect(try cache.verify(with: Workers(count: 1)).findings.map(\.kind) == [.runDangling])
    }

    @Test func aProcessKeepsWhatItUses() throws {
        let (toy, snapshots) = try grown()
        do {
            let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
            let hold = try #require(try cache.hold(snapshots[0], for: "serve toy"))
            let done = try collect(toy)
            #expect(done.removedObjects == 1)
            #expect(done.holders.map(\.description) == ["toy", "process 'serve toy'"])
            #expect(try cache.holders().map(\.name) == ["toy", "serve toy"])
            withExtendedLifetime(hold) {}
        }
        #expect(Disk().names(in: "\(toy.cache)/holders") == ["lock"])
        #expect(try collect(toy).removedObjects == 4)
        let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
        let error = #expect(throws: BuildError.self) { try cache.hold(snapshots[0], for: "late") }
        #expect(error?.code == .objectMissing, "a snapshot that has gone cannot be held")
    }

    @Test func aKilledProcessHoldsNothing() async throws {
        let (toy, snapshots) = try grown()
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [toy = toy as Toy, hex = snapshots[0].hex as String] in
            let cache = try Cache(path: toy.cache, for: .reading)
            guard let digest = Digest(hex: hex), let hold = try cache.hold(digest, for: "train net") else {
                return
            }
            withExtendedLifetime(hold) { _ = kill(getpid(), SIGKILL) }
        }
        #expect(Disk().names(in: "\(toy.cache)/holders").count == 2, "it left its file")
        let done = try collect(toy)
        #expect(done.holders.map(\.kind) == [.reference])
        #expect(done.removedObjects == 5)
        #expect(Disk().names(in: "\(toy.cache)/holders") == ["lock"])
    }

    @Test func aReferenceThatLeadsNowhereStopsACollection() throws {
        let (toy, snapshots) = try grown()
        let reference = "\(toy.cache)/refs/toy"
        let digits = try Files.read(reference)
        var wrong = digits
        wrong[0] = digits[0] == 0x30 ? 0x31 : 0x30
        func refusal() throws -> BuildError? {
            let before = try Files.state(of: toy.cache, below: "objects")
            let error = #expect(throws: BuildError.self) { try collect(toy) }
            #expect(try Files.state(of: toy.cache, below: "objects") == before)
            #expect(error?.exitStatus == .damaged)
            return error
        }
        try Files.write(reference, wrong)
        #expect(try refusal()?.message.contains("refs/toy names snapshot") == true)
        // What a repair set aside and no build has replaced is still wanted.
        _ = try Cache(path: toy.cache, for: .building(wait: false), disk: disk).repair(
            with: Workers(count: 1))
        #expect(try refusal()?.message.contains("refs/toy.bad") == true)
        #expect(try toy.build(disk).snapshot == snapshots[2])
        #expect(FileStat(path: "\(reference).bad") == nil)
        #expect(try collect(toy, keep: 5).removedObjects == 0)
        // The snapshot's object is gone, or is none.
        let object = try Cache(path: toy.cache, for: .reading, disk: disk).path(of: snapshots[2])
        rename(object, "\(object).away")
        #expect(try refusal()?.message.contains("is not in the cache") == true)
        rename("\(object).away", object)
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        let error = #expect(throws: BuildError.self) {
            try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) { (_) throws(BuildError) in
                throw BuildError(.damaged, "no snapshot", canRetry: false)
            }
        }
        #expect(error?.message.contains("cannot be read as a snapshot") == true)
    }

    @Test func aDatasetThatIsGivenUpGoes() throws {
        let (toy, _) = try grown()
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        let error = #expect(throws: BuildError.self) { try cache.removeDataset("other") }
        #expect(error?.code == .noDataset)
        #expect(throws: BuildError.self) { try cache.removeDataset("../objects") }
        try Files.write("\(toy.cache)/refs/toy-2", try Files.read("\(toy.cache)/refs/toy@1"))
        #expect(try cache.removeDataset("toy").sorted() == ["toy", "toy@1", "toy@2"])
        #expect(try cache.references().map(\.dataset) == ["toy-2"])
        #expect(cache.lastBuild(of: "toy") == nil)
    }

    /// As on a disk without room: nothing can be written until something is removed.
    @Test func aFullDiskIsFreed() throws {
        for isIndexEnough in [true, false] {
            let (toy, _) = try grown()
            let freed = Monitor(0)
            let full = FaultyFileSystem { _, call in
                let removed = freed.withLock { count in
                    if call == .unlink { count += 1 }
                    return count
                }
                // References go first; then the index, and after it the objects.
                return [.write, .open, .makeDirectory].contains(call) && removed < (isIndexEnough ? 3 : 8)
                    ? ENOSPC : nil
            }
            let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: Disk(full))
            let done = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) {
                (digest) throws(BuildError) in
                try Toy.reached(digest, in: cache)
            }
            #expect(done.removedObjects == 5)
            #expect(done.journalBytesAfter < done.journalBytesBefore)
            #expect(try cache.verify(with: Workers(count: 1)).findings.filter(\.isDamage) == [])
            unlink("\(toy.cache)/state/toy")
            #expect(try toy.build(in: cache).run == [])
        }
    }
}
