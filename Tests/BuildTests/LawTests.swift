import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What must hold whatever was done to sources, parameters and cache.
@Suite struct LawTests {
    @Test func initialNullOneChange() throws {
        let folder = try TemporaryFolder()
        var toy = try Toy(in: folder)
        let first = try toy.build()
        #expect(
            first.run == [
                "square 1.txt: never built", "square 2.txt: never built", "square 3.txt: never built",
                "sum toy: never built",
            ])
        let before = try Files.state(of: toy.cache)
        let null = try toy.build()
        #expect(null == Toy.Outcome(snapshot: first.snapshot, wasUnchanged: true))
        #expect(try Files.state(of: toy.cache) == before, "a null build writes nothing")

        try folder.write("data/2.txt", "5".utf8)
        let changed = try toy.build()
        #expect(changed.run.count == 2)
        #expect(changed.run[0].hasPrefix("square 2.txt: inputs changed: source d4735e3a265e → ef2d127de37b"))
        #expect(changed.run[1].hasPrefix("sum toy: inputs changed: square"))

        // Early cutoff: other bytes with the same result run nothing further.
        try folder.write("data/2.txt", "+5".utf8)
        let same = try toy.build()
        #expect(same.run.count == 1)
        #expect(same.snapshot == changed.snapshot)

        toy.squareVersion = 2
        let bumped = try toy.build()
        #expect(bumped.run.allSatisfy { $0.contains("stage changed: version 1 → 2") })
        #expect(bumped.run.count == 3)
        #expect(bumped.snapshot == changed.snapshot)
    }

    @Test func renamedAndTouchedSourcesRunNothing() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder)
        let first = try toy.build()
        rename("\(toy.sources)/3.txt", "\(toy.sources)/30.txt")
        utimensat(AT_FDCWD, "\(toy.sources)/1.txt", nil, 0)
        let second = try toy.build()
        #expect(second.run == [])
        #expect(!second.wasUnchanged)
        #expect(second.snapshot == first.snapshot)
        #expect(try toy.build().wasUnchanged)
    }

    @Test(arguments: [(1, UInt64(1)), (1, 2), (4, 3), (4, 4)])
    func afterAnyEditsIncrementalEqualsClean(jobs: Int, seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let folder = try TemporaryFolder()
        var toy = try Toy(in: folder, values: [1, 2, 3, 4])
        toy.jobs = jobs
        let disk = Disk(UnflushedFileSystem())
        var log: [String] = []
        for _ in 1...10 {
            for _ in 1...Int.random(in: 1...3, using: &random) {
                log.append(try edit(&toy, folder, &random))
            }
            let incremental = try toy.build(disk)
            try #require(try incremental.snapshot == toy.cleanSnapshot(), "seed \(seed): \(log)")
            let before = try Files.state(of: toy.cache)
            #expect(try toy.build(disk).run == [], "seed \(seed): \(log)")
            #expect(try Files.state(of: toy.cache) == before, "seed \(seed): \(log)")
        }
    }

    /// One random edit; what it was.
    private func edit(
        _ toy: inout Toy, _ folder: TemporaryFolder, _ random: inout SeededGenerator
    ) throws -> String {
        let names = Disk().names(in: toy.sources)
        let name = names.randomElement(using: &random) ?? "none"
        let path = "\(toy.sources)/\(name)"
        let value = Int.random(in: -3...6, using: &random)
        switch Int.random(in: 0...11, using: &random) {
        case 0, 1:
            try folder.write("data/new\(value).txt", "\(value)".utf8)
            return "add \(value)"
        case 2, 3:
            if !names.isEmpty { try Files.write(path, Array("\(value)".utf8)) }
            return "change \(name) to \(value)"
        case 4:
            if !names.isEmpty { try Files.write(path, Array("no number \(value)".utf8)) }
            return "spoil \(name)"
        case 5:
            utimensat(AT_FDCWD, path, nil, 0)
            return "touch \(name)"
        case 6:
            if !names.isEmpty { rename(path, "\(toy.sources)/renamed\(value).txt") }
            return "rename \(name) to renamed\(value)"
        case 7:
            unlink(path)
            return "delete \(name)"
        case 8:
            toy.factor = Int.random(in: 1...3, using: &random)
            return "factor \(toy.factor)"
        case 9:
            toy.squareVersion = Int.random(in: 1...3, using: &random)
            return "version \(toy.squareVersion)"
        default:
            return try damage(toy, &random)
        }
    }

    /// Deletes an object, flips a byte in one and repairs, or loses the index.
    private func damage(_ toy: Toy, _ random: inout SeededGenerator) throws -> String {
        guard FileStat(path: "\(toy.cache)/objects") != nil else { return "nothing to damage" }
        let disk = Disk(UnflushedFileSystem())
        let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        let files =
            cache.objectFiles().map(\.path)
            + disk.names(in: cache.store.packs.folder).map { "objects/packs/\($0)" }
        guard let object = files.randomElement(using: &random) else { return "nothing to damage" }
        let path = "\(toy.cache)/\(object)"
        switch Int.random(in: 0...3, using: &random) {
        case 0:
            unlink(path)
            return "lose \(object)"
        case 1:
            let offset = Int.random(in: 0..<max(1, FileStat(path: path)?.size ?? 1), using: &random)
            try Files.flip(path, at: offset)
            _ = try cache.repair(with: Workers(count: 1))
            return "flip byte \(offset) of \(object) and repair"
        case 2:
            unlink("\(toy.cache)/index.sqlite")
            return "lose the index"
        default:
            do throws(BuildError) {
                _ = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) {
                    (digest) throws(BuildError) in
                    try Toy.reached(digest, in: cache)
                }
            } catch {
                // The snapshot itself may have been lost before.
                guard error.code == .damaged else { throw error }
                return "collect, refused"
            }
            return "collect"
        }
    }
}
