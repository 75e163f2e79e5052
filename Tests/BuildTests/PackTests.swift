import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Small objects in packs: where they lie, how they are read, what damage does to them.
@Suite struct PackTests {
    private let folder: TemporaryFolder
    private let disk = Disk(UnflushedFileSystem())
    private var path: String { "\(folder.path)/cache" }
    private var packFolder: String { "\(path)/objects/packs" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(
        _ access: Cache.Access = .building(wait: false), packLimit: Int = PackFile.sizeLimit
    ) throws -> Cache {
        try Cache(path: path, for: access, disk: disk, packLimit: packLimit)
    }

    private static func action(_ number: Int, version: Int = 1) -> Action {
        Action(
            Stage("toy", version: version), inputs: [Input("source", Digest(of: "\(number)".utf8))],
            subject: "\(number)")
    }

    /// Bytes that differ from number to number, of some lengths, none among them.
    private static func bytes(_ number: Int) -> [UInt8] {
        (0..<(number * 37 % 100)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
            + Array("\(number)".utf8)
    }

    /// Runs an action for each number.
    @discardableResult
    private static func run(_ numbers: some Sequence<Int>, version: Int = 1, in cache: Cache) throws
        -> [String]
    {
        let ran = Monitor<[String]>([])
        let engine = Engine(cache) { event in
            if case .ran(let record, let reason) = event {
                ran.withLock { $0.append("\(record.subject): \(reason)") }
            }
        }
        for number in numbers {
            _ = try engine.run(action(number, version: version)) { try $0.write(bytes(number), as: "bytes") }
        }
        try engine.flush()
        return ran.withLock { $0 }
    }

    private func digest(_ number: Int) -> Digest { Digest(of: Self.bytes(number)) }

    private func lies(_ number: Int) throws -> Place {
        try #require(try open(.reading).store.packs.place(of: digest(number)))
    }

    private func packs() -> [String] { disk.names(in: packFolder) }

    private func verify() throws -> [Finding] {
        try open(.reading).verify(with: Workers(count: 2)).findings
    }

    // MARK: Layout

    @Test func smallOutputsShareAPackAndOthersAreFiles() throws {
        let cache = try open()
        let engine = Engine(cache)
        let limit = PackFile.objectLimit
        let body = (0..<limit).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let record = try engine.run(Self.action(1)) { context in
            try context.write(Array(body.dropLast()), as: "largest of the small")
            try context.write(body, as: "smallest of the large")
            try context.write([1, 2], as: "for readers", for: .readers)
            try context.write([], as: "empty")
            // Written in pieces, at places, and over what was there.
            let pieces = try context.makeOutput("pieces")
            try pieces.write([9, 9])
            try [UInt8](body[..<1000]).withUnsafeBytes { try pieces.write($0, at: 2) }
            try pieces.overwrite([1, 2], at: 0)
            #expect(pieces.byteCount == 1002)
            // One that outgrows the memory only after bytes were written at a place.
            let grown = try context.makeOutput("grown")
            try [UInt8](body[..<100_000]).withUnsafeBytes { try grown.write($0, at: 0) }
            try grown.write(Array(body[100_000...]))
            try grown.write([7])
        }
        let expected: [String: [UInt8]] = [
            "largest of the small": Array(body.dropLast()), "smallest of the large": body,
            "for readers": [1, 2], "empty": [], "pieces": [1, 2] + body[..<1000], "grown": body + [7],
        ]
        // Before they are durable, and after.
        for isDurable in [false, true] {
            if isDurable { try engine.flush() }
            for (name, bytes) in expected {
                let output = record.output(name)
                #expect(output == ObjectReference(digest: Digest(of: bytes), size: bytes.count), "\(name)")
                #expect(try cache.bytes(of: output.digest, size: output.size) == bytes, "\(name)")
                #expect(try cache.withFile(of: output.digest) { try Files.read($0) } == bytes, "\(name)")
                let found = try cache.withContents(of: output.digest) { contents in
                    switch contents {
                    case .bytes(let bytes): bytes
                    case .file(let path): try Files.read(path)
                    }
                }
                #expect(found == bytes, "\(name)")
                #expect(cache.contains(output), "\(name)")
                guard isDurable else { continue }
                #expect(cache.holds(output.digest) && cache.size(of: output.digest) == bytes.count, "\(name)")
            }
        }
        let files = cache.objectFiles().compactMap(\.digest)
        let names = ["smallest of the large", "for readers", "grown"]
        #expect(Set(files) == Set(names.map { record.output($0).digest }))
        #expect(packs().count == 1)
        #expect(!cache.contains(ObjectReference(digest: record.output("pieces").digest, size: 5)))
    }

    @Test func aClosedPackHasItsTableOfContents() throws {
        try Self.run(0..<20, in: open(packLimit: 400))
        #expect(packs().count > 2)
        var listed: [PlacedObject] = []
        for name in packs() {
            let pack = try #require(PackName(name))
            let objects = try #require(PackFile.objects(disk, "\(packFolder)/\(name)", pack))
            let size = try #require(FileStat(path: "\(packFolder)/\(name)")).size
            #expect(size == objects.reduce(0) { $0 + $1.place.length } + 48 * (objects.count + 1))
            #expect(size - 48 * (objects.count + 1) <= 400)
            listed += objects
        }
        #expect(Set(listed.map(\.digest)) == Set((0..<20).map(digest)))
        for object in listed {
            #expect(try open(.reading).store.packs.place(of: object.digest) == object.place)
            let bytes = try Files.read("\(packFolder)/\(object.place.pack)")
            #expect(Digest(of: bytes[object.place.offset..<object.place.end]) == object.digest)
        }
        #expect(try verify() == [])
    }

    /// No bit of the table can be flipped unseen, and no cut of the pack gives another table.
    @Test func aDamagedTableOfContentsIsNone() throws {
        try Self.run(0..<3, in: open())
        let name = try #require(packs().first)
        let (file, pack) = ("\(packFolder)/\(name)", try #require(PackName(name)))
        let whole = try Files.read(file)
        let start = whole.count - 48 * 4
        for bit in (start * 8)..<(whole.count * 8) {
            var bytes = whole
            bytes[bit / 8] ^= 1 << (bit % 8)
            try Files.write(file, bytes)
            #expect(PackFile.objects(disk, file, pack) == nil, "bit \(bit)")
        }
        for count in [0, 1, 47, 48, start, start + 48, whole.count - 1] {
            try Files.write(file, Array(whole[..<count]))
            #expect(PackFile.objects(disk, file, pack) == nil, "\(count) bytes")
        }
        // A count that would reach before the file's start.
        var bytes = whole
        bytes.replaceSubrange(
            (whole.count - 40)..<(whole.count - 32), with: [255, 255, 255, 255, 255, 255, 255, 127])
        try Files.write(file, bytes)
        #expect(PackFile.objects(disk, file, pack) == nil)
    }

    @Test func linesOfPlacesAreReadAsTheyAreWritten() throws {
        let pack = try #require(PackName("00ff3c2d1e0f9a8b"))
        let place = try #require(Place(pack: pack, offset: 12, length: 34))
        let entry = JournalEntry.place(
            PlacedObject(digest: Digest(of: [1]), place: place), at: 1_700_000_000_000)
        let text = String(decoding: entry.line, as: UTF8.self)
        let start =
            "{\"at\":1700000000000,\"place\":\"\(Digest(of: [1]).hex)\",\"pack\":\"00ff3c2d1e0f9a8b\",\"offset\":12,\"length\":34,\"sha\":\""
        #expect(text.hasPrefix(start) && text.hasSuffix("\"}\n"))
        let line = Array(entry.line.dropLast())
        guard case .place(let found, let at)? = line.withUnsafeBytes({ JournalEntry(line: $0) }) else {
            Issue.record("no place")
            return
        }
        #expect(found == PlacedObject(digest: Digest(of: [1]), place: place) && at == 1_700_000_000_000)
        for bit in 0..<line.count * 8 {
            var flipped = line
            flipped[bit / 8] ^= 1 << (bit % 8)
            #expect(flipped.withUnsafeBytes { JournalEntry(line: $0) } == nil, "bit \(bit)")
        }
        for (offset, length) in [(-1, 1), (1, -1), (PackFile.sizeLimit + 1, 1), (1, Int.max)] {
            #expect(Place(pack: pack, offset: offset, length: length) == nil)
        }
        for name in [
            "", "00ff3c2d1e0f9a8", "00FF3c2d1e0f9a8b", "00ff3c2d1e0f9a8bc", "+0ff3c2d1e0f9a8b",
            "8000000000000000",
        ] {
            #expect(PackName(name) == nil)
        }
        #expect(pack.description == "00ff3c2d1e0f9a8b")
    }

    // MARK: Writers

    @Test func writersAtOnceShareNoPack() throws {
        do {
            let caches = try [.building(wait: false), .working(name: "a"), .working(name: "b")].map {
                try Cache(path: path, for: $0, disk: Disk(), packLimit: 2000)
            }
            let results = try Workers(count: 3).map(Array(caches.enumerated())) { (item) throws(BuildError) in
                // Some of the actions are everybody's.
                let own = (item.offset * 100)..<(item.offset * 100 + 60)
                return Result { try Self.run(Array(own) + Array(500..<520), in: item.element) }
            }
            for result in results { _ = try result.get() }
        }
        let ledger = try Ledger(try open(.reading).records, disk: disk)
        var writers: [PackName: Set<Int>] = [:]
        for row in ledger.places.values { writers[row.place.pack, default: []].insert(row.journal) }
        #expect(writers.count > 6)
        #expect(writers.values.allSatisfy { $0.count == 1 })
        #expect(try verify().filter(\.isDamage) == [])
        let cache = try open()
        for number in Array(0..<60) + Array(100..<160) + Array(200..<260) + Array(500..<520) {
            #expect(try cache.bytes(of: digest(number)) == Self.bytes(number))
        }
        #expect(try Self.run(Array(0..<60) + Array(500..<520), in: cache) == [])
    }

    @Test func theSameBytesAreStoredOnce() throws {
        try Self.run(0..<10, in: open())
        let before = packs()
        // Another version of the stage makes the same bytes.
        let ran = try Self.run(0..<10, version: 2, in: open())
        #expect(ran.count == 10 && ran.allSatisfy { $0.contains("stage changed") })
        #expect(packs() == before)
        #expect(try verify() == [])
    }

    @Test func anObjectOfNoActionIsStoredForActionsThatReadIt() throws {
        let parameters = Array("a long list of parameters".utf8)
        for isAgain in [false, true] {
            let cache = try open()
            let engine = Engine(cache)
            let stored = try engine.store(parameters)
            #expect(stored == ObjectReference(digest: Digest(of: parameters), size: parameters.count))
            #expect(try cache.bytes(of: stored.digest) == parameters)
            let action = Action(
                Stage("use", version: 1), inputs: [Input("parameters", stored.digest)], subject: "x")
            let record = try engine.run(action) { context in
                try context.write(context.bytes(of: "parameters") + [1], as: "bytes", for: .readers)
            }
            try engine.flush()
            #expect(engine.runCount == (isAgain ? 0 : 1))
            #expect(cache.contains(record.output("bytes")))
        }
        #expect(packs().count == 1)
        #expect(try verify() == [])
        // Kept with the action that reads it, and collected with it.
        let root = Digest(of: parameters + [1])
        for isKept in [true, false] {
            let cache = try open()
            let done = try cache.collectGarbage(
                roots: isKept ? [root] : [], keep: 0, grace: 0, isDryRun: false
            ) { (_) throws(BuildError) in [] }
            #expect(done.removedObjects == (isKept ? 0 : 2))
            #expect(cache.holds(Digest(of: parameters)) == isKept)
        }
        #expect(packs() == [])
        #expect(try verify() == [])
    }

    @Test func aStoredObjectIsDurableAfterAFlushAlone() throws {
        let reference = try {
            let engine = Engine(try open())
            let reference = try engine.store([1, 2, 3])
            try engine.flush()
            return reference
        }()
        #expect(try open(.reading).bytes(of: reference.digest) == [1, 2, 3])
    }

    /// What earlier versions wrote: every small object a file.
    @Test func filesOfOlderCachesAreReadAsTheyAre() throws {
        var toy = try Toy(in: folder)
        toy.isPacked = false
        let snapshot = try toy.build(disk).snapshot
        try disk.remove("\(path)/index.sqlite")
        try disk.remove("\(path)/state/toy")
        toy.isPacked = true
        let built = try toy.build(disk)
        #expect(built.run == [] && built.snapshot == snapshot)
        #expect(packs() == [])
        try folder.write("data/5.txt", "5".utf8)
        #expect(try toy.build(disk).run.count == 2)
        #expect(packs().count == 1)
        #expect(try verify() == [])
    }

    // MARK: Damage

    @Test func theTailOfAKilledWritersPackIsNeverRead() throws {
        try Self.run(0..<5, in: open())
        let place = try lies(4)
        let file = "\(packFolder)/\(place.pack)"
        // Cut within the table, then grown by what no journal names.
        for tail in [[], [1, 2, 3], [UInt8](repeating: 0, count: 500)] as [[UInt8]] {
            try Files.write(file, try Files.read(file).prefix(place.end) + tail)
            #expect(try verify().map(\.kind) == [.packTorn])
            #expect(try Self.run(0..<5, in: open()) == [])
        }
        // One byte less, and the last object is gone.
        try Files.write(file, Array(try Files.read(file).prefix(place.end - 1)))
        #expect(try verify().filter(\.isDamage).map(\.kind) == [.objectMissing])
        #expect(try Self.run(0..<5, in: open()) == ["4: output missing"])
        #expect(packs().count == 2, "the next writer begins a pack of its own")
        #expect(try verify().filter(\.isDamage) == [])
    }

    @Test(arguments: ["read", "reader", "repair"]) func aFlippedBitIsFoundAndTheObjectMadeAgain(
        by finder: String
    ) throws {
        try Self.run(0..<5, in: open())
        let place = try lies(3)
        try Files.flip("\(packFolder)/\(place.pack)", at: place.offset + 1)
        let found = try verify()
        #expect(found.map(\.kind) == [.objectDamaged])
        #expect(found.first?.path == "objects/packs/\(place.pack)")
        #expect(found.first?.object == digest(3))
        #expect(found.first?.subject == "toy of 3")
        if finder == "repair" {
            _ = try open().repair(with: Workers(count: 1))
        } else {
            let error = #expect(throws: BuildError.self) {
                try open(finder == "reader" ? .reading : .building(wait: false)).bytes(of: digest(3))
            }
            #expect(error?.code == .objectCorrupt)
        }
        #expect(
            try verify().filter { $0.kind == .objectSetAside }.map(\.path) == [
                "objects/packs/\(place.pack).bad"
            ])
        #expect(try Self.run(0..<5, in: open()) == ["3: output damaged"])
        #expect(try open(.reading).bytes(of: digest(3)) == Self.bytes(3))
        #expect(try verify().map(\.kind) == [.objectSetAside])
        // A collection makes the pack whole again.
        let cache = try open()
        _ = try cache.collectGarbage(
            roots: (0..<5).map(digest), keep: 0, grace: 0, isDryRun: false
        ) { (_) throws(BuildError) in [] }
        #expect(try verify() == [])
        #expect(try Self.run(0..<5, in: cache) == [])
    }

    @Test func aPackThatIsGoneCostsItsActions() throws {
        try Self.run(0..<5, in: open())
        try Self.run(5..<8, in: open())
        try disk.remove("\(packFolder)/\(try lies(0).pack)")
        #expect(try verify().map(\.kind) == [FindingKind](repeating: .objectMissing, count: 5))
        _ = try open().repair(with: Workers(count: 1))
        #expect(try verify() == [])
        let ran = try Self.run(0..<8, in: open())
        #expect(ran == (0..<5).map { "\($0): output missing" })
        #expect(try verify() == [])
    }

    @Test(arguments: ["rebuild", "repair"]) func placesWhoseLinesAreLostAreInTheTableOfContents(
        by way: String
    ) throws {
        try Self.run(0..<5, in: open())
        let journal = "\(path)/journals/builder.jsonl"
        let lines = try Files.read(journal).split(separator: 0x0A)
        let isPlace = { (line: ArraySlice<UInt8>) in
            String(decoding: line, as: UTF8.self).contains("\"place\"")
        }
        #expect(lines.filter(isPlace).count == 5)
        try Files.write(journal, lines.filter { !isPlace($0) }.flatMap { $0 + [0x0A] })
        let damage = try verify().filter(\.isDamage).map(\.kind)
        #expect(damage.filter { $0 == .objectMissing }.count == 5, "\(damage)")
        if way == "rebuild" {
            try open().rebuildIndex()
        } else {
            _ = try open().repair(with: Workers(count: 1))
        }
        #expect(try verify() == [])
        #expect(try Self.run(0..<5, in: open()) == [])
    }

    @Test func linksAndStrangersAreLeftAlone() throws {
        try Self.run(0..<3, in: open())
        let place = try lies(0)
        try Files.write("\(packFolder)/readme", [1])
        let outside = try folder.write("outside", try Files.read("\(packFolder)/\(place.pack)"))
        try disk.remove("\(packFolder)/\(place.pack)")
        symlink(outside, "\(packFolder)/\(place.pack)")
        let kinds = try verify().map(\.kind)
        #expect(kinds.filter { $0 == .fileStray }.count == 2)
        #expect(kinds.filter { $0 == .objectMissing }.count == 3)
        #expect(try Self.run(0..<3, in: open()).count == 3)
        usleep(100_000)
        _ = try open().collectGarbage(keep: 0, grace: 0, isDryRun: false) { (_) throws(BuildError) in [] }
        #expect(packs() == [place.pack.description, "readme"].sorted())
        // The folder itself may not be a link either.
        let moved = "\(folder.path)/moved"
        rename(packFolder, moved)
        symlink(moved, packFolder)
        #expect(throws: BuildError.self) { try open() }
    }

    // MARK: Collection

    private func collect(keeping numbers: some Sequence<Int>, grace: Int = 0) throws -> GarbageCollection {
        let cache = try open()
        func collection(isDryRun: Bool) throws -> GarbageCollection {
            try cache.collectGarbage(
                roots: numbers.map(digest), keep: 0, grace: grace, isDryRun: isDryRun
            ) { (_) throws(BuildError) in [] }
        }
        let dry = try collection(isDryRun: true)
        let done = try collection(isDryRun: false)
        #expect(done.removedObjects == dry.removedObjects && done.removedBytes == dry.removedBytes)
        #expect(done.keptObjects == dry.keptObjects && done.keptBytes == dry.keptBytes)
        return done
    }

    @Test func aPackIsRewrittenOnceHalfOfItIsDead() throws {
        try Self.run(0..<30, in: open())
        usleep(100_000)
        let size = try #require(FileStat(path: "\(packFolder)/\(packs()[0])")).size
        let first = packs()
        // What a reader holds open stays good, and it finds what has moved.
        let reader = try open(.reading)
        #expect(try reader.bytes(of: digest(20)) == Self.bytes(20))

        #expect(try collect(keeping: 0..<30, grace: 1000).removedObjects == 0)
        #expect(packs() == first, "what is young stays")
        let few = try collect(keeping: 5..<30)
        #expect(few.removedObjects == 5 && few.keptObjects == 25 && few.removedBytes == 0)
        #expect(packs() == first, "less than half is dead")
        #expect(try !open(.reading).holds(digest(0)), "forgotten nevertheless")
        #expect(try verify() == [])
        #expect(try collect(keeping: 5..<30).removedObjects == 0)

        let many = try collect(keeping: 20..<30)
        let live = (20..<30).reduce(0) { $0 + Self.bytes($1).count }
        #expect(many.keptObjects == 10 && many.removedObjects == 15)
        #expect(many.keptBytes == live + 48 * 11 && many.removedBytes == size - many.keptBytes)
        #expect(packs().count == 1 && packs() != first)
        #expect(try #require(FileStat(path: "\(packFolder)/\(packs()[0])")).size == many.keptBytes)
        #expect(try verify() == [])
        #expect(try Self.run(20..<30, in: open()) == [])
        for number in 20..<30 { #expect(try reader.bytes(of: digest(number)) == Self.bytes(number)) }
        // What was forgotten is rebuilt.
        #expect(try Self.run(0..<2, in: open()).count == 2)
        #expect(try collect(keeping: 20..<22).keptObjects == 2)
        #expect(try collect(keeping: [Int]()).keptObjects == 0)
        #expect(packs() == [])
        #expect(try verify() == [])
    }

    /// A reader whose index is in memory has read the journals before a collection moved what it asks for.
    @Test func aReaderFindsWhatHasMoved() throws {
        do {
            let worker = try open(.working(name: "w"))
            try Self.run(0..<30, in: worker)
        }
        // Lines written together have times a little ahead of the clock.
        usleep(100_000)
        let reader = try open(.working(name: "r"))
        #expect(try reader.lookup([Self.action(25)])[0] != nil)
        try disk.remove("\(path)/leases/worker-r")
        _ = try collect(keeping: 20..<30)
        #expect(try reader.bytes(of: digest(25)) == Self.bytes(25))
        #expect(throws: BuildError.self) { try reader.bytes(of: digest(1)) }
    }

    @Test func aFullDiskLeavesHalfDeadPacks() throws {
        try Self.run(0..<30, in: open())
        let before = packs()
        usleep(100_000)
        try {
            let isFull = Monitor(false)
            let full = FaultyFileSystem { _, call in
                isFull.withLock { $0 } && [.open, .write].contains(call) ? ENOSPC : nil
            }
            let messages = Monitor<[String]>([])
            let cache = try Cache(path: path, for: .building(wait: false), disk: Disk(full)) { line in
                messages.withLock { $0.append(line) }
            }
            isFull.withLock { $0 = true }
            #expect(throws: BuildError.self) {
                try cache.collectGarbage(
                    roots: (20..<30).map(digest), keep: 0, grace: 0, isDryRun: false
                ) { (_) throws(BuildError) in [] }
            }
            #expect(messages.withLock { $0 }.contains { $0.contains("no room to rewrite packs") })
        }()
        #expect(packs() == before)
        #expect(try verify().filter(\.isDamage) == [])
        #expect(try Self.run(20..<30, in: open()) == [])
    }
}

private typealias FindingKind = Finding.Kind
