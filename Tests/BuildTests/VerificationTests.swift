import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The table of damages: each is found as what it is, and repaired where it can be.
@Suite struct VerificationTests {
    private let disk = Disk(UnflushedFileSystem())

    enum Damage: String, CaseIterable, CustomTestStringConvertible {
        case flippedBit, truncatedObject, lostObject, strayObject, strayFile, tornJournal, flippedJournal,
            lostIndexRow, dwindledJournal, corruptIndex, badReference, danglingReference,
            danglingOlderReference

        var testDescription: String { rawValue }

        var finding: Finding.Kind {
            switch self {
            case .flippedBit, .truncatedObject: .objectDamaged
            case .lostObject: .objectMissing
            case .strayObject: .objectStray
            case .strayFile: .fileStray
            case .tornJournal: .journalTorn
            case .flippedJournal: .journalDamaged
            case .lostIndexRow: .rowMissing
            case .dwindledJournal: .rowDangling
            case .corruptIndex: .indexDamaged
            case .badReference: .referenceDamaged
            case .danglingReference, .danglingOlderReference: .referenceDangling
            }
        }

        /// Does it; gives the path that the finding must name.
        func happen(to toy: Toy, snapshot: Digest) throws -> String {
            let cache = toy.cache
            let hex = Digest(of: Array("4".utf8)).hex
            let object = "objects/\(hex.prefix(2))/\(hex.dropFirst(2))"
            let journal = "journals/builder.jsonl"
            switch self {
            case .flippedBit:
                try Files.flip("\(cache)/\(object)", at: 0)
                return object
            case .truncatedObject:
                try Files.write("\(cache)/\(object)", [])
                return object
            case .lostObject:
                unlink("\(cache)/\(object)")
                return object
            case .strayObject:
                let stray = Digest(of: [1, 2, 3]).hex
                let path = "objects/\(stray.prefix(2))/\(stray.dropFirst(2))"
                try Disk().makeDirectories("\(cache)/objects/\(stray.prefix(2))")
                try Files.write("\(cache)/\(path)", [1, 2, 3])
                return path
            case .strayFile:
                try Files.write("\(cache)/objects/\(hex.prefix(2))/readme", [1])
                return "objects/\(hex.prefix(2))/readme"
            case .tornJournal:
                try Files.write("\(cache)/\(journal)", try Files.read("\(cache)/\(journal)") + [0x7B, 0x22])
                return journal
            case .flippedJournal:
                try Files.flip("\(cache)/\(journal)", at: 40)
                return journal
            case .lostIndexRow:
                let line = JournalEntry.drop(
                    Self.squareOfTwo(toy), .missing, at: JournalEntry.times.upperBound
                ).line
                let index = try Index(path: "\(cache)/index.sqlite")
                _ = try index.ingest([(JournalEntry(line: line), 0..<0)], of: "builder.jsonl", upTo: 1 << 20)
                index.close()
                return "index.sqlite"
            case .dwindledJournal:
                let lines = try Files.read("\(cache)/\(journal)").split(separator: 0x0A)
                try Files.write("\(cache)/\(journal)", lines.dropLast().flatMap { $0 + [0x0A] })
                return "index.sqlite"
            case .corruptIndex:
                try Files.write("\(cache)/index.sqlite", [UInt8](repeating: 0x55, count: 8192))
                return "index.sqlite"
            case .badReference:
                try Files.write("\(cache)/refs/toy", Array("not a hash\n".utf8))
                return "refs/toy"
            case .danglingReference:
                try Files.write("\(cache)/refs/toy", Array("\(Digest(of: [7]).hex)\n".utf8))
                return "refs/toy"
            case .danglingOlderReference:
                try Files.write("\(cache)/refs/toy@1", Array("\(Digest(of: [7]).hex)\n".utf8))
                return "refs/toy@1"
            }
        }

        private static func squareOfTwo(_ toy: Toy) -> Digest {
            Action(
                Stage("square", version: 1), parameters: ["factor": 1],
                inputs: [Input("source", Digest(of: Array("2".utf8)))], subject: ""
            ).key
        }
    }

    @Test(arguments: Damage.allCases)
    func everyDamageIsFoundAndMended(damage: Damage) throws {
        var toy = try Toy(in: TemporaryFolder())
        toy.isPacked = false
        let workers = Workers(count: 2)
        let snapshot = try toy.build(disk).snapshot
        func verify() throws -> [Finding] {
            try Cache(path: toy.cache, for: .reading, disk: disk).verify(with: workers).findings
        }
        #expect(try verify() == [])
        let path = try damage.happen(to: toy, snapshot: snapshot)
        let findings = try verify()
        #expect(findings.contains { $0.kind == damage.finding && $0.path == path }, "\(findings)")
        #expect(try verify() == findings, "looking changes nothing")
        if damage == .flippedBit { #expect(findings.map(\.subject) == ["square of 2.txt"]) }

        let repaired = try Cache(path: toy.cache, for: .building(wait: false), disk: disk).repair(
            with: workers)
        #expect(repaired.findings == findings)
        let damages = try verify().filter { $0.isDamage && $0.kind != .referenceDangling }
        #expect(damages == [])
        let rebuilt = try toy.build(disk)
        #expect(rebuilt.snapshot == snapshot)
        #expect(try verify().filter(\.isDamage) == [])
        if damage == .flippedBit { #expect(rebuilt.run == ["square 2.txt: output damaged"]) }
        try disk.remove("\(toy.cache)/state/toy")
        #expect(try toy.build(disk).snapshot == snapshot)
        #expect(try verify().filter(\.isDamage) == [])
    }

    @Test func repairedObjectsAreMadeAnewWithTheirReason() throws {
        var toy = try Toy(in: TemporaryFolder())
        toy.isPacked = false
        let snapshot = try toy.build(disk).snapshot
        _ = try Damage.flippedBit.happen(to: toy, snapshot: snapshot)
        _ = try Cache(path: toy.cache, for: .building(wait: false), disk: disk).repair(
            with: Workers(count: 1))
        try disk.remove("\(toy.cache)/state/toy")
        #expect(try toy.build(disk).run == ["square 2.txt: output damaged"])
        // Without repair, damage is found when the object is read, and repaired at once.
        _ = try Damage.flippedBit.happen(to: toy, snapshot: snapshot)
        var other = toy
        try Files.write("\(toy.sources)/7.txt", [0x37])
        other.jobs = 2
        #expect(
            try other.build(disk).run.map { String($0.prefix(20)) }
                == ["square 2.txt: output", "square 7.txt: never ", "sum toy: inputs chan"])
    }

    @Test func nothingUnderWayIsTakenForStray() throws {
        let toy = try Toy(in: TemporaryFolder())
        _ = try toy.build(disk)
        let builder = try Cache(path: toy.cache, for: .building(wait: false), disk: disk)
        try Files.write(builder.store.temporaryPath(), [1])
        let reader = try Cache(path: toy.cache, for: .reading, disk: disk)
        #expect(try reader.verify(with: Workers(count: 1)).findings == [])
        withExtendedLifetime(builder) {}
    }
}

extension JournalEntry {
    /// Reads a line that the test wrote itself.
    fileprivate init(line: [UInt8]) {
        guard let entry = line.dropLast().withUnsafeBytes({ JournalEntry(line: $0) }) else {
            preconditionFailure("no journal line")
        }
        self = entry
    }
}
