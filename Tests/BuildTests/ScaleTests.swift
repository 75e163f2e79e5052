import Testing

@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How much room and time many small actions take; `REPRISE_SCALE` sets how many (100,000 for the figures of the
/// documentation, in a release build).
@Suite struct ScaleTests {
    @Test func manySmallActionsStaySmallAndFast() throws {
        let folder = try TemporaryFolder()
        let count = getenv("REPRISE_SCALE").flatMap { Int(String(cString: $0)) } ?? 3000
        let disk = Disk(UnflushedFileSystem())
        let parameters = Parameters(["grid": ["steps_per_beat": 4], "segment": ["steps": 64, "hop": 64]])
        let actions = (0..<count).map { number in
            Action(
                Stage("score", version: 1), parameters: parameters,
                inputs: [Input("source", Digest(of: Array("\(number)".utf8)))],
                subject: "data/\(number % 100)/\(number).mid")
        }
        // About as much as is recorded of a small file.
        let sketch = String(repeating: "0", count: 1000)
        let workers = Workers(count: 2)
        func seconds(_ what: String, _ body: () throws -> Void) rethrows -> Double {
            let start = FileStat.now
            try body()
            let time = Double(FileStat.now - start) / 1e9
            if getenv("REPRISE_SCALE") != nil { print("\(what): \(time) s for \(count)") }
            return time
        }
        do {
            let engine = Engine(
                try Cache(path: "\(folder.path)/cache", for: .building(wait: false), disk: disk))
            _ = try seconds("run") {
                try workers.forEach(actions) { (action) throws(BuildError) in
                    _ = try engine.run(action) { context in
                        try context.write(action.key.bytes, as: "score")
                        context.facts = ["segments": 12, "notes": 345, "sketch": .string(sketch)]
                    }
                }
                try engine.flush()
            }
            #expect(engine.runCount == count)
        }
        let cache = try Cache(path: "\(folder.path)/cache", for: .building(wait: false), disk: disk)
        var found: [ActionRecord?] = []
        let time = try seconds("lookup") { found = try cache.lookup(actions) }
        #expect(found.allSatisfy { $0?.facts["notes"] == 345 })
        // A debug build on a busy machine takes a tenth of this; a scan for each key would take far more.
        #expect(time < 1e-3 * Double(count))
        _ = try seconds("index rebuild") { try cache.rebuildIndex() }
        cache.records.close()
        let size = try #require(FileStat(path: "\(folder.path)/cache/index.sqlite")).size
        #expect(size / count < 1800, "bytes of index for each action and the place of its output")
        let journal = try #require(FileStat(path: "\(folder.path)/cache/journals/builder.jsonl")).size
        #expect(journal / count < 1750, "bytes of journal for each action and the place of its output")
        if getenv("REPRISE_SCALE") != nil {
            print("index \(size / count), journal \(journal / count) bytes each")
        }
    }
}
