import Audio
import Build
import Loading
import Manifest
import Tensors

/// One entry's segments on their way into a shard.
struct ShardPart: Sendable {
    let source: BuiltSource
    let segments: [Range<Int>]
    /// The gain in dB and as a factor of amplitude; nil for MIDI.
    let gain: LoudnessTarget.Gain?
    let labels: [String: String]
    let path: String
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
        let perSegment = 22 + 4 * part.labels.count
        switch part.source.kind {
        case .midi:
            let steps = manifest.midi?.steps ?? 0
            let share = part.source.segments == 0 ? 0 : Double(part.count) / Double(part.source.segments)
            let rows = part.source.rows.notes * 9 + part.source.rows.controls * 5
            return part.count * (perSegment + 16 + 7 * steps) + Int(Double(rows) * share)
        case .audio:
            guard let audio else { return 0 }
            return part.count
                * audio.features.reduce(perSegment) { sum, feature in
                    sum + feature.finalShape(in: audio).reduce(elementType(feature).byteCount, *)
                }
        }
    }

    func elementType(_ feature: FeatureParameters) -> ElementType {
        manifest.audio?.elementType == .float16 ? .f16 : .f32
    }

    /// What the shard says of its segments.
    private func contents(_ parts: [ShardPart]) -> ShardContents {
        let sources = Set(parts.map(\.source.sha256)).sorted()
        let indices = Dictionary(uniqueKeysWithValues: sources.enumerated().map { ($1, Int32($0)) })
        let names = Set(parts.flatMap(\.labels.keys)).sorted(by: utf8Order)
        let labels = names.map { name in
            (name: name, vocabulary: distinctByBytes(parts.compactMap { $0.labels[name] }))
        }
        let numbers = labels.map { label in
            Dictionary(
                uniqueKeysWithValues: label.vocabulary.enumerated().map { (Array($1.utf8), Int32($0)) })
        }
        return ShardContents(
            sources: sources.map(\.hex), labels: labels,
            selections: parts.map { part in
                SegmentSelection(
                    source: indices[part.source.sha256] ?? 0,
                    labels: zip(labels, numbers).map { label, numbers in
                        part.labels[label.name].flatMap { numbers[Array($0.utf8)] } ?? -1
                    },
                    segments: part.segments)
            })
    }

    /// The action; its parameters and inputs are unknown while a plan does not know all of its sources.
    func draft(_ kind: SegmentKind, _ parts: [ShardPart], bucket: String, isComplete: Bool) -> ActionDraft {
        ActionDraft(
            Stages.shard,
            // Gains and segments of a source are not known before its stage has run.
            parameters: isComplete && parts.allSatisfy(\.source.isKnown) ? parameters(kind, parts) : nil,
            inputs: inputs(kind, parts), subject: bucket)
    }

    private func parameters(_ kind: SegmentKind, _ parts: [ShardPart]) -> Parameters {
        let contents = contents(parts)
        var parameters: [String: JSONValue] = [
            "kind": .string(kind.rawValue), "sources": .array(contents.sources.map { .string($0) }),
            "labels": .object(
                Dictionary(
                    uniqueKeysWithValues: contents.labels.map {
                        ($0.name, .array($0.vocabulary.map { .string($0) }))
                    })),
            "entries": .array(
                zip(parts, contents.selections).map { part, selection in
                    let isWhole = part.segments == [0..<part.source.segments]
                    return [
                        JSONValue(Int(selection.source)), .array(selection.labels.map { JSONValue(Int($0)) }),
                        isWhole ? .null : Self.json(part.segments),
                    ]
                }),
        ]
        switch kind {
        case .midi: parameters["steps"] = JSONValue(manifest.midi?.steps ?? 0)
        case .audio:
            guard let block = manifest.audio else { preconditionFailure("audio without its block") }
            let gains = parts.map { ($0.source.sha256.short, JSONValue.number($0.gain?.decibels ?? 0)) }
            parameters["gain_db"] = .object(Dictionary(gains) { first, _ in first })
            parameters["normalize"] = block.normalize.effective
            parameters["dtype"] = .string(block.elementType.rawValue)
            parameters["mfcc"] = block.features.mfcc?.effective
            parameters["values"] = label.map { label in .array(parts.map { .string($0.labels[label] ?? "") })
            }
        }
        return Parameters(.object(parameters))
    }

    private func inputs(_ kind: SegmentKind, _ parts: [ShardPart]) -> [(name: String, digest: Digest?)] {
        var inputs = parts.map { (name: $0.source.sha256.short, digest: $0.source.object?.digest) }
        guard kind == .audio else { return inputs }
        switch statistics {
        case .unwanted: break
        case .object(let object): inputs.append(("statistics", object.digest))
        case .unknown: inputs.append(("statistics", nil))
        }
        return inputs
    }

    /// The label whose values are normalised apart, if any.
    private var label: String? {
        guard case .label(let name) = manifest.audio?.normalize.per else { return nil }
        return name
    }

    func run(
        _ context: ActionContext, _ kind: SegmentKind, _ parts: [ShardPart], cache: Cache, _ readers: Workers
    ) throws {
        let writer = try context.makeOutput("shard")
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
        let contents = contents(parts)
        let columns: ColumnWriter
        switch kind {
        case .midi: columns = try packRolls(contents, parts, output, cache, readers, check)
        case .audio: columns = try packFeatures(contents, parts, output, cache, &halves, check)
        }
        for item in contents.items {
            if let values = contents.column(item.name) { try columns.append(values, to: item.name) }
        }
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

    private func packRolls(
        _ contents: ShardContents, _ parts: [ShardPart], _ output: @escaping ColumnWriter.Output,
        _ cache: Cache, _ readers: Workers, _ check: () throws -> Void
    ) throws -> ColumnWriter {
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
        let layout = RollShard.layout(contents, rows: rows, steps: manifest.midi?.steps ?? 0)
        let columns = try ColumnWriter(layout, to: output)
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
                try RollShard.append(part.segments, of: file.get(), to: columns, &cursor)
            }
        }
        try columns.append([cursor.notes], to: "notes.offset")
        try columns.append([cursor.controls], to: "controls.offset")
        return columns
    }

    private func packFeatures(
        _ contents: ShardContents, _ parts: [ShardPart], _ output: @escaping ColumnWriter.Output,
        _ cache: Cache, _ halves: inout [String: HalfConverter], _ check: () throws -> Void
    ) throws -> ColumnWriter {
        guard let block = manifest.audio, let audio, let rows else {
            preconditionFailure("audio without its block")
        }
        let items = audio.features.map { feature in
            TensorFileLayout.Item(
                feature.name, elementType(feature), [contents.count] + feature.finalShape(in: audio))
        }
        let columns = try ColumnWriter(
            TensorFileLayout(contents.items + items, metadata: contents.metadata), to: output)
        let file = try statistics.object.map {
            try StatisticsFile(decoding: TensorFile(bytes: cache.bytes(of: $0.digest)))
        }
        for part in parts {
            for index in part.segments.joined() {
                let start = index * block.hop
                try columns.append([Int16(0)], to: "segment.timeline")
                try columns.append([Int64(start)], to: "segment.start")
                try columns.append(
                    [Int64(min(block.samples, part.source.samples - start))], to: "segment.length")
            }
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
        return columns
    }

    private func withObject<Result>(
        _ part: ShardPart, _ cache: Cache, _ body: (TensorFile) throws -> Result
    ) throws -> Result {
        if let file = part.file { return try body(file) }
        guard let object = part.source.object else {
            preconditionFailure("the stage of \(part.path) has not run")
        }
        // A small object is read sooner than it is mapped.
        if object.size <= 1 << 15 { return try body(TensorFile(bytes: cache.bytes(of: object.digest))) }
        return try cache.withFile(of: object.digest) { try body(TensorFile(path: $0)) }
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
