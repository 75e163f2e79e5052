import Testing

@testable import Build
@testable import Files
@testable import Storage

@Suite struct JournalTests {
    private let disk = Disk(UnflushedFileSystem())

    private func record(_ number: Int) -> ActionRecord {
        let reference = ObjectReference(digest: Digest(of: [UInt8(number)]), size: number)
        return ActionRecord(
            action: Action(
                Stage("s", version: number, numerics: number % 2 == 0 ? "n" : nil),
                parameters: ["text": "ü\n\"", "number": 1.5], inputs: [Input("a", Digest(of: [1]))],
                subject: "data/\(number).mid"),
            result: ActionResult(
                outputs: number % 3 == 0 ? [:] : ["o": reference, "p": reference],
                facts: ["n": JSONValue(number)],
                diagnostics: [Diagnostic(.warning, code: "c", message: "m", offset: number)],
                failure: number % 3 == 0 ? Diagnostic(.error, code: "f", message: "m", help: "h") : nil))
    }

    private func entries(_ journal: Journal) throws -> (keys: [Digest], scan: Journal.Scan) {
        var keys: [Digest] = []
        let scan = try journal.scan(disk) { entry, _ in keys.append(entry.key) }
        return (keys, scan)
    }

    @Test func linesReadBackAsTheyWereWritten() throws {
        for number in 0..<6 {
            let entry = JournalEntry.record(record(number), at: 123)
            let line = entry.line.dropLast()
            let read = Array(line).withUnsafeBytes { JournalEntry(line: $0) }
            guard case .record(let found, let at) = read else { throw TestFailure("no record") }
            #expect(found == record(number))
            #expect(at == 123)
            let json = try JSONValue(parsing: Array(line))
            #expect(json.canonicalBytes == Array(line), "a line is canonical JSON")
            #expect(
                found.action.key
                    == Action(
                        found.stage, parameters: found.action.parameters,
                        inputs: found.action.inputs, subject: ""
                    ).key)
        }
        let drop = JournalEntry.drop(Digest(of: [9]), .collected, at: 5).line.dropLast()
        guard case .drop(let key, .collected, 5) = Array(drop).withUnsafeBytes({ JournalEntry(line: $0) })
        else {
            throw TestFailure("no drop")
        }
        #expect(key == Digest(of: [9]))
    }

    @Test func anyFlippedBitOfALineIsNoticed() {
        var line = Array(JournalEntry.record(record(1), at: 1).line.dropLast())
        for at in line.indices {
            line[at] ^= 1
            #expect(line.withUnsafeBytes { JournalEntry(line: $0) } == nil, "byte \(at)")
            line[at] ^= 1
        }
    }

    @Test func cutAtEveryByteOfItsLastLinesKeepsTheWholeOnes() throws {
        let folder = try TemporaryFolder()
        let journal = Journal(name: "j.jsonl", path: "\(folder.path)/j.jsonl")
        let records = (1...3).map { JournalEntry.record(record($0), at: Int64($0)) }
        let places = try JournalWriter(journal, disk: disk).append(records)
        let bytes = try Files.read(journal.path)
        for end in places[1].lowerBound...bytes.count {
            try Files.write(journal.path, Array(bytes[..<end]))
            let whole = places.filter { $0.upperBound <= end }.count
            let found = try entries(journal)
            #expect(found.keys == records[..<whole].map(\.key))
            #expect(found.scan.tornBytes == end - (whole == 0 ? 0 : places[whole - 1].upperBound))
            #expect(found.scan.damaged == [])
            // The next writer cuts the torn line off and continues after the whole ones.
            _ = try JournalWriter(journal, disk: disk).append([records[0]])
            let after = try entries(journal)
            #expect(after.keys == records[..<whole].map(\.key) + [records[0].key])
            #expect(after.scan.tornBytes == 0)
        }
    }

    @Test func aBuildAfterAnyCutOfTheJournalEqualsACleanOne() throws {
        let folder = try TemporaryFolder()
        let toy = try Toy(in: folder, values: [1, 2])
        let clean = try toy.build(disk).snapshot
        let path = "\(toy.cache)/journals/builder.jsonl"
        let bytes = try Files.read(path)
        for end in stride(from: 0, through: bytes.count, by: 37) {
            try Files.write(path, Array(bytes[..<end]))
            try disk.remove("\(toy.cache)/state/toy")
            #expect(try toy.build(disk).snapshot == clean)
            try disk.remove("\(toy.cache)/state/toy")
            #expect(try toy.build(disk).run == [])
        }
    }

    @Test func theRebuiltIndexAnswersAsTheLostOne() throws {
        let folder = try TemporaryFolder()
        var toy = try Toy(in: folder)
        try folder.write("data/bad.txt", "bad".utf8)
        for factor in 1...3 {
            toy.factor = factor
            _ = try toy.build(disk)
        }
        try disk.remove("\(toy.cache)/objects/\(Disk().names(in: "\(toy.cache)/objects")[0])/x")
        let keys = try {
            let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
            return try Ledger(cache.records, disk: disk).rows.keys.sorted()
        }()
        func answers() throws -> ([ActionResult?], [String?]) {
            let messages = Monitor<[String]>([])
            let cache = try Cache(path: toy.cache, for: .building(wait: false), disk: disk) { line in
                messages.withLock { $0.append(line) }
            }
            return try cache.records.withIndex { (index) throws(BuildError) in
                let latest = try ["1.txt", "2.txt", "bad.txt", "none"].map { (name) throws(BuildError) in
                    try index.find(Digest(of: [0]), stage: "square", subject: name).absence.latest.map {
                        "\($0)"
                    }
                }
                return (try index.results(for: keys), latest + messages.withLock { $0 })
            }
        }
        let before = try answers()
        #expect(before.0.allSatisfy { $0 != nil })
        try disk.remove("\(toy.cache)/index.sqlite")
        let lost = try answers()
        #expect(lost.0 == before.0)
        #expect(Array(lost.1.dropLast()) == before.1)
        #expect(lost.1.last??.contains("missing") == true)
        try Files.write("\(toy.cache)/index.sqlite", [UInt8](repeating: 0x55, count: 10_000))
        let corrupt = try answers()
        #expect(corrupt.0 == before.0)
        #expect(corrupt.1.last??.contains("damaged") == true)
        try Cache(path: toy.cache, for: .building(wait: false), disk: disk).rebuildIndex()
        #expect(try answers().0 == before.0)
    }
}
