import Audio
import Build
import Describing
import Files
import Loading
import Manifest
internal import SoundFiles
import Storage
import Synchronization
import Tensors

/// Audio bytes → the features of each segment at unity gain and the facts about the file, in one streaming pass.
///
/// The object holds, in this order:
///
/// | tensor | shape | meaning |
/// | --- | --- | --- |
/// | `features` | F32 [N, values] | `FeatureRows` |
/// | `moments` | F64 [N, normalised features, 2] | each segment's mean and sum of squared deviations, feature by feature |
/// | `landmarks` | U32 [n] | hashes of the peaks of the linear mel, or without one of the constant-Q transform, ascending: copies of a recording share them |
/// | `segment.loudness`, … | F32 [N] | `SegmentNumbers` |
struct SpectrumStage: Sendable {
    /// The name of the one output.
    static let output = "features"

    let parameters: Parameters
    let audio: AudioParameters
    let rows: FeatureRows
    private let idle = ExtractorPool()

    /// Room kept for the object's header, which is written when the number of segments is known.
    private static let headerByteCount = 1024

    init(_ manifest: Manifest.Audio) {
        parameters = Parameters(manifest.spectrum)
        audio = AudioParameters(manifest)
        rows = FeatureRows(audio)
    }

    func draft(_ source: Digest, path: String) -> ActionDraft {
        ActionDraft(Stages.spectrum, parameters: parameters, inputs: [("source", source)], subject: path)
    }

    func run(_ context: ActionContext, _ source: SourceFile) throws {
        let writer = try context.makeOutput(Self.output)
        // At a place, so that the object is hashed once, when it has its header, and not on the way as well.
        try [UInt8](repeating: 0, count: Self.headerByteCount).withUnsafeBytes { try writer.write($0, at: 0) }
        let result = try extract(path: source.path) { try writer.write($0) }
        try writer.overwrite(result.header, at: 0)
        for warning in result.facts.warnings {
            context.report(
                Diagnostic(.warning, code: warning.code, message: warning.message, offset: warning.frame))
        }
        context.facts = .object(result.members)
    }

    /// What a file becomes beside the object's elements.
    struct Extraction {
        let facts: AudioFacts
        /// The facts that the record keeps.
        let members: [String: JSONValue]
        /// The object's header, of `headerByteCount` bytes.
        let header: [UInt8]
    }

    /// The stage as a function of a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - write: Takes the object's bytes behind its header, in order.
    /// - Returns: What else the object and its record need.
    /// - Throws: `StageFailure` for bytes that cannot be used, `source.unreadable`, and what `write` throws.
    func extract(path: String, _ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Extraction {
        var collected = CollectedSegments(audio, rows)
        let facts = try withExtractor { extractor in
            try Self.read {
                try extractor.extract(path: path) { name, index, values in
                    guard let row = collected.add(name, index, values) else { return }
                    try row.withUnsafeBytes { try write($0) }
                }
            }
        }
        let landmarks = collected.mel?.landmarks.hashes ?? []
        let numbers = facts.numberColumns
        let layout = TensorFileLayout(
            inOrder: [
                .init(FeatureRows.tensor, .f32, [facts.segments.count, rows.count]),
                .init("moments", .f64, [facts.segments.count, collected.normalized.count, 2]),
                .init("landmarks", .u32, [landmarks.count]),
            ] + numbers.map { .init("segment.\($0.name)", .f32, [$0.values.count]) },
            headerByteCount: Self.headerByteCount)
        precondition(layout.header.count == Self.headerByteCount, "a header of \(layout.header.count) bytes")
        try collected.moments.withUnsafeBytes { try write($0) }
        try landmarks.withUnsafeBytes { try write($0) }
        for column in numbers { try column.values.withUnsafeBytes { try write($0) } }
        var members = facts.members
        members["description"] = collected.mel.map { $0.description.json } ?? .null
        members["moments"] = collected.sums
        return Extraction(facts: facts, members: members, header: layout.header)
    }

    /// Lends an extractor that no other thread is using.
    func withExtractor<Result>(_ body: (FeatureExtractor) throws -> Result) rethrows -> Result {
        let extractor = idle.take() ?? FeatureExtractor(audio)
        defer { idle.put(extractor) }
        return try body(extractor)
    }

    /// Runs what decodes a file.
    ///
    /// - Throws: `StageFailure` for bytes that cannot be used, `source.unreadable`, and what `body` else throws.
    static func read<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as AudioError {
            throw StageFailure(
                Diagnostic(
                    .error, code: error.code.rawValue, message: error.message, offset: error.frame,
                    help: error.help))
        } catch let error as AudioAccessError {
            throw BuildError(.sourceUnreadable, error.description, canRetry: true)
        }
    }

    /// The stage's output for a file, whole and in memory.
    ///
    /// - Throws: as `extract`.
    func object(ofFile path: String) throws -> (facts: AudioFacts, object: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: Self.headerByteCount)
        let result = try extract(path: path) { bytes.append(contentsOf: $0) }
        bytes.replaceSubrange(..<Self.headerByteCount, with: result.header)
        return (result.facts, bytes)
    }

    /// What the record of a source says.
    static func built(_ source: Digest, _ record: ActionRecord) -> BuiltSource {
        let facts = SpectrumFacts(record)
        return BuiltSource(
            sha256: source, kind: .audio, segments: facts.segments, samples: facts.samples,
            rows: RollShard.RowCounts(), object: record.outputs[output], levels: facts.levels, exclusion: nil,
            warnings: record.diagnostics.map { "\($0.code): \($0.message)" }, moments: facts.moments)
    }
}

/// What is gathered while segments come out of the extractor, feature by feature.
private struct CollectedSegments {
    /// The features that have moments, in the order of the tensor.
    let normalized: [FeatureParameters]
    /// Mean and sum of squared deviations of each segment's normalised features.
    private(set) var moments: [Double] = []
    /// The sums of the feature that landmarks are taken from; nil without one.
    private(set) var mel: MelSums?

    private let rows: FeatureRows
    private let featureCount: Int
    private let described: String?
    private var totals: [Audio.Moments]
    private var row: [Float]
    private var filled = 0

    init(_ audio: AudioParameters, _ rows: FeatureRows) {
        self.rows = rows
        featureCount = audio.features.count
        normalized = audio.features.filter(Normalizer.concerns)
        totals = Array(repeating: Audio.Moments(), count: normalized.count)
        row = Array(repeating: 0, count: rows.count)
        let feature = audio.features.described
        described = feature?.name
        mel = feature.map { feature in
            let shape = feature.extractedShape(in: audio)
            return MelSums(bands: shape[0], frames: shape[1], isConstantQ: feature.name == "cqt")
        }
    }

    /// Takes one feature of one segment; gives the segment's whole row with the last of them.
    mutating func add(_ name: String, _ index: Int, _ values: UnsafeBufferPointer<Float>) -> [Float]? {
        guard let place = rows.places[name] else { return nil }
        row.withUnsafeMutableBufferPointer { row in
            _ = UnsafeMutableBufferPointer(rebasing: row[place]).update(fromContentsOf: values)
        }
        if name == described { mel?.add(values) }
        if let number = normalized.firstIndex(where: { $0.name == name }) {
            let added = Audio.Moments(of: values)
            totals[number].merge(added)
            let base = index * normalized.count * 2
            if moments.count == base {
                moments += [Double](repeating: 0, count: normalized.count * 2)
            }
            moments[base + number * 2] = added.mean
            moments[base + number * 2 + 1] = added.deviations
        }
        filled += 1
        guard filled == featureCount else { return nil }
        filled = 0
        return row
    }

    /// The moments of each normalised feature over all segments: `[count, mean, m2]`.
    var sums: JSONValue {
        .object(
            Dictionary(
                uniqueKeysWithValues: zip(normalized, totals).map { feature, total in
                    (
                        feature.name,
                        [JSONValue(total.count), .number(total.mean), .number(total.deviations)]
                    )
                }))
    }
}

extension [FeatureParameters] {
    /// The feature that landmarks are taken from: the linear mel of `mel` or `mfcc`, which statistics describe too, or
    /// else the constant-Q transform.
    var described: FeatureParameters? {
        first { $0.name == "mel" } ?? first { $0.name == "mfcc" } ?? first { $0.name == "cqt" }
    }
}

/// The facts that `spectrum` records, as far as a build needs them.
struct SpectrumFacts: Sendable {
    var segments = 0
    var samples = 0
    var levels = AudioLevels(
        rms: nil, integratedLoudness: nil, truePeak: nil, isSilent: false, frames: 0, sampleRate: 0)
    /// Each normalised feature's moments at unity gain, over all segments.
    var moments: [String: Audio.Moments] = [:]

    /// Reads them alone out of a record; nothing of one that holds something else.
    init(_ record: ActionRecord) {
        var found = self
        var (rms, lufs, peak, isSilent): (Double?, Double?, Double?, Bool) = (nil, nil, nil, false)
        var (frames, rate) = (0, 0)
        try? record.readFacts { (reader) throws(JSONError) in
            try reader.members { (reader, name) throws(JSONError) in
                switch name {
                case "segments": found.segments = try reader.integer()
                case "samples": found.samples = try reader.integer()
                case "frames": frames = try reader.integer()
                case "rate": rate = try reader.integer()
                case "rms": rms = try reader.value().double
                case "lufs": lufs = try reader.value().double
                case "true_peak": peak = try reader.value().double
                case "silent": isSilent = try reader.value().bool ?? false
                case "moments":
                    try reader.members { (reader, name) throws(JSONError) in
                        let parts = try reader.value().array ?? []
                        guard parts.count == 3, let count = parts[0].integer, let mean = parts[1].double,
                            let deviations = parts[2].double
                        else { return }
                        found.moments[name] = Audio.Moments(count: count, mean: mean, deviations: deviations)
                    }
                default: try reader.skip()
                }
            }
        }
        found.levels = AudioLevels(
            rms: rms, integratedLoudness: lufs, truePeak: peak, isSilent: isSilent, frames: frames,
            sampleRate: rate)
        self = found
    }
}

extension AudioFacts {
    /// The numbers of all segments, a column each; those of the spectrum only if a spectral feature was computed.
    fileprivate var numberColumns: [(name: String, values: [Float])] {
        let numbers = segments.compactMap(\.numbers)
        let spectra = numbers.compactMap(\.spectrum)
        let samples = [
            ("loudness", numbers.map(\.loudness)), ("silence", numbers.map(\.silence)),
            ("zero_crossings", numbers.map(\.zeroCrossings)),
        ]
        guard spectra.count == numbers.count else { return samples }
        return samples + [
            ("centroid", spectra.map(\.centroid)), ("rolloff", spectra.map(\.rolloff)),
            ("flux", spectra.map(\.flux)),
        ]
    }

    /// The facts that an action's record keeps, and that `inspect` shows: rates in Hz, levels in dB, `null` where there is none.
    var members: [String: JSONValue] {
        func level(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        return [
            "format": .string(format), "encoding": .string(encoding), "rate": JSONValue(nativeSampleRate),
            "channels": JSONValue(channels), "frames": JSONValue(frames), "samples": JSONValue(samples),
            "segments": JSONValue(segments.count), "lufs": level(integratedLoudness),
            "lra": level(loudnessRange),
            "true_peak": level(truePeak), "peak": level(samplePeak), "rms": level(rms),
            "silent": .bool(isSilent),
            "clipped": JSONValue(clippedSamples),
        ]
    }
}

/// Extractors that no thread is using; each keeps its buffers and plans from file to file.
private final class ExtractorPool: Sendable {
    /// Lets an extractor wander from thread to thread: only one has it at a time.
    private struct Parked: @unchecked Sendable { let extractor: FeatureExtractor }

    private let parked = Mutex<[Parked]>([])

    func take() -> FeatureExtractor? { parked.withLock { $0.popLast() }?.extractor }

    func put(_ extractor: FeatureExtractor) {
        let parking = Parked(extractor: extractor)
        parked.withLock { $0.append(parking) }
    }
}
