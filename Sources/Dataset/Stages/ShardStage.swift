import Audio
import Build
import Files
import Loading
import Manifest
import Storage
import Tensors

/// One entry's segments on their way into a shard.
struct ShardPart: Sendable {
    let source: BuiltSource
    let segments: [Range<Int>]
    /// The gain in dB and as a factor of amplitude; nil for MIDI.
    let gain: LoudnessTarget.Gain?
    let labels: [String: String]
    let piece: Digest
    let path: String
    /// The other half of a pair: its features at the same instants.
    var recording: Recording?

    /// A recording of a part's score.
    struct Recording: Sendable {
        let source: BuiltSource
        let gain: LoudnessTarget.Gain?
        let path: String
        /// The output of the source's stage, where it is in memory alone.
        var file: TensorFile?
    }

    /// Whether the stages of all its sources have run.
    var isKnown: Bool { source.isKnown && recording?.source.isKnown != false }

    /// What its features are of: the recording of a pair, as a part of its own; else itself.
    var sound: ShardPart {
        guard let recording else { return self }
        return ShardPart(
            source: recording.source, segments: segments, gain: recording.gain, labels: labels, piece: piece,
            path: recording.path, file: recording.file)
    }
    /// The output of the source's stage, where it is in memory alone.
    var file: TensorFile?

    var count: Int { segments.reduce(0) { $0 + $1.count } }
}

/// A bucket's segments → shard.
struct ShardStage: Sendable {
    let manifest: Manifest
    let audio: AudioParameters?
    /// The statistics that features are normalised by.
    let statistics: Statistics
    private let rows: FeatureRows?

    init(_ manifest: Manifest, _ statistics: Statistics) {
        self.manifest = manifest
        self.statistics = statistics
        audio = manifest.audio.map { AudioParameters($0) }
        rows = audio.map { FeatureRows($0) }
    }

    static func json(_ segments: [Range<Int>]) -> JSONValue {
        .array(segments.map { [JSONValue($0.lowerBound), JSONValue($0.upperBound)] })
    }

    /// The bytes that an entry's segments take in a shard, for dividing into buckets: its rows in all columns.
    func byteCount(_ part: ShardPart) -> Int {
        let perSegment = 22
        var bytes = part.count * perSegment
        if part.source.kind == .midi {
            let steps = manifest.midi?.steps ?? 0
            let share = part.source.segments == 0 ? 0 : Double(part.count) / Double(part.source.segments)
            let rows = part.source.rows.notes * 9 + part.source.rows.controls * 5
            bytes += part.count * (16 + 7 * steps) + Int(Double(rows) * share)
        }
        guard let audio, part.source.kind == .audio || part.recording != nil else { return bytes }
        if part.recording != nil { bytes += part.count * (12 + 2 * frameStepCount) }
        return bytes
            + part.count
            * audio.features.reduce(0) { sum, feature in
                sum + feature.finalShape(in: audio).reduce(elementType(feature).byteCount, *)
            }
    }

    /// The frames of a paired segment whose steps are stored: 0 where steps are frames.
    private var frameStepCount: Int { manifest.midi?.followsFrames == true ? 0 : audio?.frameCount ?? 0 }

    func elementType(_ feature: FeatureParameters) -> ElementType {
        manifest.audio?.elementType == .float16 ? .f16 : .f32
    }

    /// The lists of a shard's entries, 256 at most each.
    func lists(
        _ parts: [ShardPart], of subject: String, under prefix: String, isComplete: Bool, isCertain: Bool
    ) -> [InputList] {
        InputList.divide(
            parts.map(item), of: subject, under: prefix, isComplete: isComplete, isCertain: isCertain)
    }

    /// What the shard takes of an entry.
    private func item(_ part: ShardPart) -> InputList.Item {
        var members: [String: JSONValue] = [
            "source": JSONValue(part.source.sha256),
            "object": part.source.object.map { JSONValue($0.digest) } ?? .null,
            "labels": LabelText.json(part.labels),
        ]
        if part.segments != [0..<part.source.segments] { members["segments"] = Self.json(part.segments) }
        members["gain_db"] = part.sound.gain.map { .number($0.decibels) }
        var inputs = [(name: part.source.sha256.short, digest: part.source.object?.digest)]
        if let recording = part.recording {
            members["recording"] = JSONValue(recording.source.sha256)
            members["recording_object"] = recording.source.object.map { JSONValue($0.digest) } ?? .null
            inputs.append((recording.source.sha256.short, recording.source.object?.digest))
        }
        return InputList.Item(id: part.piece, value: members, inputs: inputs)
    }

    /// The action; it is unknown while a plan does not know all of its sources.
    func draft(
        _ kind: SegmentKind, _ parts: [ShardPart], _ lists: [InputList], bucket: String, isComplete: Bool,
        isCertain: Bool
    ) -> ActionDraft {
        // Gains and segments of a source are not known before its stage has run.
        let isKnown = isComplete && parts.allSatisfy(\.isKnown)
        let parameters = parameters(kind)
        let statistics = statisticsInput(kind)
        return ActionDraft(
            Stages.shard, parameters: isKnown ? Parameters(.object(parameters)) : nil,
            inputs: lists.map(\.input) + statistics, subject: bucket, isCertain: isCertain,
            detail: {
                let items = parts.map(item)
                let described = parameters.merging(InputList.described(items)) { first, _ in first }
                return ActionDraft.Detail(
                    parameters: isKnown ? Parameters(.object(described)) : nil,
                    inputs: items.flatMap(\.inputs) + statistics)
            })
    }

    /// What decides how entries become a shard, beside the entries.
    private func parameters(_ kind: SegmentKind) -> [String: JSONValue] {
        var parameters: [String: JSONValue] = ["kind": .string(kind.rawValue)]
        if kind != .audio { parameters["steps"] = JSONValue(manifest.midi?.steps ?? 0) }
        if kind != .midi {
            guard let block = manifest.audio else { preconditionFailure("audio without its block") }
            parameters["cut"] = ["samples": JSONValue(block.samples), "hop": JSONValue(block.hop)]
            parameters["normalize"] = block.normalize.effective
            parameters["dtype"] = .string(block.elementType.rawValue)
            parameters["mfcc"] = block.features.mfcc?.effective
        }
        if kind == .paired { parameters["frame_steps"] = JSONValue(frameStepCount) }
        return parameters
    }

    private func statisticsInput(_ kind: SegmentKind) -> [(name: String, digest: Digest?)] {
        guard kind != .midi else { return [] }
        return switch statistics {
        case .unwanted: []
        case .object(let object): [("statistics", object.digest)]
        case .unknown: [("statistics", nil)]
        }
    }

    /// The label whose values are normalised apart, if any.
    private var label: String? {
        guard case .label(let name) = manifest.audio?.normalize.per else { return nil }
        return name
    }

    func run(
        _ context: ActionContext, _ kind: SegmentKind, _ parts: [ShardPart], cache: Cache, _ readers: Workers
    ) throws {
        let writer = try context.makeOutput("shard", for: .readers)
        var halves: [String: HalfConverter] = [:]
        try write(
            kind, parts, cache: cache, readers, halves: &halves, check: { try context.checkCancellation() }
        ) { try writer.write($0, at: $1) }
        if !halves.isEmpty { context.facts = HalfLosses.facts(halves) }
    }

    /// The stage as a function of its parts: a shard's bytes, each at its place.
    ///
    /// - Parameters:
    ///   - kind: What the parts hold.
    ///   - parts: The segments.
    ///   - cache: Holds the parts that are not in memory, and the statistics.
    ///   - readers: Open parts side by side.
    ///   - halves: What binary16 made of each feature.
    ///   - check: Throws when the work is to stop.
    ///   - output: Takes the bytes.
    /// - Throws: `features.no-statistics`, `features.float16-range`; what reading, `check` and `output` throw.
    func write(
        _ kind: SegmentKind, _ parts: [ShardPart], cache: Cache, _ readers: Workers,
        halves: inout [String: HalfConverter], check: () throws -> Void = {},
        to output: @escaping ColumnWriter.Output
    ) throws {
        let contents = ShardContents(parts)
        let (holdsNotes, holdsFeatures) = (kind != .audio, kind != .midi)
        var items = contents.items
        if holdsNotes {
            items += RollShard.items(
                count: contents.count, rows: try rowCounts(parts, cache), steps: manifest.midi?.steps ?? 0)
        }
        if holdsFeatures { items += featureItems(contents.count) }
        if kind == .paired {
            items.append(.init("segment.audio", .i32, [contents.count]))
            items.append(.init("segment.audio_start", .i64, [contents.count]))
            if frameStepCount > 0 {
                items.append(.init("frame.step", .u16, [contents.count, frameStepCount]))
            }
        }
        let columns = try ColumnWriter(
            TensorFileLayout(items, metadata: contents.metadata), to: output)
        if holdsNotes { try packRolls(parts, columns, cache, readers, check) }
        if holdsFeatures { try packFeatures(parts.map(\.sound), columns, cache, &halves, check) }
        switch kind {
        case .midi: break
        case .audio: try appendPlaces(parts, columns)
        case .paired:
            let hop = manifest.audio?.hop ?? 0
            try columns.append(contents.recordingSources, to: "segment.audio")
            for part in parts {
                try columns.append(
                    part.segments.joined().map { Int64($0 * hop) }, to: "segment.audio_start")
            }
        }
        try columns.append(contents.sources, to: "segment.source")
        try columns.finish()
    }

    /// The first parts, whose objects are opened together: not so many that they fill the memory.
    private static func group(_ parts: ArraySlice<ShardPart>) -> [ShardPart] {
        var bytes = 0
        return Array(
            parts.prefix(256).prefix { part in
                let isRoom = bytes < 2 << 20
                bytes += part.source.object?.size ?? 0
                return isRoom
            })
    }

    private func rowCounts(_ parts: [ShardPart], _ cache: Cache) throws -> RollShard.RowCounts {
        var rows = RollShard.RowCounts()
        for part in parts {
            var own = part.source.rows
            if part.segments != [0..<part.source.segments] {
                own = try withObject(part, cache) { file in
                    try RollShard.rowCounts(of: part.segments, in: file)
                }
            }
            rows.notes += own.notes
            rows.controls += own.controls
        }
        return rows
    }

    private func packRolls(
        _ parts: [ShardPart], _ columns: ColumnWriter, _ cache: Cache, _ readers: Workers,
        _ check: () throws -> Void
    ) throws {
        var cursor = RollShard.Cursor()
        var rest = parts[...]
        while !rest.isEmpty {
            try check()
            let group = Self.group(rest)
            rest = rest.dropFirst(group.count)
            let files = try readers.map(group) { (part) throws(BuildError) in
                // Kept until its turn comes, so that the first unreadable part in order is reported.
                Result { try withObject(part, cache) { $0 } }
            }
            for (part, file) in zip(group, files) {
                try RollShard.append(
                    part.segments, of: file.get(), to: columns, &cursor,
                    withFrameSteps: part.recording != nil && frameStepCount > 0)
            }
        }
        try columns.append([cursor.notes], to: "notes.offset")
        try columns.append([cursor.controls], to: "controls.offset")
    }

    private func featureItems(_ count: Int) -> [TensorFileLayout.Item] {
        guard let audio else { preconditionFailure("audio without its block") }
        return audio.features.map { feature in
            TensorFileLayout.Item(
                feature.name, elementType(feature), [count] + feature.finalShape(in: audio))
        }
    }

    /// Where the segments of recordings are in them.
    private func appendPlaces(_ parts: [ShardPart], _ columns: ColumnWriter) throws {
        guard let block = manifest.audio else { preconditionFailure("audio without its block") }
        for part in parts {
            for index in part.segments.joined() {
                let start = index * block.hop
                try columns.append([Int16(0)], to: "segment.timeline")
                try columns.append([Int64(start)], to: "segment.start")
                try columns.append(
                    [Int64(min(block.samples, part.source.samples - start))], to: "segment.length")
            }
        }
    }

    private func packFeatures(
        _ parts: [ShardPart], _ columns: ColumnWriter, _ cache: Cache,
        _ halves: inout [String: HalfConverter], _ check: () throws -> Void
    ) throws {
        guard let block = manifest.audio, let audio, let rows else {
            preconditionFailure("audio without its block")
        }
        let file = try statistics.object.map {
            try StatisticsFile(decoding: TensorFile(bytes: cache.bytes(of: $0.digest)))
        }
        for part in parts {
            let value = label.map { part.labels[$0] ?? "" } ?? ""
            for feature in audio.features {
                try file?.check(feature, value, label: label, of: part.path, in: audio)
                let finisher = FeatureFinisher(
                    audio: audio, rows: rows, feature: feature, normalize: block.normalize,
                    gain: part.gain?.amplitude ?? 1,
                    statistics: file?.values[value]?[feature.name])
                var half = halves[feature.name] ?? HalfConverter()
                try withObject(part, cache) { file in
                    for index in part.segments.joined() {
                        try check()
                        let segment = try finisher.finish(file, index)
                        if elementType(feature) == .f16 {
                            half.convert(segment)
                            try columns.append(half.halves, to: feature.name)
                        } else {
                            try columns.append(UnsafeBufferPointer(segment), to: feature.name)
                        }
                    }
                }
                if elementType(feature) == .f16 {
                    try half.check(feature.name, of: part.path)
                    halves[feature.name] = half
                }
            }
        }
    }

    private func withObject<Result>(
        _ part: ShardPart, _ cache: Cache, _ body: (TensorFile) throws -> Result
    ) throws -> Result {
        if let file = part.file { return try body(file) }
        guard let object = part.source.object else {
            preconditionFailure("the stage of \(part.path) has not run")
        }
        return try cache.withContents(of: object.digest, size: object.size) { try body(TensorFile($0)) }
    }
}

/// Brings single segments of one source's feature to their final form, in memory of its own.
private final class FeatureFinisher {
    private let rows: FeatureRows
    private let feature: FeatureParameters
    private let normalizer: Normalizer
    private let gain: Double
    private let statistics: FeatureStatistics?
    private let cepstrum: Cepstrum?
    private let stored: UnsafeMutableBufferPointer<Float>
    private let derived: UnsafeMutableBufferPointer<Float>

    init(
        audio: AudioParameters, rows: FeatureRows, feature: FeatureParameters,
        normalize: Manifest.Audio.Normalize, gain: Double, statistics: FeatureStatistics?
    ) {
        self.rows = rows
        self.feature = feature
        self.gain = gain
        self.statistics = statistics
        normalizer = Normalizer(manifest: normalize, feature: feature)
        if case .mfcc(let mfcc) = feature { cepstrum = Cepstrum(mfcc) } else { cepstrum = nil }
        stored = .allocate(capacity: feature.extractedShape(in: audio).reduce(1, *))
        derived = .allocate(capacity: cepstrum == nil ? 0 : feature.finalShape(in: audio).reduce(1, *))
    }

    deinit {
        stored.deallocate()
        derived.deallocate()
    }

    /// The segment's final values; the memory is lent until the next call.
    func finish(_ file: TensorFile, _ index: Int) throws -> UnsafeMutableBufferPointer<Float> {
        try file.read(
            FeatureRows.tensor, rows.elements(of: feature.name, segment: index), into: stored)
        if Normalizer.concerns(feature) {
            normalizer.apply(stored, gain: gain, statistics)
            return stored
        }
        FeatureMath.scale(stored, gain: gain, degree: feature.gainDegree)
        guard let cepstrum else { return stored }
        cepstrum.compute(mel: stored, into: derived)
        return derived
    }
}
