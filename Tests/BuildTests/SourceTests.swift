import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct SourceTests {
    private let disk = Disk(UnflushedFileSystem())
    private let second: Int64 = 1_000_000_000

    @Test func filesThatLookUnchangedAreNotHashedAgain() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder)
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        let workers = Workers(count: 2)
        let first = try cache.hashSources(toy.files(), with: workers).map { try $0.get() }
        #expect(first.map(\.digest) == ["1", "2", "3"].map { Digest(of: Array($0.utf8)) })
        let known = try cache.records.withIndex { (index) throws(BuildError) in
            try index.sources(toy.files().map(\.path))
        }
        #expect(known.map { $0?.digest } == first.map(\.digest))
        try cache.records.withIndex { (index) throws(BuildError) in
            let row = Index.SourceRow(stat: first[0].stat, digest: Digest(of: [99]))
            try index.note([(first[0].path, row)])
        }
        let second = try cache.hashSources(toy.files(), with: workers).map { try $0.get() }
        #expect(second[0].digest == Digest(of: [99]), "the noted hash is used")
        try Files.write(first[0].path, [0x37])
        let third = try cache.hashSources(toy.files(), with: workers).map { try $0.get() }
        #expect(third.map(\.digest) == ["7", "2", "3"].map { Digest(of: Array($0.utf8)) })
    }

    @Test func aFileIsUnsettledWhileAChangeCouldHide() {
        let now = 1_000 * second + 123_456_789
        func time(modified: Int64, changed: Int64) -> Int64 {
            FileStat(size: 1, modified: modified, changed: changed, inode: 1).unsettledTime(now: now)
        }
        #expect(time(modified: now - second, changed: now - second) == 0)
        #expect(time(modified: now - second, changed: now - 10_000_000) == 40_000_000)
        #expect(time(modified: now - 10_000_000, changed: now - second) == 40_000_000)
        #expect(time(modified: now + 900 * second, changed: now - second) == 0, "set by hand into the future")
        #expect(time(modified: 0, changed: now + 900 * second) > 900 * second, "another clock")
        // Whole seconds: a filesystem that stores no more.
        #expect(time(modified: 999 * second, changed: 999 * second) == second - 123_456_789)
        #expect(time(modified: 990 * second, changed: 990 * second) == 0)
    }

    @Test func aFileThatChangesWhileItIsReadIsReportedAndNotRecorded() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder, values: [1])
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        let file = try cache.hashSources(toy.files(), with: Workers(count: 1))[0].get()
        let engine = Engine(cache)
        let error = #expect(throws: BuildError.self) {
            try engine.run(toy.squareAction(file), reading: [file]) { context in
                try folder.write("data/1.txt", "22".utf8)
                throw StageFailure(Diagnostic(.error, code: "toy.odd", message: "half a file"))
            }
        }
        #expect(error?.code == .sourceChanged)
        #expect(error?.concernsOneSource == true)
        #expect(error?.canRetry == true)
        try engine.flush()
        #expect(try cache.lookup([toy.squareAction(file)])[0] == nil)
    }

    @Test func whatCannotBeReadConcernsThatFileAlone() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder, values: [1, 2, 3])
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        let files = toy.files()
        unlink(files[1].path)
        let results = try cache.hashSources(files, with: Workers(count: 2))
        #expect(results.map { (try? $0.get()) != nil } == [true, false, true])
        guard case .failure(let error) = results[1] else { throw TestFailure("no error") }
        #expect(error.code == .sourceUnreadable)
        #expect(error.concernsOneSource)
    }

    @Test func theFingerprintChangesWithAnythingNamed() throws {
        func stat(size: Int = 1, modified: Int64 = 2, changed: Int64 = 3, inode: UInt64 = 4) -> FileStat {
            FileStat(size: size, modified: modified, changed: changed, inode: inode)
        }
        func fingerprint(_ text: String, _ path: String, _ stat: FileStat) -> Digest {
            var fingerprint = Fingerprint()
            fingerprint.combine(text.utf8)
            fingerprint.combine(path: path.utf8, stat)
            #expect(fingerprint.isSettled)
            return fingerprint.finish()
        }
        let all = [
            fingerprint("m", "p", stat()), fingerprint("n", "p", stat()), fingerprint("m", "q", stat()),
            fingerprint("m", "p", stat(size: 2)), fingerprint("m", "p", stat(modified: 3)),
            fingerprint("m", "p", stat(changed: 4)), fingerprint("m", "p", stat(inode: 5)),
            fingerprint("mp", "", stat()),
        ]
        #expect(Set(all).count == all.count)
        #expect(fingerprint("m", "p", stat()) == all[0])
        var young = Fingerprint()
        young.combine(path: "p".utf8, stat(modified: FileStat.now, changed: FileStat.now))
        #expect(!young.isSettled)
    }

    @Test func anUnchangedBuildNeedsItsReferenceAndItsObjects() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder)
        let snapshot = try toy.build(disk).snapshot
        let fingerprint = toy.fingerprint(toy.files()).finish()
        let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
        #expect(cache.unchangedBuild(of: "toy", fingerprint: fingerprint)?.snapshot == snapshot)
        #expect(cache.unchangedBuild(of: "other", fingerprint: fingerprint) == nil)
        #expect(cache.unchangedBuild(of: "toy", fingerprint: Digest(of: [])) == nil)
        let state = try Files.read("\(toy.cache)/state/toy")
        for end in stride(from: 0, to: state.count, by: 5) {
            try Files.write("\(toy.cache)/state/toy", Array(state[..<end]))
            #expect(cache.unchangedBuild(of: "toy", fingerprint: fingerprint) == nil)
        }
        try Files.write("\(toy.cache)/state/toy", state)
        let reference = try Files.read("\(toy.cache)/refs/toy")
        try Files.write("\(toy.cache)/refs/toy", Array("\(Digest(of: []).hex)\n".utf8))
        #expect(cache.unchangedBuild(of: "toy", fingerprint: fingerprint) == nil)
        try Files.write("\(toy.cache)/refs/toy", reference)
        #expect(cache.unchangedBuild(of: "toy", fingerprint: fingerprint) != nil)
        try Files.write(cache.path(of: snapshot), [])
        #expect(cache.unchangedBuild(of: "toy", fingerprint: fingerprint) == nil)
        unlink(cache.path(of: snapshot))
        #expect(cache.unchangedBuild(of: "toy", fingerprint: fingerprint) == nil)
        #expect(try toy.build(disk).snapshot == snapshot)
    }
}
