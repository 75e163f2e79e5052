import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Killed at any named place, the next build ends as a clean one does.
@Suite(.serialized) struct CrashTests {
    private static let ofBuild = [
        "object.written", "commit.unflushed", "commit.flushed", "commit.renamed", "commit.placed",
        "journal.torn", "journal.appended", "journal.flushed", "index.uncommitted", "index.committed",
        "replace.written", "replace.renamed", "replace.written:2", "replace.renamed:2", "replace.written:3",
    ]
    private static let ofFiles = ["object.written:3", "commit.renamed:2"]
    private static let ofPacks = [
        "pack.torn", "pack.torn:2", "pack.appended", "pack.appended:2", "pack.closed", "pack.closed:2",
        "pack.flushed",
    ]
    private static let ofCollection = [
        "gc.planned", "gc.repacked", "gc.moved", "gc.compacted", "gc.dropped", "gc.removed", "gc.removed:2",
        "gc.swept",
    ]

    @Test func everyFailPointIsTested() {
        let tested = (Self.ofBuild + Self.ofFiles + Self.ofPacks + Self.ofCollection).map {
            String($0.prefix { $0 != ":" })
        }
        #expect(Set(tested) == Set(FailPoint.names))
    }

    @Test(arguments: ofBuild + ofFiles)
    func killedBuildOfFilesIsFinishedByTheNext(point: String) async throws {
        try await killedBuildIsFinished(point, isPacked: false)
    }

    @Test(arguments: ofBuild + ofPacks)
    func killedBuildOfPacksIsFinishedByTheNext(point: String) async throws {
        try await killedBuildIsFinished(point, isPacked: true)
    }

    private func killedBuildIsFinished(_ point: String, isPacked: Bool) async throws {
        let folder = try TemporaryFolder()
        var toy = try Toy(in: folder)
        toy.isPacked = isPacked
        // One square fills a pack.
        toy.packLimit = 2
        // What is there before: an older snapshot, whose reference has to be kept.
        let older = try toy.build()
        try folder.write("data/4.txt", "4".utf8)
        try folder.write("data/5.txt", "5".utf8)
        await #expect(processExitsWith: .signal(SIGKILL)) { [toy = toy as Toy, point = point as String] in
            setenv("REPRISE_FAILPOINT", point, 1)
            _ = try toy.build()
        }
        let clean = try toy.cleanSnapshot()
        do {
            let cache = try Cache(path: toy.cache, for: .building(wait: false))
            let ledger = try Ledger(cache.records, disk: cache.disk)
            for row in ledger.rows.values {
                #expect(row.outputs.allSatisfy { cache.contains($0) }, "\(ledger.description(of: row))")
            }
            #expect(Disk().names(in: "\(toy.cache)/tmp/builder").isEmpty, "what was half written is swept")
            #expect([older.snapshot, clean].contains(try cache.snapshot(of: "toy")))
        }
        let outcome = try toy.build()
        #expect(outcome.snapshot == clean)
        let before = try Files.state(of: toy.cache)
        #expect(try toy.build().wasUnchanged)
        #expect(try Files.state(of: toy.cache) == before)
        let verification = try Cache(path: toy.cache, for: .reading).verify(with: Workers(count: 1))
        #expect(verification.findings.filter { ![.objectStray, .packTorn].contains($0.kind) } == [])
        let references = try Cache(path: toy.cache, for: .reading).references()
        #expect(references.map(\.number) == [nil, 1])
        #expect(references.last?.snapshot == older.snapshot)
    }

    @Test(arguments: ofCollection)
    func killedCollectionLosesNothing(point: String) async throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder)
        let snapshot = try {
            _ = try toy.build()
            // More than half of the pack.
            unlink("\(toy.sources)/2.txt")
            unlink("\(toy.sources)/3.txt")
            return try toy.build().snapshot
        }()
        await #expect(processExitsWith: .signal(SIGKILL)) { [toy = toy as Toy, point = point as String] in
            setenv("REPRISE_FAILPOINT", point, 1)
            let cache = try Cache(path: toy.cache, for: .building(wait: false))
            _ = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) { (digest) throws(BuildError) in
                try Toy.reached(digest, in: cache)
            }
        }
        let cache = try Cache(path: toy.cache, for: .building(wait: false))
        let verification = try cache.verify(with: Workers(count: 1))
        #expect(verification.findings.filter(\.isDamage) == [])
        _ = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) { (digest) throws(BuildError) in
            try Toy.reached(digest, in: cache)
        }
        #expect(try cache.verify(with: Workers(count: 1)).findings == [])
        #expect(try cache.verify(with: Workers(count: 1)).objects == 2)
        let outcome = try toy.build(in: cache)
        #expect(outcome.run == [])
        #expect(outcome.snapshot == snapshot)
    }
}
