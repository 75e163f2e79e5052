@testable import Build
@testable import Files
@testable import Storage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A dataset of small numbers: every source is squared, all squares are summed, and the sum is the snapshot.
///
/// A source that holds no number fails; the sum continues without it.
struct Toy: Sendable, Codable {
    var sources: String
    var cache: String
    var factor = 1
    var squareVersion = 1
    var jobs = 1
    /// Whether squares go into packs; else each is a file, as readers' objects are.
    var isPacked = true
    /// The bytes of a pack before it is closed.
    var packLimit = PackFile.sizeLimit
    /// Keeps the folder for as long as the toy is used.
    private var folder: TemporaryFolder?

    private enum CodingKeys: CodingKey {
        case sources, cache, factor, squareVersion, jobs, isPacked, packLimit
    }

    struct Outcome: Equatable {
        var snapshot: Digest
        var run: [String] = []
        var wasUnchanged = false
        var quarantine: [String] = []
    }

    func build(_ disk: Disk = Disk(), log: @escaping @Sendable (String) -> Void = { _ in }) throws -> Outcome
    {
        let cache = try Cache(
            path: cache, for: .building(wait: false), disk: disk, packLimit: packLimit, log: log)
        return try build(in: cache)
    }

    func fingerprint(_ files: [(path: String, stat: FileStat)]) -> Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.combine("toy \(factor) \(squareVersion)".utf8)
        for file in files { fingerprint.combine(path: file.path.utf8, file.stat) }
        return fingerprint
    }

    func files() -> [(path: String, stat: FileStat)] {
        Disk().names(in: sources).compactMap { name in
            FileStat(path: "\(sources)/\(name)").map { ("\(sources)/\(name)", $0) }
        }
    }

    func squareAction(_ file: SourceFile) -> Action {
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        return Action(
            Stage("square", version: squareVersion), parameters: ["factor": JSONValue(factor)],
            inputs: [Input("source", file.digest)], subject: name)
    }

    func build(in cache: Cache, publishing: Bool = true) throws -> Outcome {
        let files = files()
        if publishing, let state = cache.unchangedBuild(of: "toy", fingerprint: fingerprint(files).finish()) {
            return Outcome(snapshot: state.snapshot, wasUnchanged: true)
        }
        let ran = Monitor<[String]>([])
        let engine = Engine(cache) { event in
            if case .ran(let record, let reason) = event {
                ran.withLock { $0.append("\(record.stage.name) \(record.subject): \(reason)") }
            }
        }
        let workers = Workers(count: jobs, cancellation: cache.cancellation)
        let hashed = try cache.hashSources(files, with: workers).map { try $0.get() }
        let record = try engine.mending { () throws(BuildError) in
            let squares = try workers.map(hashed) { (file) throws(BuildError) in
                try engine.run(squareAction(file), reading: [file]) { context in
                    let text = String(decoding: try Files.read(file.path), as: UTF8.self)
                    guard let value = Int(text) else {
                        throw StageFailure(Diagnostic(.error, code: "toy.no-number", message: text))
                    }
                    if value < 0 { context.report(Diagnostic(.warning, code: "toy.negative", message: text)) }
                    try context.write(
                        Array("\(value * value * factor)".utf8), as: "square",
                        for: isPacked ? .actions : .readers)
                    context.facts = ["value": JSONValue(value)]
                }
            }
            let good = squares.filter { $0.failure == nil }
            let action = Action(
                Stage("sum", version: 1),
                inputs: good.map { Input("square", $0.output("square").digest) }, subject: "toy")
            return try engine.run(action) { context in
                var sum = 0
                for input in context.action.inputs {
                    sum += Int(String(decoding: try cache.bytes(of: input.digest), as: UTF8.self)) ?? 0
                }
                let snapshot: JSONValue = [
                    "sum": JSONValue(sum),
                    "squares": .array(context.action.inputs.map { JSONValue($0.digest) }),
                ]
                try context.write(snapshot.canonicalBytes, as: "snapshot", for: .readers)
            }
        }
        let snapshot = record.output("snapshot")
        var outcome = Outcome(snapshot: snapshot.digest)
        if publishing {
            let seen = fingerprint(hashed.map { ($0.path, $0.stat) })
            let state = BuildState(
                fingerprint: seen.finish(), snapshot: snapshot.digest, objects: [snapshot], summary: [:])
            try engine.publish(snapshot.digest, as: "toy", keeping: seen.isSettled ? state : nil)
        } else {
            try engine.flush()
        }
        outcome.run = ran.withLock { $0.sorted() }
        return outcome
    }

    /// The squares that a snapshot refers to.
    static func reached(_ snapshot: Digest, in cache: Cache) throws(BuildError) -> [Digest] {
        let json = try? JSONValue(parsing: try cache.bytes(of: snapshot))
        return json?["squares"]?.array?.compactMap { $0.string.flatMap { Digest(hex: $0) } } ?? []
    }
}

extension Toy {
    /// A toy with a few sources in a folder.
    init(in folder: TemporaryFolder, values: [Int] = [1, 2, 3]) throws {
        sources = "\(folder.path)/data"
        cache = "\(folder.path)/cache"
        self.folder = folder
        try Disk().makeDirectories(sources)
        for value in values { try folder.write("data/\(value).txt", "\(value)".utf8) }
    }

    /// What a build in a new cache gives.
    func cleanSnapshot() throws -> Digest {
        let folder = try TemporaryFolder()
        var clean = self
        clean.folder = folder
        clean.cache = "\(folder.path)/cache"
        clean.jobs = 1
        return try withExtendedLifetime(self) { try clean.build(Disk(UnflushedFileSystem())).snapshot }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
