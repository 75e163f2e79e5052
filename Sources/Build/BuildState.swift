public import Files
public import Storage

/// What a complete build saw and made, kept so that the next one can tell by looking at files alone that there is
/// nothing to do.
public struct BuildState: Sendable, Hashable {
    /// Stands for everything that the build depends on; nil when the next build has to look at everything again.
    public let fingerprint: Digest?
    /// The snapshot that came of it.
    public let snapshot: Digest
    /// The snapshot itself and every object that it reaches.
    public let objects: [ObjectReference]
    /// What the build said at its end.
    public let summary: JSONValue
    /// Where the build is declared, so that it can be done again after a repair.
    public let origin: String?
    /// The numerics tag of each float stage that the build used, by the stage's name.
    public let numerics: [String: String]

    /// Collects what a build saw and made.
    public init(
        fingerprint: Digest?, snapshot: Digest, objects: [ObjectReference], summary: JSONValue,
        origin: String? = nil, numerics: [String: String] = [:]
    ) {
        self.fingerprint = fingerprint
        self.snapshot = snapshot
        self.objects = objects
        self.summary = summary
        self.origin = origin
        self.numerics = numerics
    }

    /// The state with the start of its SHA-256 as the last member, so that no flipped bit of it is believed.
    var bytes: [UInt8] {
        var members = members
        members["sha"] = .string(Digest(of: JSONValue.object(members).canonicalBytes).short)
        return JSONValue.object(members).canonicalBytes
    }

    /// Reads what `bytes` gave; nil for anything else.
    init?(bytes: [UInt8]) {
        guard case .object(var members)? = try? JSONValue(parsing: bytes),
            let sum = members.removeValue(forKey: "sha")?.string,
            sum == Digest(of: JSONValue.object(members).canonicalBytes).short
        else { return nil }
        self.init(json: .object(members))
    }

    private var members: [String: JSONValue] {
        [
            "fingerprint": fingerprint.map { JSONValue($0) } ?? .null, "snapshot": JSONValue(snapshot),
            "summary": summary, "origin": origin.map { .string($0) } ?? .null,
            "numerics": .object(numerics.mapValues { .string($0) }),
            "objects": .array(objects.map { .array([JSONValue($0.digest), JSONValue($0.size)]) }),
        ]
    }

    private init?(json: JSONValue) {
        guard let snapshot = json["snapshot"]?.string.flatMap({ Digest(hex: $0) }),
            let summary = json["summary"], let pairs = json["objects"]?.array
        else { return nil }
        let objects = pairs.compactMap { pair -> ObjectReference? in
            guard let parts = pair.array, parts.count == 2,
                let digest = parts[0].string.flatMap({ Digest(hex: $0) }), let size = parts[1].integer,
                size >= 0
            else { return nil }
            return ObjectReference(digest: digest, size: size)
        }
        guard objects.count == pairs.count else { return nil }
        self.init(
            fingerprint: json["fingerprint"]?.string.flatMap { Digest(hex: $0) }, snapshot: snapshot,
            objects: objects, summary: summary, origin: json["origin"]?.string,
            numerics: json["numerics"]?.object?.compactMapValues(\.string) ?? [:])
    }
}

/// A hash over everything that a build depends on, the files by what the system reports about them.
public struct Fingerprint: Sendable {
    private var hasher = Digest.Hasher()
    private var buffer: [UInt8] = []
    private let now = FileStat.now
    /// Whether no file is so young that a change to it could go unseen; only then may the state be kept.
    public private(set) var isSettled = true

    /// Starts with nothing.
    public init() {}

    /// Adds a text or a file's bytes: versions, options, the manifest.
    public mutating func combine(_ bytes: some Collection<UInt8>) {
        append("\(bytes.count):".utf8)
        append(bytes)
    }

    /// Adds a file by its path and what the system reports about it.
    public mutating func combine(path: some Collection<UInt8>, _ stat: FileStat) {
        combine(path)
        for number in [Int64(stat.size), stat.modified, stat.changed, Int64(bitPattern: stat.inode)] {
            withUnsafeBytes(of: number.littleEndian) { append($0) }
        }
        if stat.unsettledTime(now: now) > 0 { isSettled = false }
    }

    /// The fingerprint.
    public func finish() -> Digest {
        var hasher = hasher
        hasher.update(buffer)
        return hasher.finish()
    }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        buffer += bytes
        if buffer.count > 1 << 16 {
            hasher.update(buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }
}

extension Cache {
    /// What the last complete build of a dataset left, when nothing has changed since: same fingerprint, the
    /// reference still names its snapshot, every object that the snapshot reaches is there with its size.
    ///
    /// Reads one small file, the reference, and the objects' sizes; the index isn't opened and nothing is written.
    public func unchangedBuild(of dataset: String, fingerprint: Digest) -> BuildState? {
        guard let state = lastBuild(of: dataset), state.fingerprint == fingerprint,
            (try? readReference(dataset)) == state.snapshot,
            state.objects.allSatisfy(contains)
        else { return nil }
        return state
    }
    /// What the last complete build of a dataset left.
    public func lastBuild(of dataset: String) -> BuildState? {
        guard Self.isName(dataset),
            let contents = try? disk.contents(of: "\(path)/state/\(dataset)")
        else { return nil }
        return BuildState(bytes: contents)
    }

    /// The datasets of which a complete build left something.
    public var builtDatasets: [String] { disk.names(in: "\(path)/state").filter(Self.isName) }

    /// Lets the next build of every dataset look at everything again.
    func forgetFingerprints() throws(BuildError) {
        for dataset in builtDatasets {
            guard let last = lastBuild(of: dataset), last.fingerprint != nil else { continue }
            let state = BuildState(
                fingerprint: nil, snapshot: last.snapshot, objects: [], summary: .null, origin: last.origin,
                numerics: last.numerics)
            try disk.replace(
                "\(path)/state/\(dataset)", with: state.bytes, temporary: store.temporaryPath())
        }
    }
}
