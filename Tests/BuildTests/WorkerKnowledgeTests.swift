import Testing

@testable import Build
@testable import Files
@testable import Storage

/// Workers that were told what they need, in place of reading every journal.
@Suite struct WorkerKnowledgeTests {
    private let folder: TemporaryFolder
    private let disk = Disk(UnflushedFileSystem())
    private var path: String { "\(folder.path)/cache" }

    init() throws { folder = try TemporaryFolder() }

    /// A worker whose name begins as those of its predecessors do, but for one letter.
    private func open(_ name: String, knowing places: [JSONValue] = [], youngest: Int = 1) throws -> Cache {
        let knowledge = WorkerKnowledge(
            predecessors: String(name.dropLast()), places: places, youngest: youngest)
        return try Cache(path: path, for: .working(name: name, knowing: knowledge), disk: disk)
    }

    private func builder() throws -> Cache { try Cache(path: path, for: .building(wait: false), disk: disk) }

    private static func action(_ number: Int) -> Action {
        Action(
            Stage("toy", version: 1), inputs: [Input("source", Digest(of: "\(number)".utf8))],
            subject: "\(number)")
    }

    private static func bytes(_ number: Int) -> [UInt8] { Array("the bytes of \(number)".utf8) }

    /// How many of the actions run.
    private func run(_ numbers: Range<Int>, in cache: Cache) throws -> Int {
        let engine = Engine(cache)
        for number in numbers {
            _ = try engine.run(Self.action(number)) { try $0.write(Self.bytes(number), as: "bytes") }
        }
        try engine.flush()
        return engine.runCount
    }

    @Test func aWorkerFindsWhatItsPredecessorsDidAndNothingElse() throws {
        #expect(try run(0..<4, in: open("plan-1-a")) == 4)
        #expect(try run(0..<6, in: open("plan-1-b")) == 2)
        #expect(try run(0..<6, in: open("plan-2-a")) == 6)
        #expect(try run(0..<6, in: builder()) == 0)
        #expect(disk.names(in: "\(path)/tmp") == ["builder"], "workers leave no folder of temporaries")
        #expect(disk.names(in: "\(path)/leases") == [])
    }

    @Test func aWorkerOpensObjectsAtThePlacesThatItWasTold() throws {
        #expect(try run(0..<3, in: builder()) == 3)
        let digests = (0..<3).map { Digest(of: Self.bytes($0)) }
        let places = try builder().places(of: digests)
        #expect(places.count == 3)
        // Without the journals only the places lead to the objects.
        let journal = "\(path)/journals/builder.jsonl"
        let lines = try Files.read(journal)
        try Files.write(journal, [])
        let worker = try open("plan-1-a", knowing: places)
        for number in 0..<3 { #expect(try worker.bytes(of: digests[number]) == Self.bytes(number)) }
        let ignorant = try open("plan-1-b")
        #expect(throws: BuildError.self) { try ignorant.bytes(of: digests[0]) }
        // A place that is wrong by now: all journals are read.
        try Files.write(journal, lines)
        let moved = try places.map { place in
            let parts = try #require(place.array)
            return JSONValue.array([parts[0], "0123456789abcdef", parts[2], parts[3]])
        }
        let misled = try open("plan-1-c", knowing: moved)
        #expect(try misled.bytes(of: digests[2]) == Self.bytes(2))
    }

    @Test func placesThatAreNoneAreLeftOut() {
        let object = JSONValue(Digest(of: [1]))
        let wrong: [JSONValue] = [
            [], "x", [object], [object, "0123456789abcdef", 0], [object, "x", 0, 1],
            [object, "0123456789abcdef", -1, 1], [object, "0123456789abcdef", 0, 1_000_000_000_000],
        ]
        #expect(WorkerKnowledge(predecessors: "p", places: wrong, youngest: 1).places.isEmpty)
    }

    /// What was dropped when the plan was made is older than all that its workers record, whatever their clocks say.
    @Test func aWorkersRecordsAreYoungerThanThePlan() throws {
        #expect(try run(0..<1, in: builder()) == 1)
        let ahead = FileStat.now / 1_000_000 + 3_600_000
        #expect(try run(0..<1, in: open("plan-1-a", youngest: Int(ahead))) == 1)
        #expect(try Int64(builder().youngestTime()) > ahead)
    }

    @Test func aBuildTakesOverTheHashesOfAWorker() throws {
        let names = ["a", "é \u{1F3B9} \"b\"", "c"]
        let files = try names.map { name in
            try folder.write("data/\(name)", name.utf8)
            let path = "\(folder.path)/data/\(name)"
            return (path: path, stat: try #require(FileStat(path: path)))
        }
        do {
            let worker = try open("plan-1-a")
            let engine = Engine(worker)
            let sources = try worker.hashSources(files, with: Workers(count: 1)).map { try $0.get() }
            try engine.note(sources)
            let young = SourceFile(
                path: files[0].path + "x", digest: Digest(of: []), stat: files[0].stat, isSettled: false)
            try engine.note([young])
            try engine.flush()
        }
        // A worker that was killed while it wrote.
        let journal = "\(path)/journals/worker-plan-1-a.jsonl"
        let lines = try Files.read(journal)
        try Files.write(journal, lines + Array("{\"at\":1,\"source\":\"\(files[0].path)\",\"si".utf8))
        let known = try builder().knownSources(files + [(files[0].path + "x", files[0].stat)])
        #expect(known.map { $0?.digest } == names.map { Digest(of: $0.utf8) } + [nil])
        #expect(known[0]?.isUnchanged == true)
        // A file that was changed since is hashed again.
        try folder.write("data/c", "other".utf8)
        let changed = try #require(FileStat(path: files[2].path))
        #expect(try builder().knownSources([(files[2].path, changed)]) == [nil])
        let again = try builder().hashSources([(files[2].path, changed)], with: Workers(count: 1))[0].get()
        #expect(again.digest == Digest(of: "other".utf8) && !again.isUnchanged)
        // What is known of sources stays when the journals are made one.
        #expect(try builder().verify(with: Workers(count: 1)).findings.filter(\.isDamage) == [])
        _ = try builder().collectGarbage(keep: 0, grace: 0, isDryRun: false) { _ throws(BuildError) in [] }
        #expect(try builder().knownSources([files[0]])[0]?.digest == Digest(of: names[0].utf8))
    }
}
