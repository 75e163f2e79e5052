import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A flipped bit of the index changes no result: each is as it was, or computed again, or there is an error by name.
///
/// By itself the suite flips a sample; `REPRISE_EVERY_BIT=1` flips every bit, `=7` every seventh, and prints the counts
/// and the time. `tools/damage-test --every-bit` does the same with the program.
@Suite struct IndexBitTests {
    private let disk = Disk(UnflushedFileSystem())

    /// What became of the bits that were flipped.
    private struct Tally {
        var same = 0
        var rebuilt = 0
        var errors: [String: Int] = [:]
        var wrong: [String] = []
        var slowest: Int64 = 0
    }

    /// A small cache whose index has small pages, with two versions of its stage and a source that fails.
    private func place() throws -> Toy {
        let folder = try TemporaryFolder()
        var toy = try Toy(in: folder, values: [1, 2])
        try folder.write("data/bad.txt", "bad".utf8)
        withExtendedLifetime(try Cache(path: toy.cache, for: .building(wait: false), disk: disk)) {}
        try Index(path: "\(toy.cache)/index.sqlite", pageSize: 512).close()
        toy.factor = 2
        _ = try toy.build(disk)
        toy.factor = 1
        return toy
    }

    /// The distance of the bits that are flipped, where the environment says so.
    private static var step: Int? {
        getenv("REPRISE_EVERY_BIT").flatMap { Int(String(cString: $0)) }.flatMap { $0 > 0 ? $0 : nil }
    }

    @Test func noBitOfTheIndexChangesAResult() throws {
        let toy = try place()
        let expected = try toy.build(disk).snapshot
        let files = ["index.sqlite": try Files.read("\(toy.cache)/index.sqlite")]
        try sweep(toy, files, flipping: "index.sqlite", expected, every: Self.step ?? 211)
    }

    @Test func noBitOfTheLogBesideTheIndexChangesAResult() throws {
        let toy = try place()
        // As a killed builder leaves it: the last transactions are in the log alone.
        let (expected, files) = try {
            let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
            let snapshot = try toy.build(in: cache).snapshot
            return (
                snapshot,
                [
                    "index.sqlite": try Files.read("\(toy.cache)/index.sqlite"),
                    "index.sqlite-wal": try Files.read("\(toy.cache)/index.sqlite-wal"),
                ]
            )
        }()
        #expect(files["index.sqlite-wal"]?.isEmpty == false)
        try sweep(toy, files, flipping: "index.sqlite-wal", expected, every: Self.step ?? 1009)
    }

    private func sweep(
        _ toy: Toy, _ files: [String: [UInt8]], flipping name: String, _ expected: Digest, every stride: Int
    ) throws {
        let journal = "\(toy.cache)/journals/builder.jsonl"
        let lines = try Files.read(journal)
        let actions = try actions(of: toy)
        let records = try results(of: actions, in: toy)
        var bytes = try #require(files[name])
        var tally = Tally()
        let start = FileStat.now
        for bit in Swift.stride(from: 0, to: bytes.count * 8, by: stride) {
            bytes[bit / 8] ^= 1 << (bit % 8)
            defer { bytes[bit / 8] ^= 1 << (bit % 8) }
            for suffix in ["", "-wal", "-shm", "-journal"] { unlink("\(toy.cache)/index.sqlite\(suffix)") }
            for (file, content) in files {
                try Files.write("\(toy.cache)/\(file)", file == name ? bytes : content)
            }
            try Files.write(journal, lines)
            unlink("\(toy.cache)/state/toy")
            let began = FileStat.now
            attempt(toy, bit, expected, actions, records, &tally)
            tally.slowest = max(tally.slowest, FileStat.now - began)
        }
        #expect(tally.wrong == [])
        #expect(tally.slowest < 30_000_000_000)
        #expect(tally.same + tally.rebuilt > 0)
        if Self.step != nil {
            let flipped = tally.same + tally.rebuilt + tally.errors.values.reduce(0, +) + tally.wrong.count
            print(
                """
                \(name): \(bytes.count * 8) bits, \(flipped) flipped: \(tally.same) without a word, \(tally.rebuilt) \
                with a message, \(tally.errors) errors, \(tally.wrong.count) wrong; \
                \(Double(FileStat.now - start) / 1e9) s, the slowest \(Double(tally.slowest) / 1e9) s
                """)
        }
    }

    /// Reads, then builds, with the index as it is.
    private func attempt(
        _ toy: Toy, _ bit: Int, _ expected: Digest, _ actions: [Action], _ records: [ActionRecord?],
        _ tally: inout Tally
    ) {
        let messages = Monitor<[String]>([])
        do {
            for (found, record) in zip(try results(of: actions, in: toy), records)
            where found != nil && found != record {
                tally.wrong.append("bit \(bit): another result of \(found?.subject ?? "")")
            }
            let built = try toy.build(disk) { line in messages.withLock { $0.append(line) } }
            if built.snapshot != expected { tally.wrong.append("bit \(bit): another snapshot") }
            if messages.withLock({ $0.isEmpty }) { tally.same += 1 } else { tally.rebuilt += 1 }
        } catch let error as BuildError {
            tally.errors[error.code.rawValue, default: 0] += 1
        } catch {
            tally.wrong.append("bit \(bit): \(error)")
        }
    }

    private func actions(of toy: Toy) throws -> [Action] {
        try toy.files().map { file in
            toy.squareAction(
                SourceFile(path: file.path, digest: Digest(of: try Files.read(file.path)), stat: file.stat))
        }
    }

    private func results(of actions: [Action], in toy: Toy) throws -> [ActionRecord?] {
        let cache = try Cache(path: toy.cache, for: .reading, disk: disk)
        for action in actions { _ = try cache.reason(for: action) }
        return try cache.lookup(actions)
    }

    /// What a bit could not do on its own: each kind of row, changed so that only its checksum tells.
    @Test(arguments: ["source", "action", "latest", "dropped", "place", "journal"])
    func everyRowIsVerifiedAndMended(table: String) throws {
        var toy = try place()
        toy.isPacked = table == "place"
        _ = try toy.build(disk)
        // An object is lost, so that a record is dropped.
        let square = Digest(of: Array("4".utf8)).hex
        unlink("\(toy.cache)/objects/\(square.prefix(2))/\(square.dropFirst(2))")
        unlink("\(toy.cache)/state/toy")
        let expected = try toy.build(disk).snapshot
        let changes = [
            "source": "UPDATE source SET inode = inode + 1", "action": "UPDATE action SET facts = NULL",
            "latest": "UPDATE latest SET length = -1", "dropped": "UPDATE dropped SET at = at + 1",
            "place": "UPDATE place SET start = start + 1", "journal": "UPDATE journal SET bytes = 'x'",
        ]
        for repair in ["build", "verify", "rebuild"] {
            let index = try Index(path: "\(toy.cache)/index.sqlite")
            try index.execute(try #require(changes[table]))
            index.close()
            unlink("\(toy.cache)/state/toy")
            func findings() throws -> [Finding] {
                try Cache(path: toy.cache, for: .reading, disk: disk).verify(with: Workers(count: 1)).findings
                    .filter(\.isDamage)
            }
            #expect(try findings().map(\.kind) == [.indexDamaged])
            let messages = Monitor<[String]>([])
            switch repair {
            case "build":
                // A build reads no row of what was dropped, and reads reasons for what runs alone.
                #expect(
                    try toy.build(disk) { line in messages.withLock { $0.append(line) } }.snapshot == expected
                )
                if ["source", "action", "place", "journal"].contains(table) {
                    #expect(messages.withLock { $0 }.contains { $0.contains("rebuilt from the journals") })
                }
            case "verify":
                let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
                _ = try cache.repair(with: Workers(count: 1))
            default:
                try Cache(path: toy.cache, for: .building(wait: false), disk: disk).rebuildIndex()
            }
            if repair != "build" || ["source", "action", "place", "journal"].contains(table) {
                #expect(try findings() == [])
            } else {
                try Cache(path: toy.cache, for: .building(wait: false), disk: disk).rebuildIndex()
            }
            #expect(try toy.build(disk).snapshot == expected)
        }
    }

    @Test func anIndexOfAnotherSchemaIsLeftToTheBuilder() throws {
        let toy = try place()
        let snapshot = try toy.build(disk).snapshot
        let path = "\(toy.cache)/index.sqlite"
        let index = try Index(path: path)
        try index.execute("PRAGMA user_version = \(Index.schema + 1)")
        index.close()
        let before = try Files.read(path)
        // A reader answers from the journals, and leaves the tables alone.
        #expect(try results(of: actions(of: toy), in: toy).allSatisfy { $0 != nil })
        let found = try Cache(path: toy.cache, for: .reading, disk: disk).verify(with: Workers(count: 1))
            .findings
        #expect(found == [])
        #expect(try Files.read(path) == before)
        // A builder says that it replaces them.
        unlink("\(toy.cache)/state/toy")
        let messages = Monitor<[String]>([])
        #expect(try toy.build(disk) { line in messages.withLock { $0.append(line) } }.snapshot == snapshot)
        #expect(
            messages.withLock { $0 } == [
                "index.sqlite has schema \(Index.schema + 1), and this version of Reprise uses schema \(Index.schema); it is rebuilt from the journals"
            ])
    }

    @Test(arguments: [
        "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
        "CREATE TRIGGER more AFTER INSERT ON source BEGIN DELETE FROM action; END",
        "ALTER TABLE action ADD COLUMN other",
        "DROP TABLE action; CREATE VIEW action AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS key, x AS at, x AS outputs, x AS facts, x AS remarks, x AS sum FROM n",
    ])
    func nothingInTheSchemaIsRun(statement: String) throws {
        let toy = try place()
        let snapshot = try toy.build(disk).snapshot
        let index = try Index(path: "\(toy.cache)/index.sqlite")
        try index.execute(statement)
        index.close()
        unlink("\(toy.cache)/state/toy")
        #expect(try results(of: actions(of: toy), in: toy).allSatisfy { $0 != nil })
        #expect(try toy.build(disk).snapshot == snapshot)
        #expect(
            try Cache(path: toy.cache, for: .reading, disk: disk).verify(with: Workers(count: 1)).isSound)
    }
}
