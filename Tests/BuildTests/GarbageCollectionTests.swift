import Testing

@testable import Build

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
}
