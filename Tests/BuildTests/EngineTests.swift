import Testing

@testable import Build
@testable import Files
@testable import Storage

@Suite struct EngineTests {
    let folder: TemporaryFolder
    let disk = Disk(UnflushedFileSystem())
    var path: String { "\(folder.path)/cache" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ access: Cache.Access = .building(wait: false)) throws -> Cache {
        try Cache(path: path, for: access, disk: disk)
    }

    private func action(_ value: Int, version: Int = 1, numerics: String? = nil, factor: Int = 2) -> Action {
        Action(
            Stage("scale", version: version, numerics: numerics),
            parameters: ["by": ["factor": JSONValue(factor)]],
            inputs: [Input("source", Digest(of: Array("\(value)".utf8)))], subject: "n")
    }

    /// Runs one action whose output is a text; the reason it ran for, if it ran.
    private func run(
        _ action: Action, giving text: String = "x", for audience: ActionContext.Audience = .actions,
        isForced: Bool = false, afterLookup: Bool = false
    ) throws -> RunReason? {
        let reason = Monitor<RunReason?>(nil)
        let engine = Engine(try open()) { event in
            if case .ran(_, let why) = event { reason.withLock { $0 = why } }
        }
        if afterLookup { _ = try engine.lookup([action]) }
        let record = try engine.run(action, isForced: isForced) {
            try $0.write(Array(text.utf8), as: "text", for: audience)
        }
        #expect(record.output("text").digest == Digest(of: Array(text.utf8)))
        try engine.flush()
        return reason.withLock { $0 }
    }

    /// A lookup before finds the same reasons.
    @Test(arguments: [false, true]) func initialNullAndOneChangeWithReasons(afterLookup: Bool) throws {
        func run(_ action: Action, isForced: Bool = false) throws -> RunReason? {
            try self.run(action, isForced: isForced, afterLookup: afterLookup)
        }
        #expect(try run(action(1)) == .neverBuilt)
        #expect(try run(action(1)) == nil)
        #expect(
            try run(action(1, factor: 3))
                == .parametersChanged([.init(name: "by.factor", old: "2", new: "3")]))
        #expect(try run(action(1, version: 2)) == .stageVersionChanged(old: 1, new: 2))
        #expect(
            try run(action(1, version: 2, numerics: "avx2"))
                == .parametersChanged([.init(name: "numerics", old: nil, new: "avx2")]))
        let old = action(1).inputs[0].digest.short
        let new = action(7).inputs[0].digest.short
        #expect(
            try run(action(7, version: 2, numerics: "avx2"))
                == .inputChanged([.init(name: "source", old: old, new: new)]))
        #expect(try run(action(7, version: 2, numerics: "avx2")) == nil)
        #expect(try run(action(1)) == nil, "earlier results are still there")
        #expect(try run(action(1), isForced: true) == .forced)
    }

    @Test(arguments: [ActionContext.Audience.actions, .readers], [false, true])
    func lostAndDamagedOutputsRunAgain(audience: ActionContext.Audience, afterLookup: Bool) throws {
        func run(_ action: Action, giving text: String) throws -> RunReason? {
            try self.run(action, giving: text, for: audience, afterLookup: afterLookup)
        }
        /// The file that holds the output, and where it begins there.
        func lies() throws -> (file: String, offset: Int) {
            let cache = try open(.reading)
            let digest = Digest(of: Array("some text".utf8))
            guard let place = try cache.store.packs.place(of: digest) else {
                return (cache.path(of: digest), 0)
            }
            return (cache.store.packs.path(of: place.pack), place.offset)
        }
        #expect(try run(action(1), giving: "some text") == .neverBuilt)
        try disk.remove(lies().file)
        #expect(try run(action(1), giving: "some text") == .outputMissing)
        #expect(try run(action(1), giving: "some text") == nil)
        // A damaged object of the right size is found when it is read.
        let (file, offset) = try lies()
        #expect(file.contains("/packs/") == (audience == .actions))
        try Files.flip(file, at: offset + 3)
        let error = #expect(throws: BuildError.self) {
            try open(.reading).bytes(of: Digest(of: Array("some text".utf8)))
        }
        #expect(error?.code == .objectCorrupt)
        #expect(try run(action(1), giving: "some text") == .outputCorrupt)
        #expect(try run(action(1), giving: "some text") == nil)
        // One of another size is found by looking.
        try Files.write(lies().file, [1, 2])
        #expect(try run(action(1), giving: "some text") != nil)
        #expect(try run(action(1), giving: "some text") == nil)
    }

    @Test func reasonsNameEveryChangedInput() {
        func input(_ name: String, _ value: Int) -> Input { Input(name, Digest(of: Array("\(value)".utf8))) }
        func short(_ value: Int) -> String { input("", value).digest.short }
        let old = Action(
            Stage("s", version: 1), inputs: [input("a", 1), input("b", 2), input("b", 3)], subject: "")
        let reason = RunReason.between(
            old, stage: old.stage, parameters: old.parameters,
            inputs: [("a", input("a", 1).digest), ("b", input("b", 4).digest), ("c", nil)])
        #expect(
            reason
                == .inputChanged([
                    .init(name: "b", old: short(2), new: short(4)), .init(name: "c", old: nil, new: nil),
                    .init(name: "b", old: short(3), new: nil),
                ]))
    }

    @Test func keyDependsOnEverythingNamedAndNothingElse() {
        let stage = Stage("s", version: 1)
        let input = Input("a", Digest(of: [1]))
        let base = Action(stage, parameters: ["p": 1], inputs: [input], subject: "x")
        #expect(base.key == Action(stage, parameters: ["p": 1], inputs: [input], subject: "y").key)
        let others = [
            Action(Stage("t", version: 1), parameters: ["p": 1], inputs: [input], subject: "x"),
            Action(Stage("s", version: 2), parameters: ["p": 1], inputs: [input], subject: "x"),
            Action(
                Stage("s", version: 1, numerics: "n"), parameters: ["p": 1], inputs: [input], subject: "x"),
            Action(stage, parameters: ["p": 2], inputs: [input], subject: "x"),
            Action(stage, parameters: ["p": 1], inputs: [Input("b", input.digest)], subject: "x"),
            Action(stage, parameters: ["p": 1], inputs: [Input("a", Digest(of: [2]))], subject: "x"),
            Action(stage, parameters: ["p": 1], inputs: [input, input], subject: "x"),
            Action(stage, parameters: ["p": 1], inputs: [], subject: "x"),
        ]
        #expect(Set(others.map(\.key) + [base.key]).count == others.count + 1)
        // Worked out by hashlib: "16:reprise action 1", "1:s", "1:1", "0:", "32:" and the hash of {"p":1}, "1:a",
        // "32:" and the hash of the byte 1.
        #expect(base.key.hex == "7141225aa84ed66e22fb1ab9dbe69ca3aaf1ac2420e88377bcb93977f6d96d10")
    }

    @Test func failuresOfTheInputAreRecordedAndThoseOfTheEnvironmentAreNot() throws {
        struct Trouble: Error {}
        let diagnostic = Diagnostic(.error, code: "toy.bad", message: "no", offset: 3, help: "mend it")
        var runs = 0
        for _ in 1...2 {
            let engine = Engine(try open())
            let record = try engine.run(action(1)) { context in
                runs += 1
                context.report(Diagnostic(.warning, code: "toy.odd", message: "hm"))
                _ = try context.makeOutput("half")
                throw StageFailure(diagnostic)
            }
            #expect(record.failure == diagnostic)
            #expect(record.diagnostics.map(\.code) == ["toy.odd"])
            #expect(record.outputs.isEmpty)
            let error = #expect(throws: BuildError.self) {
                try engine.run(action(2)) { _ in
                    runs += 1
                    throw Trouble()
                }
            }
            #expect(error?.code == .stageFaulted)
            try engine.flush()
        }
        #expect(runs == 3)
        #expect(disk.names(in: "\(path)/tmp/builder").isEmpty)
    }

    @Test func oneKeyAskedForByManyThreadsRunsOnce() throws {
        let engine = Engine(try open())
        let runs = Monitor(0)
        let records = try Workers(count: 8).map(Array(0..<64)) { (number) throws(BuildError) in
            try engine.run(action(number % 4)) { context in
                runs.withLock { $0 += 1 }
                try context.write(Array("\(number % 4)".utf8), as: "text")
            }
        }
        #expect(runs.withLock { $0 } == 4)
        #expect(engine.runCount == 4)
        #expect(engine.hitCount == 60)
        for (number, record) in records.enumerated() {
            #expect(record.output("text").digest == Digest(of: Array("\(number % 4)".utf8)))
        }
    }

    @Test func resultsCanBeUsedBeforeTheyAreDurable() throws {
        let cache = try open()
        let engine = Engine(cache)
        var text = "start"
        for step in 1...40 {
            let record = try engine.run(action(step)) {
                try $0.write(Array("\(text)\(step)".utf8), as: "text")
            }
            text = String(decoding: try cache.bytes(of: record.output("text").digest), as: UTF8.self)
            try cache.withFile(of: record.output("text").digest) { path in
                let text = String(decoding: try Files.read(path), as: UTF8.self)
                #expect(text.hasPrefix("start1"))
            }
            #expect(try engine.lookup([action(step), action(-step)]).map { $0 != nil } == [true, false])
        }
        try engine.flush()
        #expect(text == "start" + (1...40).map(String.init).joined())
    }

    @Test func largeOutputsAreStreamedAndTheirHeadersRewritten() throws {
        let cache = try open()
        let engine = Engine(cache)
        let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let record = try engine.run(action(1)) { context in
            let large = try context.makeOutput("large")
            try large.write([UInt8](repeating: 0, count: 64))
            for start in stride(from: 0, to: body.count, by: 1000) {
                try large.write(Array(body[start..<start + 1000]))
            }
            #expect(large.byteCount == body.count + 64)
            try large.overwrite(Array(1...64), at: 0)
            let small = try context.makeOutput("small")
            try small.write([0, 0, 3])
            try small.overwrite([1, 2], at: 0)
        }
        try engine.flush()
        #expect(try cache.bytes(of: record.output("large").digest) == Array(1...64) + body)
        #expect(try cache.bytes(of: record.output("small").digest) == [1, 2, 3])
        #expect(try cache.verify(with: Workers(count: 1)).isSound)
    }

    @Test func ofTwoResultsForOneKeyTheSmallerHashWinsWhateverTheOrder() throws {
        let texts = ["one", "two"]
        let smaller = texts.map { Digest(of: Array($0.utf8)) }.min()
        for order in [texts, texts.reversed()] {
            let folder = try TemporaryFolder()
            let messages = Monitor<[String]>([])
            for (name, text) in zip(["a", "b"], order) {
                let worker = try Cache(path: "\(folder.path)/c", for: .working(name: name), disk: disk)
                let engine = Engine(worker)
                // Both look before either has finished: here, a worker whose journal the other can't see.
                _ = try engine.run(action(1), isForced: name == "b") {
                    try $0.write(Array(text.utf8), as: "text")
                }
                try engine.flush()
            }
            // A forced run drops what was there; two that did not know of each other don't.
            let journals = "\(folder.path)/c/journals"
            let lines = try Files.read("\(journals)/worker-b.jsonl").split(separator: 0x0A)
            // Its lines: the place of the output, the drop, the record.
            try Files.write("\(journals)/worker-b.jsonl", Array(lines[0]) + [0x0A] + Array(lines[2]) + [0x0A])
            let builder = try Cache(path: "\(folder.path)/c", for: .building(wait: false), disk: disk) {
                line in
                messages.withLock { $0.append(line) }
            }
            let found = try builder.lookup([action(1)])[0]
            #expect(found?.output("text").digest == smaller)
            #expect(messages.withLock { $0 }.contains { $0.contains("two different results") })
        }
    }

    @Test func cancellationStopsBetweenActionsAndKeepsFinishedWork() throws {
        let cancellation = Cancellation()
        let cache = try Cache(path: path, for: .building(wait: false), disk: disk, cancellation: cancellation)
        let engine = Engine(cache)
        let error = #expect(throws: BuildError.self) {
            try Workers(count: 2, cancellation: cancellation).forEach(Array(0..<100)) {
                (number) throws(BuildError) in
                _ = try engine.run(action(number)) { context in
                    try context.write(Array("\(number)".utf8), as: "text")
                    if number == 10 { cancellation.request() }
                }
            }
        }
        #expect(error?.code == .interrupted)
        #expect(error?.exitStatus == .interrupted)
        try engine.flush()
        let kept = try cache.lookup((0..<100).map { action($0) }).compactMap { $0 }.count
        #expect(kept == engine.runCount)
        // How far the other thread comes before it sees the request is the scheduler's choice.
        #expect((1..<100).contains(kept))
    }
}
