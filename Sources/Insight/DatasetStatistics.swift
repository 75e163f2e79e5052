import Dataset
public import Describing
public import Files
public import Loading
import Manifest

/// A dataset's statistics, read from the records of its sources; no shard is opened.
public struct DatasetStatistics: Sendable {
    /// The dataset's name.
    public let dataset: String
    /// The snapshot.
    public let snapshot: Digest
    /// Everything.
    public let total: Tally
    /// By split; if the unit of splits is a segment, sources and pieces count in each split they reach.
    public let splits: [Split: Tally]
    /// By label, then by value; "" is unknown.
    public let labels: [String: [String: Tally]]
    /// Shards, and their size in bytes.
    public let shards: (count: Int, bytes: Int)
    /// The train split's mel as it is in the shards, by label value where each was normalised alone, else under "".
    public let melAfter: [String: MelProfile]
    /// The frequencies of the mel's bands in Hz; nil without a mel.
    public let melFrequencies: [Double]?
    /// The seconds from frame to frame of the mel; nil without one.
    public let melHopSeconds: Double?
    /// Sources that could not be used, by code; as the last build counted them if it made this snapshot.
    public let quarantine: [String: Int]
    /// Whether segments have a chromagram, whose tuning is fixed at A4 = 440 Hz.
    public let hasChroma: Bool
    /// Sources that were read with warnings, by code.
    public let warnings: [String: Int]
    /// Problems, worst first.
    public let problems: [Problem]

    /// Counts.
    ///
    /// - Throws: `BuildError` if records cannot be read.
    public init(_ reader: DatasetReader) throws {
        try self.init(reader, partCount: DatasetReader.partCount)
    }

    /// Counts, with the records of so many sources at a time in memory.
    init(_ reader: DatasetReader, partCount: Int) throws {
        let snapshot = reader.snapshot
        let manifest = try reader.manifest()
        let frequencies = manifest.audio?.frequencies(ofFeature: "mel")
        dataset = snapshot.dataset
        hasChroma = manifest.audio?.features.chroma == true
        self.snapshot = reader.digest
        let shards = Split.allCases.flatMap { snapshot.shards[$0] ?? [] }
        self.shards = (shards.count, shards.reduce(0) { $0 + $1.bytes })
        var total = Tally()
        var splits: [Split: Tally] = [:]
        var labels: [String: [String: Tally]] = snapshot.vocabularies.mapValues { _ in [:] }
        var sketches = DuplicateSketches()
        var findings = SourceFindings(manifest, frequencies: frequencies)
        try reader.forEachPart(
            of: partCount,
            finding: { MeasuredSource($0, frequencies: frequencies) },
            taking: { part in
                for source in part {
                    let entry = source.record.source
                    total.add(source)
                    for split in entry.split.map({ [$0] }) ?? Split.allCases {
                        splits[split, default: Tally()].add(source)
                    }
                    for name in snapshot.vocabularies.keys {
                        for value in LabelText.values(entry.labels[name]) {
                            labels[name]?[value, default: Tally()].add(source)
                        }
                    }
                    sketches.add(source.record)
                    findings.add(source)
                }
            })
        for split in Split.allCases {
            splits[split, default: Tally()].segments = snapshot.segmentCount(split)
        }
        self.total = total
        self.splits = splits
        self.labels = labels
        melFrequencies = frequencies
        melHopSeconds =
            frequencies == nil
            ? nil : manifest.audio.map { Double($0.frameHop) / Double($0.sampleRate) }
        melAfter = try reader.normalizedMel()
        let quarantined = Quarantined.all(of: reader)
        quarantine = Dictionary(grouping: quarantined, by: \.code).mapValues(\.count)
        var warnings: [String: Int] = [:]
        for source in snapshot.sources {
            let codes = Set(source.warnings.map { String($0.prefix { $0 != ":" }) })
            for code in codes { warnings[code, default: 0] += 1 }
        }
        self.warnings = warnings
        problems = try Problem.found(
            in: snapshot, manifest, findings, quarantined, pairs: try reader.nearDuplicates(sketches))
    }

    /// The object that `stats --json` prints.
    public var json: JSONValue {
        func counts(_ counts: [String: Int]) -> JSONValue { .object(counts.mapValues { JSONValue($0) }) }
        var members: [String: JSONValue] = [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot), "total": total.json,
            "splits": .object(
                Dictionary(uniqueKeysWithValues: splits.map { ($0.key.rawValue, $0.value.json) })),
            "labels": .object(labels.mapValues { .object($0.mapValues(\.json)) }),
            "shards": ["count": JSONValue(shards.count), "bytes": JSONValue(shards.bytes)],
            "quarantine": counts(quarantine), "warnings": counts(warnings),
            "problems": .array(problems.map(\.json)),
        ]
        if total.midi.sources > 0 { members["midi"] = total.midi.json }
        if total.audio.sources > 0 { members["audio"] = total.audio.json }
        if let melFrequencies { members["mel_frequencies"] = .array(melFrequencies.map { .number($0) }) }
        if let melHopSeconds { members["mel_hop_seconds"] = .number(melHopSeconds) }
        if hasChroma { members["chroma_tuning_hz"] = 440 }
        if !melAfter.isEmpty { members["mel_after"] = .object(melAfter.mapValues(\.json)) }
        return .object(members)
    }
}
