import Build
import Testing

@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Faults of the disk: a clear error or nothing at all, never a wrong result.
@Suite struct FaultTests {
    /// Builds with a fault at the nth change, for every n until a build passes without one.
    private func atEveryChange(
        _ fault: @escaping @Sendable (_ number: Int, _ due: Int) -> Int32?, cuttingPower: Bool,
        _ check: (BuildError) -> Void
    ) throws {
        let clean = try Toy(in: TemporaryFolder(), values: [1, 2]).build(Disk(UnflushedFileSystem())).snapshot
        var due = 1
        while true {
            let folder = try TemporaryFolder()
            let toy = try Toy(in: folder, values: [1, 2])
            let target = due
            let files = FaultyFileSystem { number, _ in fault(number, target) }
            var failed: BuildError?
            do {
                #expect(try toy.build(Disk(files)).snapshot == clean)
            } catch let error as BuildError {
                failed = error
                check(error)
            }
            if cuttingPower { try files.cutPower() }
            let disk = Disk(UnflushedFileSystem())
            if FileStat(path: "\(toy.cache)/objects") != nil {
                let damages = try Cache(path: toy.cache, for: .reading, disk: disk)
                    .verify(with: Workers(count: 1)).findings.filter(\.isDamage)
                #expect(damages == [], "change \(due)")
            }
            #expect(try toy.build(disk).snapshot == clean, "change \(due)")
            #expect(try toy.build(disk).run == [], "change \(due)")
            if failed == nil, files.count < due { break }
            due += 1
        }
        #expect(due > 30, "a build makes more than 30 changes")
    }

    @Test func aFullDiskAtAnyChange() throws {
        try atEveryChange({ $0 == $1 ? ENOSPC : nil }, cuttingPower: false) { error in
            #expect(error.code == .diskFull)
            #expect(error.canRetry)
        }
    }

    @Test func aPowerCutAtAnyChange() throws {
        try atEveryChange({ $0 >= $1 ? EIO : nil }, cuttingPower: true) { error in
            #expect(error.code == .inputOutput)
        }
    }

    /// A collection that moves what is left of packs, and loses its power at the nth change, for every n.
    @Test func aPowerCutAtAnyChangeOfACollection() throws {
        var due = 1
        while true {
            let folder = try TemporaryFolder()
            let disk = Disk(UnflushedFileSystem())
            let toy = try Toy(in: folder, values: [1, 2, 3, 4, 5])
            _ = try toy.build(disk)
            for gone in [3, 4, 5] { unlink("\(toy.sources)/\(gone).txt") }
            let snapshot = try toy.build(disk).snapshot
            // Lines written together have times a little ahead of the clock.
            usleep(50_000)
            let packs = "\(toy.cache)/objects/packs"
            let before = disk.names(in: packs)
            let target = due
            let files = FaultyFileSystem { number, _ in number >= target ? EIO : nil }
            var isDone = false
            do {
                let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: Disk(files))
                let done = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) {
                    (digest) throws(BuildError) in try Toy.reached(digest, in: cache)
                }
                #expect(done.keptObjects == 3, "\(done)")
                isDone = files.count < target
            } catch {
                #expect(error.code == .inputOutput)
            }
            try files.cutPower()
            unlink("\(toy.cache)/state/toy")
            let built = try toy.build(disk)
            #expect(built.run == [] && built.snapshot == snapshot, "change \(due)")
            let damages = try Cache(path: toy.cache, for: .reading, disk: disk)
                .verify(with: Workers(count: 1)).findings.filter(\.isDamage)
            #expect(damages == [], "change \(due)")
            if isDone { #expect(disk.names(in: packs).count == 1 && disk.names(in: packs) != before) }
            if isDone { break }
            due += 1
        }
        #expect(due > 12, "a collection makes more than 12 changes")
    }

    @Test func writesThatTakeAFewBytesAtATime() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder)
        let disk = Disk(FaultyFileSystem(longestWrite: 7))
        #expect(try toy.build(disk).snapshot == toy.cleanSnapshot())
        let found = try Cache(path: toy.cache, for: .reading).verify(with: Workers(count: 1)).findings
        #expect(found == [])
    }

    @Test func aCacheThatCannotBeWrittenCanBeRead() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder)
        let snapshot = try toy.build().snapshot
        let readOnly = Disk(FaultyFileSystem { _, _ in EROFS })
        let cache = try Cache(path: toy.cache, for: .reading, disk: readOnly)
        #expect(try cache.snapshot(of: "toy") == snapshot)
        #expect(try !cache.bytes(of: snapshot).isEmpty)
        #expect(cache.unchangedBuild(of: "toy", fingerprint: toy.fingerprint(toy.files()).finish()) != nil)
        try folder.write("data/9.txt", "9".utf8)
        let error = #expect(throws: BuildError.self) { try toy.build(readOnly) }
        #expect(error?.code == .readOnly)
        #expect(error?.canRetry == false)
        #expect(error?.message.contains("writable") == true)
        let nowhere = #expect(throws: BuildError.self) {
            try Cache(path: "\(folder.path)/new", for: .building(wait: false), disk: readOnly)
        }
        #expect(nowhere?.code == .readOnly)
    }

    @Test func errorsOfTheSystemSayWhetherToTryAgain() {
        let table: [(Int32, BuildError.Code, Bool)] = [
            (ENOSPC, .diskFull, true), (EDQUOT, .diskFull, true), (EROFS, .readOnly, false),
            (EACCES, .readOnly, false), (EIO, .inputOutput, true),
        ]
        for (number, code, canRetry) in table {
            let error = BuildError.system("write", "somewhere", number)
            #expect(error.code == code)
            #expect(error.canRetry == canRetry)
            #expect(error.message.contains("somewhere"))
        }
        #expect(ExitStatus.allCases.map(\.rawValue) == [0, 1, 3, 10, 11, 12, 64, 130])
    }
}
