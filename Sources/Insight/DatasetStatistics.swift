public import Build
public import Dataset

/// What is in a dataset, counted over some of its sources.
public struct Tally: Sendable {
    /// Entries.
    public var sources = 0
    /// Works.
    public var pieces = 0
    /// Segments in all splits, or in the split that is counted.
    public var segments = 0
    /// Seconds of music, from the first to the last event of a MIDI file, or of the audio.
    public var seconds = 0.0
    /// Notes as their files have them.
    public var notes = 0
    /// Notes of drums among them.
    public var drums = 0

    var json: JSONValue {
        [
            "sources": JSONValue(sources), "pieces": JSONValue(pieces), "segments": JSONValue(segments),
            "hours": .number((seconds / 3600 * 1e6).rounded() / 1e6), "notes": JSONValue(notes),
            "drums": JSONValue(drums),
        ]
    }
}

/// A dataset's statistics, read from the records of its sources; no shard is opened.
public struct DatasetStatistics: Sendable {
    /// The dataset's name.
    public let dataset: String
    /// The snapshot.
    public let snapshot: Digest
    /// Everything.
    public let total: Tally
    /// By split; where single segments were dealt, sources and pieces count in each split they reach.
    public let splits: [Split: Tally]
    /// By label, then by value; "" is unknown.
    public let labels: [String: [String: Tally]]
    /// Shards, and their size in bytes.
    public let shards: (count: Int, bytes: Int)
    /// Of MIDI sources; nil if there are none.
    public let midi: MIDI?
    /// Of audio sources; nil if there are none.
    public let audio: Audio?
    /// Sources whose bytes could not be used, by code.
    public let quarantine: [String: Int]
    /// Sources that were read leniently, by code.
    public let warnings: [String: Int]

    /// What MIDI sources hold.
    public struct MIDI: Sendable {
        /// Their tempi in beats a minute, from the slowest to the fastest.
        public var bpm: ClosedRange<Double>?
        /// Their pitches, drums left out.
        public var pitches: ClosedRange<Int>?
        /// Sources that use each program, 0 to 127; 128 is drums.
        public var programs: [Int: Int] = [:]
    }

    /// What audio sources hold.
    public struct Audio: Sendable {
        /// Sources of each sample rate in Hz.
        public var rates: [Int: Int] = [:]
        /// Sources of each number of channels.
        public var channels: [Int: Int] = [:]
        /// Sources of each container and encoding.
        public var formats: [String: Int] = [:]
        /// Integrated loudness in LUFS, from the softest to the loudest.
        public var loudness: ClosedRange<Double>?
        /// The gains applied in dB.
        public var gain: ClosedRange<Double>?
        /// Silent sources.
        public var silent = 0
        /// Sources with clipped samples.
        public var clipped = 0
    }

    /// Counts.
    ///
    /// - Throws: `BuildError` if records cannot be read.
    public init(_ reader: DatasetReader) throws {
        let snapshot = reader.snapshot
        let records = try reader.records()
        dataset = snapshot.dataset
        self.snapshot = reader.digest
        let shards = Split.allCases.flatMap { snapshot.shards[$0] ?? [] }
        self.shards = (shards.count, shards.reduce(0) { $0 + $1.bytes })
        total = Self.tally(records)
        var splits: [Split: Tally] = [:]
        for split in Split.allCases {
            var tally = Self.tally(records.filter { $0.source.split == split || $0.source.split == nil })
            tally.segments = snapshot.segmentCount(split)
            splits[split] = tally
        }
        self.splits = splits
        var labels: [String: [String: Tally]] = [:]
        for name in snapshot.vocabularies.keys {
            labels[name] = Dictionary(grouping: records) { $0.source.labels[name] ?? "" }.mapValues(
                Self.tally)
        }
        self.labels = labels
        midi = Self.midi(records.filter { $0.source.kind == .midi })
        audio = Self.audio(records.filter { $0.source.kind == .audio })
        quarantine = Dictionary(grouping: snapshot.quarantine, by: \.code).mapValues(\.count)
        var warnings: [String: Int] = [:]
        for source in snapshot.sources {
            let codes = Set(source.warnings.map { String($0.prefix { $0 != ":" }) })
            for code in codes { warnings[code, default: 0] += 1 }
        }
        self.warnings = warnings
    }

    private static func tally(_ records: [SourceRecord]) -> Tally {
        var tally = Tally()
        tally.sources = records.count
        tally.pieces = Set(records.map(\.source.piece)).count
        for record in records {
            tally.segments += record.source.segments
            tally.seconds += seconds(record.facts)
            tally.notes += record.facts["notes"]?.integer ?? 0
            tally.drums += record.facts["drums"]?.integer ?? 0
        }
        return tally
    }

    private static func seconds(_ facts: JSONValue) -> Double {
        if let seconds = facts["seconds"]?.double { return seconds }
        guard let frames = facts["frames"]?.double, let rate = facts["rate"]?.double, rate > 0 else {
            return 0
        }
        return frames / rate
    }

    private static func midi(_ records: [SourceRecord]) -> MIDI? {
        guard !records.isEmpty else { return nil }
        var midi = MIDI()
        for record in records {
            if let bpm = record.facts["bpm"]?.array?.compactMap(\.double), bpm.count == 2 {
                midi.bpm = widened(midi.bpm, by: bpm[0]...bpm[1])
            }
            if let pitches = record.facts["pitches"]?.array?.compactMap(\.integer), pitches.count == 2 {
                midi.pitches = widened(midi.pitches, by: pitches[0]...pitches[1])
            }
            for program in record.facts["programs"]?.array?.compactMap(\.integer) ?? [] {
                midi.programs[program, default: 0] += 1
            }
        }
        return midi
    }

    private static func audio(_ records: [SourceRecord]) -> Audio? {
        guard !records.isEmpty else { return nil }
        var audio = Audio()
        for record in records {
            let facts = record.facts
            if let rate = facts["rate"]?.integer { audio.rates[rate, default: 0] += 1 }
            if let channels = facts["channels"]?.integer { audio.channels[channels, default: 0] += 1 }
            if let format = facts["format"]?.string, let encoding = facts["encoding"]?.string {
                audio.formats["\(format), \(encoding)", default: 0] += 1
            }
            if let lufs = facts["lufs"]?.double { audio.loudness = widened(audio.loudness, by: lufs...lufs) }
            if let gain = record.source.gainDB { audio.gain = widened(audio.gain, by: gain...gain) }
            if facts["silent"]?.bool == true { audio.silent += 1 }
            if (facts["clipped"]?.integer ?? 0) > 0 { audio.clipped += 1 }
        }
        return audio
    }

    private static func widened<Value>(_ range: ClosedRange<Value>?, by other: ClosedRange<Value>)
        -> ClosedRange<Value>
    {
        guard let range else { return other }
        return min(range.lowerBound, other.lowerBound)...max(range.upperBound, other.upperBound)
    }
}

extension DatasetStatistics {
    /// The object that `stats --json` prints.
    public var json: JSONValue {
        func counts<Key: CustomStringConvertible>(_ counts: [Key: Int]) -> JSONValue {
            .object(
                Dictionary(uniqueKeysWithValues: counts.map { ($0.key.description, JSONValue($0.value)) }))
        }
        func range(_ range: ClosedRange<Double>?) -> JSONValue {
            range.map { [.number($0.lowerBound), .number($0.upperBound)] } ?? .null
        }
        var members: [String: JSONValue] = [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot), "total": total.json,
            "splits": .object(
                Dictionary(uniqueKeysWithValues: splits.map { ($0.key.rawValue, $0.value.json) })),
            "labels": .object(labels.mapValues { .object($0.mapValues(\.json)) }),
            "shards": ["count": JSONValue(shards.count), "bytes": JSONValue(shards.bytes)],
            "quarantine": counts(quarantine), "warnings": counts(warnings),
        ]
        if let midi {
            members["midi"] = [
                "bpm": range(midi.bpm),
                "pitches": midi.pitches.map { [JSONValue($0.lowerBound), JSONValue($0.upperBound)] } ?? .null,
                "programs": counts(midi.programs),
            ]
        }
        if let audio {
            members["audio"] = [
                "rates": counts(audio.rates), "channels": counts(audio.channels),
                "formats": counts(audio.formats),
                "lufs": range(audio.loudness), "gain_db": range(audio.gain),
                "silent": JSONValue(audio.silent),
                "clipped": JSONValue(audio.clipped),
            ]
        }
        return .object(members)
    }
}
