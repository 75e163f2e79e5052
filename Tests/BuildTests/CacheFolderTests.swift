import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What is Reprise's own in a folder, and what is not.
@Suite struct CacheFolderTests {
    private let folder: TemporaryFolder
    private let disk = Disk(UnflushedFileSystem())
    private var path: String { "\(folder.path)/cache" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ access: Cache.Access = .building(wait: false)) throws {
        withExtendedLifetime(try Cache(path: path, for: access, disk: disk)) {}
    }

    @Test func aNewCacheIsTagged() throws {
        try open()
        let tag = try Files.read("\(path)/CACHEDIR.TAG")
        #expect(tag.starts(with: "Signature: 8a477f597d28d172789f06886806bc55\n".utf8))
        let before = try Files.state(of: path)
        try open()
        #expect(try Files.state(of: path) == before)
        // An empty folder is as good as none.
        try disk.makeDirectories("\(folder.path)/empty")
        withExtendedLifetime(
            try Cache(path: "\(folder.path)/empty", for: .building(wait: false), disk: disk)
        ) {}
    }

    @Test(arguments: [
        ["notes.txt"], [".hidden"], ["objects/x"], ["tmp/builder/1-1"], ["journals/x.jsonl"],
        ["refs/main", "objects/pack/x", "HEAD"], ["cache/objects/ab/x"],
    ])
    func aFolderOfOtherThingsIsRefusedAndLeftAsItIs(names: [String]) throws {
        for name in names { try folder.write("cache/\(name)", "precious".utf8) }
        let before = try Files.state(of: path)
        for access in [Cache.Access.building(wait: false), .working(name: "w")] {
            let error = #expect(throws: BuildError.self) { try open(access) }
            #expect(error?.code == .notACache)
            #expect(error?.exitStatus == .usage)
            #expect(error?.message.contains("is not a cache of Reprise") == true)
        }
        #expect(throws: BuildError.self) { try open(.reading) }
        #expect(try Files.state(of: path) == before)
    }

    @Test func anotherProgramsTagIsNotOurs() throws {
        try folder.write(
            "cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# made by cargo\n".utf8)
        try folder.write("cache/debug/x", [1])
        #expect(throws: BuildError.self) { try open() }
    }

    @Test func aCacheWithoutATagGetsOneAndOneWithDownloadsIsKnownByIt() throws {
        let toy = try Toy(in: folder)
        let snapshot = try toy.build(disk).snapshot
        try disk.remove("\(path)/CACHEDIR.TAG")
        try disk.remove("\(path)/state/toy")
        #expect(try toy.build(disk).snapshot == snapshot)
        #expect(try Files.read("\(path)/CACHEDIR.TAG") == Array(Cache.tag.utf8))
        // What a script made before the first build.
        let other = try TemporaryFolder()
        try other.write("c/CACHEDIR.TAG", Cache.tag.utf8)
        try other.write("c/downloads/song.mid", [1])
        withExtendedLifetime(try Cache(path: "\(other.path)/c", for: .building(wait: false), disk: disk)) {}
        #expect(try Files.read("\(other.path)/c/downloads/song.mid") == [1])
    }

    @Test func aTagCutShortByAKillIsWrittenAgain() throws {
        for length in [0, 1, 40, 43] {
            let other = try TemporaryFolder()
            try other.write("c/CACHEDIR.TAG", Cache.tag.utf8.prefix(length))
            withExtendedLifetime(
                try Cache(path: "\(other.path)/c", for: .building(wait: false), disk: disk)
            ) {}
            #expect(try Files.read("\(other.path)/c/CACHEDIR.TAG") == Array(Cache.tag.utf8))
        }
    }

    @Test func sweepsTakeOnlyWhatReprisesNamesSay() throws {
        let toy = try Toy(in: folder)
        _ = try toy.build(disk)
        let ours = [
            "tmp/builder/12-3", "tmp/reader/1-1", "tmp/worker-a/77-8", "tmp/worker-a/lease",
            "leases/worker-a",
        ]
        let theirs = [
            "tmp/experiment/results.csv", "tmp/notes/12-3", "tmp/loose.txt", "tmp/builder/draft.txt",
            "tmp/builder/12-3-4", "tmp/builder/folder/12-3", "tmp/worker-a/sub/x", "leases/mine",
            "leases/worker-b/x", "objects/readme.bad", "objects/ab/notes.bad",
            "objects/notes/\(String(repeating: "a", count: 62))",
            "journals/diary.jsonl", "refs/mine.txt/x", "holders/12",
        ]
        for name in ours + theirs { try folder.write("cache/\(name)", "precious".utf8) }
        var old = [timespec(), timespec()]
        old[0].tv_sec = 1000
        old[1].tv_sec = 1000
        utimensat(AT_FDCWD, "\(path)/leases/worker-a", old, 0)
        // A link to a file of ours by name, and one to a folder full of such names.
        try folder.write("outside/12-3", "precious".utf8)
        symlink("\(folder.path)/outside/12-3", "\(path)/tmp/builder/99-1")
        symlink("\(folder.path)/outside", "\(path)/tmp/worker-c")
        // Not a reference, and so nothing that stops a collection.
        rename("\(path)/refs/mine.txt", "\(path)/refs/mine txt")
        let cache = try Cache(path: path, for: .building(wait: false), disk: disk)
        _ = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) { (digest) throws(BuildError) in
            try Toy.reached(digest, in: cache)
        }
        _ = try cache.repair(with: Workers(count: 1))
        for name in ours { #expect(FileStat(withoutFollowing: "\(path)/\(name)") == nil, "\(name)") }
        for name in theirs where name != "refs/mine.txt/x" {
            #expect(try Files.read("\(path)/\(name)") == Array("precious".utf8), "\(name)")
        }
        #expect(try Files.read("\(path)/refs/mine txt/x") == Array("precious".utf8))
        #expect(try Files.read("\(folder.path)/outside/12-3") == Array("precious".utf8))
        #expect(FileStat(withoutFollowing: "\(path)/tmp/builder/99-1") != nil, "a link is not ours either")
    }

    /// Each place where a link could lead a write, a removal or a renaming out of the cache.
    @Test(arguments: [
        "index.sqlite", "index.sqlite-wal", "index.sqlite-journal", "lock", "refs/toy", "state/toy",
        "journals/builder.jsonl", "CACHEDIR.TAG", "holders/lock", "leases/worker-a", "objects", "journals",
        "refs",
        "state", "tmp", "tmp/builder", "holders", "leases", "runs", "objects/4b",
    ])
    func noLinkLeadsOut(place: String) throws {
        let toy = try Toy(in: folder)
        _ = try toy.build(disk)
        // What a link could be aimed at: a file, or a folder with names as the cache has them.
        let isFolder =
            !["index.sqlite", "refs/toy", "state/toy", "journals/builder.jsonl"].contains(place)
            && !place.contains("index") && !place.contains("TAG") && !place.hasSuffix("lock")
            && !place.hasSuffix("worker-a")
        let names = [
            "toy", "12-3", "x.jsonl", "builder.jsonl", "worker-a", "\(String(repeating: "a", count: 62))",
            "\(String(repeating: "b", count: 62)).bad", "builder/12-3",
            "ab/\(String(repeating: "a", count: 62))",
        ]
        if isFolder {
            for name in names { try folder.write("outside/\(name)", "precious\nno end of line".utf8) }
        } else {
            try folder.write("outside", "precious\nno end of line".utf8)
        }
        let target = "\(folder.path)/outside"
        let link = "\(path)/\(place)"
        if let slash = link.lastIndex(of: "/") { try disk.makeDirectories(String(link[..<slash])) }
        rename(link, "\(folder.path)/moved")
        #expect(symlink(target, link) == 0)
        let before = try Files.state(of: folder.path).filter { $0.key.hasPrefix("outside") }
        var errors: [BuildError] = []
        func attempt(_ body: () throws -> Void) throws {
            do { try body() } catch let error as BuildError { errors.append(error) }
        }
        var other = toy
        other.factor = 2
        try attempt { _ = try other.build(disk) }
        try attempt { withExtendedLifetime(try Cache(path: path, for: .working(name: "a"), disk: disk)) {} }
        try attempt {
            let cache = try Cache(path: path, for: .building(wait: false), disk: disk)
            _ = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) { (digest) throws(BuildError) in
                try Toy.reached(digest, in: cache)
            }
        }
        try attempt {
            let cache = try Cache(path: path, for: .building(wait: false), disk: disk)
            _ = try cache.repair(with: Workers(count: 1))
        }
        try attempt { try Cache(path: path, for: .building(wait: false), disk: disk).rebuildIndex() }
        try attempt {
            let cache = try Cache(path: path, for: .reading, disk: disk)
            _ = try cache.hold(Digest(of: [1]), for: "test")
        }
        #expect(try Files.state(of: folder.path).filter { $0.key.hasPrefix("outside") } == before)
        for error in errors { #expect(error.exitStatus == .damaged, "\(error)") }
    }

    /// A file that blocks or never ends is refused by name; a reader must not wait for it.
    @Test(arguments: [
        "refs/toy", "state/toy", "journals/builder.jsonl", "index.sqlite", "lock", "runs/r/run.json",
    ])
    func nothingButRegularFilesIsRead(place: String) throws {
        let toy = try Toy(in: folder)
        let snapshot = try toy.build(disk).snapshot
        let file = "\(path)/\(place)"
        if place.hasPrefix("runs/") { try disk.makeDirectories("\(path)/runs/r") }
        for isFIFO in [true, false] {
            unlink(file)
            if isFIFO { mkfifo(file, 0o666) } else { symlink("/dev/zero", file) }
            for access in [Cache.Access.reading, .building(wait: false)] {
                do throws(BuildError) {
                    let cache = try Cache(path: path, for: access, disk: disk)
                    _ = try cache.verify(with: Workers(count: 1))
                    _ = try cache.holders()
                    _ = try cache.references()
                    _ = cache.lastBuild(of: "toy")
                    _ = try cache.bytes(of: snapshot)
                } catch {
                    #expect(error.exitStatus == .damaged, "\(error)")
                    #expect(error.message.contains(place), "\(error)")
                }
            }
        }
    }

    @Test func filesOfImpossibleSizeAreNotRead() throws {
        let toy = try Toy(in: folder)
        let snapshot = try toy.build(disk).snapshot
        let cache = try Cache(path: path, for: .reading, disk: disk)
        let object = cache.path(of: snapshot)
        chmod(object, 0o644)
        #expect(truncate(object, 1 << 40) == 0)
        let sized = #expect(throws: BuildError.self) { try cache.bytes(of: snapshot, size: 100) }
        #expect(sized?.code == .objectCorrupt)
        rename("\(object).bad", object)
        #expect(throws: BuildError.self) { try cache.bytes(of: snapshot) }
        let found = try cache.verify(with: Workers(count: 1)).findings
        #expect(found.map(\.kind) == [.objectDamaged])
        try Files.write("\(path)/refs/toy", [])
        #expect(truncate("\(path)/refs/toy", 1 << 40) == 0)
        #expect(throws: BuildError.self) { try cache.references() }
        // A journal that is a hole, and one of one endless line.
        let hole = Journal(name: "s.jsonl", path: "\(path)/journals/s.jsonl")
        try Files.write(hole.path, [])
        #expect(truncate(hole.path, 1 << 40) == 0)
        let scan = try hole.scan(disk) { _, _ in }
        #expect(scan.entries == 0)
        #expect(scan.tornBytes == 1 << 40)
        let strays = try cache.verify(with: Workers(count: 1)).findings.filter {
            $0.path == "journals/s.jsonl"
        }
        #expect(strays.map(\.kind) == [.fileStray])
        let line = Journal(name: "l.jsonl", path: "\(folder.path)/l.jsonl", lineLimit: 4 << 20)
        try Files.write(line.path, [UInt8](repeating: 0x78, count: 5 << 20))
        let endless = #expect(throws: BuildError.self) { try line.scan(disk) { _, _ in } }
        #expect(endless?.code == .foreignFile)
        let writer = JournalWriter(line, disk: disk)
        let refused = #expect(throws: BuildError.self) { try writer.append([]) }
        #expect(refused?.code == .foreignFile)
    }

    @Test func numbersOutOfRangeAreDamage() throws {
        let action = Action(Stage("s", version: 1), inputs: [], subject: "x")
        let record = ActionRecord(action: action, result: ActionResult())
        for at in [Int64.min, -1, JournalEntry.times.upperBound + 1, Int64.max] {
            let line = JournalEntry.record(record, at: at).line.dropLast()
            #expect(Array(line).withUnsafeBytes { JournalEntry(line: $0) } == nil, "\(at)")
        }
        for name in ["d@-9223372036854775808", "d@0", "d@01", "d@1234567890", "d@", "@1", "d@x"] {
            #expect(!Cache.isReference(name), "\(name)")
        }
        #expect(Cache.parts(ofReference: "d@999999999") == ("d", 999_999_999))
        // A record of the last millisecond does not end the time of the next build.
        let toy = try Toy(in: folder)
        let snapshot = try toy.build(disk).snapshot
        let journal = "\(path)/journals/builder.jsonl"
        let line = JournalEntry.record(record, at: JournalEntry.times.upperBound).line
        try Files.write(journal, try Files.read(journal) + line)
        var other = toy
        other.factor = 3
        _ = try other.build(disk)
        try disk.remove("\(path)/state/toy")
        #expect(try toy.build(disk).snapshot == snapshot)
    }

    @Test func noBitOfTheLastBuildsStateIsBelieved() throws {
        let state = BuildState(
            fingerprint: Digest(of: [1]), snapshot: Digest(of: [2]),
            objects: [ObjectReference(digest: Digest(of: [3]), size: 12345)], summary: ["segments": 12],
            origin: "/data/m.yaml")
        var bytes = state.bytes
        #expect(BuildState(bytes: bytes) == state)
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(BuildState(bytes: bytes) == nil, "bit \(bit)")
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
    }

    @Test func objectsAreReadOnlyAndTheRestIsAGroupsOwn() throws {
        let mask = umask(0o002)
        defer { umask(mask) }
        let toy = try Toy(in: folder)
        _ = try toy.build(disk)
        var modes: [String: mode_t] = [:]
        for name in try Files.state(of: path).keys {
            var found = stat()
            lstat("\(path)/\(name)", &found)
            if found.st_mode & S_IFMT == S_IFREG { modes[name] = found.st_mode & 0o777 }
        }
        #expect(modes.filter { $0.key.hasPrefix("objects/") }.allSatisfy { $0.value == 0o444 })
        #expect(modes.filter { !$0.key.hasPrefix("objects/") }.allSatisfy { $0.value == 0o664 }, "\(modes)")
        #expect(modes["index.sqlite"] == 0o664)
        let objects = modes.keys.filter { $0.hasPrefix("objects/") }
        #expect(objects.count == 2, "a pack of squares, and the snapshot")
    }
}
