import Dataset
import Files
import Listing
import Storage
import TestSupport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A small dataset of made music in a folder, with a cache beside it, to edit and build.
struct LawPlace: Sendable, Codable {
    /// Holds `data`, the manifest and the cache; removed by its creator.
    var folder: String
    var manifest = LawManifest()

    var data: String { "\(folder)/data" }
    var cache: String { "\(folder)/cache" }

    /// What a build gave: a snapshot, or why there is none.
    enum Outcome: Equatable {
        case snapshot(Digest)
        case failure(String)
    }

    /// Six MIDI files and four of audio, in two styles.
    init(in folder: TestFolder) throws {
        self.folder = folder.path
        for index in 0..<6 {
            try write(midi: index, to: index % 2 == 0 ? "classical" : "jazz", "\(index).mid")
        }
        for index in 0..<4 {
            try write(audio: index, to: index % 2 == 0 ? "classical" : "jazz", "\(index).wav")
        }
    }

    func write(midi seed: Int, to style: String, _ name: String) throws {
        try write(LawMusic.midi(seed), "\(data)/\(style)/\(name)")
    }

    func write(audio seed: Int, to style: String, _ name: String) throws {
        try write(LawMusic.audio(seed), "\(data)/\(style)/\(name)")
    }

    func write(_ bytes: [UInt8], _ path: String) throws {
        let folders = path.split(separator: "/").dropLast()
        for count in 1...folders.count { mkdir("/" + folders.prefix(count).joined(separator: "/"), 0o755) }
        // Objects are read-only.
        chmod(path, 0o644)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0, pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw TestFolder.Failure(code: errno)
        }
        close(descriptor)
    }

    /// Builds in the place's own cache, or in another.
    @discardableResult
    func build(in cache: String? = nil, jobs: Int = 1) throws -> BuildSummary {
        try write(Array(manifest.yaml.utf8), "\(folder)/\(manifest.dataset).yaml")
        return try DatasetBuild(manifestPath: "\(folder)/\(manifest.dataset).yaml").run(
            DatasetBuild.Options(cachePath: cache ?? self.cache, jobs: jobs, waits: false))
    }

    func explain() throws -> [PlannedAction] {
        try write(Array(manifest.yaml.utf8), "\(folder)/\(manifest.dataset).yaml")
        return try DatasetBuild(manifestPath: "\(folder)/\(manifest.dataset).yaml").explain(
            DatasetBuild.Options(cachePath: cache)
        ).planned
    }

    func outcome(in cache: String? = nil, jobs: Int = 1) throws -> Outcome {
        do {
            return .snapshot(try build(in: cache, jobs: jobs).snapshot)
        } catch let error as BuildError {
            return .failure(error.description)
        } catch let error as ManifestError {
            return .failure(error.description)
        }
    }

    /// What a build in a new cache gives.
    func clean(jobs: Int = 1) throws -> Outcome {
        let folder = try TestFolder()
        return try outcome(in: "\(folder.path)/cache", jobs: jobs)
    }

    /// Every record of the journals.
    func records() throws -> [ActionRecord] {
        try Self.names(in: "\(cache)/journals").flatMap { name in
            // A killed build may have left its last line without an end.
            try Self.read("\(cache)/journals/\(name)").split(separator: 0x0A).compactMap { line in
                (try? JSONValue(parsing: Array(line)))?["record"].flatMap { ActionRecord(json: $0) }
            }
        }
    }

    /// How often each action is recorded in the journals, by stage and subject.
    private func recorded() throws -> [String: Int] {
        Dictionary(try records().map { ("\($0.stage.name) \($0.subject)", 1) }, uniquingKeysWith: +)
    }

    /// The actions that a body runs: stage and subject.
    func ranActions(_ body: () throws -> Void) throws -> [String] {
        let before = try recorded()
        try body()
        return try recorded().flatMap { name, count in
            Array(repeating: name, count: max(0, count - (before[name] ?? 0)))
        }
    }

    /// How many actions of each stage a body runs.
    func ran(_ body: () throws -> Void) throws -> [String: Int] {
        let stages = try ranActions(body).map { ($0.split(separator: " ").first.map(String.init) ?? "", 1) }
        return Dictionary(stages, uniquingKeysWith: +)
    }

    /// Every file and folder of the cache with its bytes and times: whatever a write would change.
    func state() throws -> [String: String] {
        var state: [String: String] = [:]
        var pending = [cache]
        while let folder = pending.popLast() {
            for name in Self.names(in: folder) {
                let path = "\(folder)/\(name)"
                guard let stat = FileStat(path: path) else { continue }
                state[path] = "\(stat.modified) \(stat.changed) \(stat.inode) \(stat.size)"
                if stat.isRegularFile {
                    state[path]?.append(" \(Digest(of: try Self.read(path)))")
                } else {
                    pending.append(path)
                }
            }
        }
        return state
    }

    /// Every small object: its pack, and the bytes of the pack that hold it.
    func packedObjects() throws -> [(pack: String, range: Range<Int>)] {
        try Self.names(in: "\(cache)/journals").flatMap { name in
            try Self.read("\(cache)/journals/\(name)").split(separator: 0x0A).compactMap { line in
                let line = try JSONValue(parsing: Array(line))
                guard let pack = line["pack"]?.string, let offset = line["offset"]?.integer,
                    let length = line["length"]?.integer
                else { return nil }
                return ("\(cache)/objects/packs/\(pack)", offset..<(offset + length))
            }
        }
    }

    /// Every pack, and every object that is a file of its own, by path.
    var objects: [String] {
        Self.names(in: "\(cache)/objects").flatMap { folder in
            Self.names(in: "\(cache)/objects/\(folder)").map { "\(cache)/objects/\(folder)/\($0)" }
        }.filter { !$0.hasSuffix(".bad") }
    }

    /// Every source, by path.
    var sources: [String] {
        Self.names(in: data).flatMap { style in
            Self.names(in: "\(data)/\(style)").map { "\(data)/\(style)/\($0)" }
        }
    }

    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw TestFolder.Failure(code: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: FileStat(path: path)?.size ?? 0)
        guard pread(descriptor, &bytes, bytes.count, 0) == bytes.count else {
            throw TestFolder.Failure(code: errno)
        }
        return bytes
    }

    static func names(in folder: String) -> [String] { Files.names(inFolder: folder + "/.") ?? [] }
}

/// The parameters that the laws change.
struct LawManifest: Sendable, Codable {
    var dataset = "law"
    var stepsPerBeat = 4
    var steps = 16
    var loudness = "{rms_dbfs: -20}"
    var normalize = "{compress: log10_1p, per: dataset, epsilon: 0}"
    var bands = 8
    var splits = "{train: 0.6, validation: 0.2, test: 0.2, seed: 1}"
    var targetBytes = "4KiB"
    var label = "\"{dir}\""
    /// Further keys of the item, as `key: value, …`.
    var more = ""
    var dtype = "float32"
    var statistics = "fit"
    var dedupe = false

    var yaml: String {
        """
        version: 1
        dataset: \(dataset)
        sources:
          - {path: "data/*/*", labels: {style: \(label)}\(more.isEmpty ? "" : ", " + more)}
        dedupe: \(dedupe)
        midi:
          grid: {steps_per_beat: \(stepsPerBeat)}
          segment: {steps: \(steps)}
        audio:
          sample_rate: 8000
          loudness: \(loudness)
          segment: {samples: 2048}
          stft: {n_fft: 256, hop: 256}
          features:
            mel: {bands: \(bands), fmax: 4000}
          normalize: \(normalize)
          dtype: \(dtype)
        splits: \(splits)
        shards: {target_bytes: \(targetBytes)}
        statistics: \(statistics)
        """
    }
}

/// Music made of a number.
enum LawMusic {
    /// A MIDI file of format 0 with a few dozen notes.
    static func midi(_ seed: Int) -> [UInt8] {
        var random = LawGenerator(state: UInt64(seed))
        var track: [UInt8] = [0, 0xC0, UInt8(seed & 15)]
        for _ in 0..<Int.random(in: 20...50, using: &random) {
            let pitch = UInt8.random(in: 40...80, using: &random)
            track += [0, 0x90, pitch, UInt8.random(in: 1...127, using: &random)]
            track += [UInt8.random(in: 1...96, using: &random), 0x80, pitch, 0]
        }
        return MadeFile.midi(track: track)
    }

    /// A WAV file: half a second at 8 kHz, one channel of 16 bits, a tone and noise.
    static func audio(_ seed: Int) -> [UInt8] {
        var random = LawGenerator(state: UInt64(seed))
        let step = Double.random(in: 0.1...2, using: &random)
        let level = Double.random(in: 1000...12000, using: &random)
        var samples: [Int16] = []
        for index in 0..<4000 {
            let value = level * sin(step * Double(index)) + Double.random(in: -500...500, using: &random)
            samples.append(Int16(value))
        }
        return MadeFile.wave(samples, rate: 8000)
    }
}

/// SplitMix64: the same numbers for the same seed.
struct LawGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
