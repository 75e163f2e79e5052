import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct CacheTests {
    private let folder: TemporaryFolder
    private let disk = Disk(UnflushedFileSystem())
    private var path: String { "\(folder.path)/cache" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func thereIsOneBuilderAndAnyNumberOfReadersAndWorkers() throws {
        var builder: Cache? = try Cache(path: path, for: .building(wait: false), disk: disk)
        let error = #expect(throws: BuildError.self) {
            try Cache(path: path, for: .building(wait: false), disk: disk)
        }
        #expect(error?.code == .locked)
        #expect(error?.exitStatus.rawValue == 11)
        #expect(error?.canRetry == true)
        let readers = try (1...3).map { _ in try Cache(path: path, for: .reading, disk: disk) }
        let worker = try Cache(path: path, for: .working(name: "w1"), disk: disk)
        let second = #expect(throws: BuildError.self) {
            try Cache(path: path, for: .working(name: "w1"), disk: disk)
        }
        #expect(second?.code == .locked)
        withExtendedLifetime((builder, readers, worker)) {}
        builder = nil
        withExtendedLifetime(try Cache(path: path, for: .building(wait: false), disk: disk)) {}
    }

    #if os(Linux)
        /// A process that was being started while the cache was open has copies of its descriptors for a moment.
        @Test func theLockEndsThoughACopyOfItsDescriptorLives() throws {
            var builder: Cache? = try Cache(path: path, for: .building(wait: false), disk: disk)
            let copies = (0..<1024).filter { descriptor in
                var name = [CChar](repeating: 0, count: 4096)
                let count = readlink("/proc/self/fd/\(descriptor)", &name, name.count - 1)
                return String(
                    decoding: name.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                    == "\(path)/lock"
            }.map { dup(Int32($0)) }
            defer { for copy in copies { close(copy) } }
            #expect(!copies.isEmpty)
            withExtendedLifetime(builder) {}
            builder = nil
            withExtendedLifetime(try Cache(path: path, for: .building(wait: false), disk: disk)) {}
        }
    #endif

    @Test func aSecondBuilderWaitsWithAMessage() throws {
        let first = Monitor<Cache?>(try Cache(path: path, for: .building(wait: false), disk: disk))
        let messages = Monitor<[String]>([])
        let other = Thread { [path, disk] in
            _ = messages.wait { $0.isEmpty ? nil : true }
            withExtendedLifetime((path, disk)) {}
            first.withLock { $0 = nil }
        }
        let second = try Cache(path: path, for: .building(wait: true), disk: disk) { line in
            messages.withLock { $0.append(line) }
        }
        other?.join()
        withExtendedLifetime(second) {}
        #expect(messages.withLock { $0 } == ["another build works in \(path); waiting for it to end"])
    }

    @Test func readingWhatIsNotThereMakesNothing() {
        let error = #expect(throws: BuildError.self) { try Cache(path: path, for: .reading) }
        #expect(error?.code == .noCache)
        #expect(error?.exitStatus.rawValue == 10)
        #expect(FileStat(path: path) == nil)
    }

    @Test func referencesKeepOlderSnapshotsInOrder() throws {
        let cache = try Cache(path: path, for: .building(wait: false), disk: disk)
        let snapshots = (1...4).map { Digest(of: [$0]) }
        #expect(try cache.snapshot(of: "piano") == nil)
        for snapshot in snapshots { try cache.setReference("piano", to: snapshot) }
        try cache.setReference("piano-2", to: snapshots[0])
        let before = try Files.state(of: path)
        try cache.setReference("piano", to: snapshots[3])
        #expect(try Files.state(of: path) == before)
        #expect(try cache.snapshot(of: "piano") == snapshots[3])
        let references = try cache.references()
        #expect(references.map(\.dataset) == ["piano", "piano", "piano", "piano", "piano-2"])
        #expect(references.map(\.number) == [nil, 3, 2, 1, nil])
        #expect(references.map(\.snapshot) == snapshots.reversed() + [snapshots[0]])
        #expect(try Files.read("\(path)/refs/piano@2") == Array("\(snapshots[1].hex)\n".utf8))
        // Going back to an older snapshot is a new one in time.
        try cache.setReference("piano", to: snapshots[1])
        #expect(try cache.references().first { $0.number == 4 }?.snapshot == snapshots[3])
    }

    @Test func workersResultsAreFoundByTheNextBuild() throws {
        let toy = try Toy(in: TemporaryFolder())
        let expected = try toy.cleanSnapshot()
        // Two workers do the squares, each by its own journal and without the index.
        for name in ["a", "b"] {
            let worker = try Cache(path: toy.cache, for: .working(name: name), disk: disk)
            #expect(try toy.build(in: worker, publishing: false).snapshot == expected)
        }
        #expect(FileStat(path: "\(toy.cache)/index.sqlite") == nil)
        #expect(Disk().names(in: "\(toy.cache)/journals") == ["worker-a.jsonl"], "the second found all done")
        let built = try toy.build(disk)
        #expect(built.run == [])
        #expect(built.snapshot == expected)
        #expect(Disk().names(in: "\(toy.cache)/leases").isEmpty)
    }

    @Test func aReaderAnswersWithAndWithoutAnIndex() throws {
        let toy = try Toy(in: TemporaryFolder())
        _ = try toy.build(disk)
        let file = toy.files()[0]
        let source = SourceFile(
            path: file.path, digest: Digest(of: try Files.read(file.path)), stat: file.stat)
        for isIndexed in [true, false] {
            if !isIndexed { try disk.remove("\(toy.cache)/index.sqlite") }
            let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
            #expect(try cache.lookup([toy.squareAction(source)])[0]?.facts == ["value": 1])
            #expect(try cache.reason(for: toy.squareAction(source)) == nil)
            var other = toy
            other.factor = 5
            #expect(try cache.reason(for: other.squareAction(source))?.name == "parametersChanged")
        }
        #expect(FileStat(path: "\(toy.cache)/index.sqlite") == nil, "a reader writes no index")
    }

    @Test func anIndexOfAnotherSchemaIsMadeAnew() throws {
        let toy = try Toy(in: TemporaryFolder())
        let first = try toy.build(disk)
        var bytes = try Files.read("\(toy.cache)/index.sqlite")
        // SQLite's file format: the user version is the big-endian number at byte 60.
        #expect(bytes[63] == UInt8(Index.schema))
        bytes[63] = 99
        try Files.write("\(toy.cache)/index.sqlite", bytes)
        try disk.remove("\(toy.cache)/state/toy")
        let second = try toy.build(disk)
        #expect(second.run == [])
        #expect(second.snapshot == first.snapshot)
    }
}
