import Foundation
import Synchronization
import Testing

@testable import Build
@testable import Files
@testable import Storage

/// Engines that share a store: read-through, write-behind, and what of a store is not believed.
@Suite(.timeLimit(.minutes(2))) struct RemoteTests {
    /// A store in memory.
    private final class MemoryStore: RemoteStore {
        struct Contents {
            var records: [Digest: [UInt8]] = [:]
            var objects: [Digest: [UInt8]] = [:]
            var asked = 0
            var rejected: [String] = []
            var takesNothing = false
        }

        let state = Mutex(Contents())
        let address = "memory"
        let connections = 4
        let localLimit: Int
        var traffic: RemoteTraffic { RemoteTraffic() }

        init(localLimit: Int = 1 << 40) { self.localLimit = localLimit }

        func record(under key: Digest) -> [UInt8]? {
            state.withLock {
                $0.asked += 1
                return $0.records[key]
            }
        }

        func keep(_ record: [UInt8], under key: Digest) -> Bool {
            state.withLock {
                if $0.takesNothing { return false }
                $0.records[key] = record
                return true
            }
        }

        func read(_ digest: Digest, size: Int?, to sink: (UnsafeRawBufferPointer) -> Bool) -> Bool {
            guard let bytes = state.withLock({ $0.objects[digest] }) else { return false }
            return bytes.withUnsafeBytes { sink($0) }
        }

        func holds(_ object: ObjectReference) -> Bool {
            state.withLock { $0.objects[object.digest]?.count == object.size }
        }

        func keep(_ object: ObjectReference, _ contents: ObjectContents) -> Bool {
            let bytes: [UInt8]
            switch contents {
            case .bytes(let found): bytes = found
            case .file(let path):
                bytes = (try? Data(contentsOf: URL(fileURLWithPath: path))).map(Array.init) ?? []
            }
            return state.withLock {
                if $0.takesNothing { return false }
                $0.objects[object.digest] = bytes
                return true
            }
        }

        func reject(_ what: String) { state.withLock { $0.rejected.append(what) } }
    }

    private let store = MemoryStore()
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let sizes = [0, 10, 5000, PackFile.objectLimit + 5]

    private static func action(_ number: Int) -> Action {
        Action(
            Stage("make", version: 1), parameters: ["size": JSONValue(sizes[number % sizes.count])],
            inputs: [Input("source", Digest(of: "\(number)".utf8))], subject: "\(number)")
    }

    private static func bytes(_ number: Int) -> [UInt8] {
        (0..<sizes[number % sizes.count]).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
    }

    private struct Outcome: Equatable {
        var run = 0
        var fetched = 0
        var shared = 0
    }

    /// Runs actions in a cache by a look-up of all, then those that are left one by one; every eleventh fails.
    @discardableResult
    private func build(
        _ name: String, _ count: Int = 40, looksUp: Bool = true, audience: ActionContext.Audience = .actions
    ) throws -> Outcome {
        let cache = try Cache(
            path: "\(folder.path)/\(name)", for: .building(wait: false), remote: store,
            disk: Disk(UnflushedFileSystem()))
        let engine = Engine(
            cache, outputs: { $0.facts["number"] == nil && $0.failure == nil ? nil : ["bytes": audience] })
        let actions = (0..<count).map(Self.action)
        var records = looksUp ? try engine.lookup(actions) : actions.map { _ in nil }
        for number in actions.indices where records[number] == nil {
            records[number] = try engine.run(actions[number]) { context in
                if number % 11 == 10 {
                    throw StageFailure(Diagnostic(.error, code: "make.no", message: "eleven"))
                }
                context.facts = ["number": JSONValue(number)]
                context.report(Diagnostic(.warning, code: "make.odd", message: "\(number)"))
                try context.write(Self.bytes(number), as: "bytes", for: audience)
            }
        }
        try engine.flush()
        for (number, record) in zip(actions.indices, records) {
            let record = try #require(record)
            if number % 11 == 10 {
                #expect(record.failure?.code == "make.no")
                continue
            }
            #expect(record.facts == ["number": JSONValue(number)])
            #expect(record.diagnostics.map(\.message) == ["\(number)"])
            #expect(try cache.bytes(of: record.output("bytes").digest) == Self.bytes(number))
            if audience == .readers {
                #expect(try Files.read(cache.path(of: record.output("bytes").digest)) == Self.bytes(number))
            }
        }
        return Outcome(run: engine.runCount, fetched: engine.fetchedCount, shared: engine.sharedCount)
    }

    private func findings(_ name: String) throws -> [Finding] {
        try Cache(path: "\(folder.path)/\(name)", for: .reading).verify(with: Workers(count: 1)).findings
    }

    @Test(arguments: [true, false], [ActionContext.Audience.actions, .readers])
    func aColdCacheRunsNothing(looksUp: Bool, audience: ActionContext.Audience) throws {
        #expect(try build("first", audience: audience) == Outcome(run: 40, shared: 40))
        #expect(store.state.withLock { $0.records.count } == 40)
        #expect(try build("second", looksUp: looksUp, audience: audience) == Outcome(fetched: 40))
        #expect(try findings("second") == [])
        let asked = store.state.withLock(\.asked)
        #expect(try build("second", looksUp: looksUp, audience: audience) == Outcome())
        #expect(store.state.withLock(\.asked) == asked, "what the cache has is not asked for")
        #expect(store.state.withLock(\.rejected) == [])
    }

    @Test func eachKeyIsAskedForOnce() throws {
        try build("first")
        #expect(store.state.withLock(\.asked) == 40)
    }

    @Test func aStoreThatTakesNothingCostsNothingElse() throws {
        store.state.withLock { $0.takesNothing = true }
        #expect(try build("first") == Outcome(run: 40))
        #expect(try findings("first") == [])
    }

    @Test func wrongObjectsRunAgainAndAreReplaced() throws {
        try build("first")
        let whole = store.state.withLock { $0.objects }
        for change in 0..<4 {
            store.state.withLock { state in
                for (digest, bytes) in whole {
                    switch change {
                    case 0: state.objects[digest] = nil
                    case 1: state.objects[digest] = Array(bytes.dropLast())
                    case 2: state.objects[digest] = bytes + [0]
                    default: state.objects[digest] = bytes.map { $0 ^ 1 }
                    }
                }
            }
            let outcome = try build("changed-\(change)")
            // Failures have no objects; an empty object cannot lose a byte or have another one.
            let failures = 3
            let empty = change == 1 || change == 3 ? (0..<40).count { $0 % 4 == 0 && $0 % 11 != 10 } : 0
            #expect(
                outcome
                    == Outcome(
                        run: 40 - failures - empty, fetched: failures + empty, shared: 40 - failures - empty))
            #expect(try findings("changed-\(change)") == [])
            #expect(store.state.withLock { $0.objects } == whole, "change \(change)")
        }
    }

    /// Records that no engine wrote: all are misses, and none gets into the journal.
    @Test func hostileRecordsAreMisses() throws {
        try build("first")
        let whole = store.state.withLock { $0.records }
        let some = try #require(whole[Self.action(1).key].map { String(decoding: $0, as: UTF8.self) })
        let changes: [String] = [
            "", "null", "[]", "{}", "{", String(repeating: "[", count: 5000), String(some.dropLast()),
            some + some,
            some.replacing("\"bytes\"", with: "\"other\""), some.replacing("\"outputs\"", with: "\"puts\""),
            some.replacing("\"facts\":{\"number\":1}", with: "\"facts\":{}"),
            some.replacing(",10]", with: ",-10]"), some.replacing(",10]", with: ",9000000000000000000]"),
            some.replacing("\"version\":1", with: "\"version\":\"1\""),
            some.replacing("\"diagnostics\":[", with: "\"diagnostics\":[7,"),
        ]
        for (number, text) in changes.enumerated() {
            #expect(text != some, "change \(number) changes nothing")
            store.state.withLock { state in
                state.records = [Self.action(1).key: Array(text.utf8)]
                state.rejected = []
            }
            #expect(try build("hostile-\(number)", 2) == Outcome(run: 2, shared: 2), "change \(number)")
            #expect(store.state.withLock(\.rejected).count == 1, "change \(number)")
            #expect(try findings("hostile-\(number)") == [])
        }
        // Another action's record, under this one's key.
        store.state.withLock { $0.records = [Self.action(1).key: whole[Self.action(5).key] ?? []] }
        #expect(try build("other", 2) == Outcome(run: 2, shared: 2))
        // White space between the parts is no line of a journal.
        let spaced = some.replacing(",", with: " ,\n ")
        store.state.withLock { $0.records = [Self.action(1).key: Array(spaced.utf8)] }
        #expect(try build("spaced", 2) == Outcome(run: 1, fetched: 1, shared: 1))
        #expect(try findings("spaced") == [])
        #expect(try build("spaced", 2) == Outcome())
    }

    @Test func whatWasLostHereIsFetchedAgain() throws {
        try build("first", audience: .readers)
        let cache = try Cache(path: "\(folder.path)/first", for: .reading)
        let large = try #require(try cache.lookup([Self.action(3)])[0]).output("bytes").digest
        try cache.disk.remove(cache.path(of: large))
        #expect(try build("first", audience: .readers) == Outcome(fetched: 1))
        #expect(try findings("first") == [])
    }

    @Test func aSnapshotIsSharedWithAllThatItReaches() throws {
        try build("first")
        let path = "\(folder.path)/first"
        let cache = try Cache(path: path, for: .reading, remote: store)
        let records = try cache.lookup((0..<4).map(Self.action)).compactMap { $0 }
        let objects = records.map { $0.output("bytes") }
        store.state.withLock { $0 = MemoryStore.Contents() }
        #expect(store.snapshot(of: "toy") == nil)
        let sent = try #require(try cache.share(objects, as: "toy", to: store))
        #expect(sent.objects == 4)
        #expect(sent.bytes == objects.reduce(0) { $0 + $1.size })
        #expect(store.snapshot(of: "toy") == objects[0])
        #expect(store.snapshot(of: "other") == nil)
        let again = try #require(try cache.share(objects, as: "toy", to: store))
        #expect(again.objects == 0)
        // One that is not taken keeps the dataset from getting its name.
        store.state.withLock {
            $0 = MemoryStore.Contents()
            $0.takesNothing = true
        }
        #expect(try cache.share(objects, as: "toy", to: store) == nil)
        store.state.withLock { $0.takesNothing = false }
        for text in [
            "", "{}", "[1]", #"{"dataset":"other","snapshot":"\#(objects[0].digest.hex)","bytes":1}"#,
        ] {
            store.state.withLock { $0.records[MemoryStore.key(of: "toy")] = Array(text.utf8) }
            #expect(store.snapshot(of: "toy") == nil)
        }
        #expect(store.state.withLock(\.rejected).count == 4)
    }

    // MARK: Reading

    /// Three objects in a store alone, 1,000 bytes each.
    private func objectsElsewhere(_ store: MemoryStore) -> [ObjectReference] {
        (0..<3).map { number in
            let bytes = [UInt8](repeating: UInt8(number), count: 1000)
            store.state.withLock { $0.objects[Digest(of: bytes)] = bytes }
            return ObjectReference(digest: Digest(of: bytes), size: 1000)
        }
    }

    private func copies(_ path: String) -> Set<String> {
        let disk = Disk()
        return Set(
            disk.names(in: "\(path)/fetched").flatMap { first in
                disk.names(in: "\(path)/fetched/\(first)").map { first + $0 }
            })
    }

    @Test func aReaderFetchesWhatItNeedsAndKeepsItWithinTheLimit() throws {
        let store = MemoryStore(localLimit: 2500)
        let objects = objectsElsewhere(store)
        let path = "\(folder.path)/reader"
        #expect(throws: BuildError.self) { try Cache(path: path, for: .reading) }
        let cache = try Cache(path: path, for: .reading, remote: store)
        #expect(!cache.holds(objects[0].digest))
        for (number, object) in objects.enumerated() {
            let expected = [UInt8](repeating: UInt8(number), count: 1000)
            switch number {
            case 0: #expect(try cache.bytes(of: object.digest, size: 1000) == expected)
            case 1: #expect(try cache.withFile(of: object.digest) { try Files.read($0) } == expected)
            default: #expect(try Files.read(cache.readablePath(of: object.digest, size: 1000)) == expected)
            }
            #expect(cache.holds(object.digest))
            // Modification times of some file systems are coarse.
            usleep(20_000)
        }
        #expect(copies(path) == Set(objects[1...].map(\.digest.hex)), "the oldest has gone")
        // One that is opened again is young; what is there is not asked for.
        store.state.withLock { $0.objects[objects[1].digest] = nil }
        #expect(try cache.bytes(of: objects[1].digest).count == 1000)
        usleep(20_000)
        #expect(try cache.bytes(of: objects[0].digest).count == 1000)
        #expect(copies(path) == Set([objects[0], objects[1]].map(\.digest.hex)))
        #expect(try findings("reader") == [])
        // Another process finds the copies without the store.
        let again = try Cache(path: path, for: .reading, remote: MemoryStore())
        #expect(try again.bytes(of: objects[1].digest).count == 1000)
        #expect { try again.bytes(of: objects[2].digest) } throws: {
            ($0 as? BuildError)?.code == .objectMissing
        }
        #expect(throws: BuildError.self) {
            try Cache(path: path, for: .reading).bytes(of: objects[0].digest)
        }
    }

    @Test func aDamagedCopyIsFetchedAgainAndAWrongObjectIsMissing() throws {
        let objects = objectsElsewhere(store)
        let path = "\(folder.path)/reader"
        _ = try Cache(path: path, for: .reading, remote: store).bytes(of: objects[1].digest)
        let hex = objects[1].digest.hex
        let copy = "\(path)/fetched/\(hex.prefix(2))/\(hex.dropFirst(2))"
        try Disk().remove(copy)
        try Files.write(copy, [UInt8](repeating: 9, count: 1000))
        let cache = try Cache(path: path, for: .reading, remote: store)
        #expect(try cache.bytes(of: objects[1].digest) == [UInt8](repeating: 1, count: 1000))
        store.state.withLock { $0.objects[objects[2].digest] = [UInt8](repeating: 9, count: 1000) }
        #expect { try cache.bytes(of: objects[2].digest) } throws: {
            ($0 as? BuildError)?.code == .objectMissing
        }
        #expect(store.state.withLock(\.rejected).count == 1)
        #expect(copies(path) == [hex])
    }

    /// An action elsewhere needs an object that only the store has.
    @Test func anInputIsFetched() throws {
        let objects = objectsElsewhere(store)
        let cache = try Cache(
            path: "\(folder.path)/worker", for: .working(name: "w"), remote: store,
            disk: Disk(UnflushedFileSystem()))
        let engine = Engine(cache, outputs: { _ in ["sum": .actions] })
        let action = Action(Stage("sum", version: 1), inputs: [Input("in", objects[2].digest)], subject: "x")
        let record = try engine.run(action) { context in
            let sum = try context.bytes(of: "in").reduce(0) { $0 + Int($1) }
            try context.write(Array("\(sum)".utf8), as: "sum")
        }
        #expect(try cache.bytes(of: record.output("sum").digest) == Array("2000".utf8))
        try engine.flush()
        #expect(store.state.withLock { $0.records[action.key] } != nil)
    }
}
