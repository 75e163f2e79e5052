import Dataset
public import Describing
public import Files
import Loading

/// What audio sources hold, added up.
public struct AudioTally: Sendable {
    /// Sources.
    public var sources = 0
    /// Sources of each sample rate in Hz.
    public var rates: [Int: Int] = [:]
    /// Sources of each number of channels.
    public var channels: [Int: Int] = [:]
    /// Sources of each container and encoding.
    public var formats: [String: Int] = [:]
    /// Silent sources.
    public var silent = 0
    /// Sources with clipped samples.
    public var clipped = 0
    /// Sources whose true peak, with the gain, is over full scale.
    public var overFullScale = 0
    /// By name, how numbers are spread over sources; `AudioTally.measures` says what each is.
    public var spreads: [String: Distribution] {
        Dictionary(uniqueKeysWithValues: zip(Self.measures.map(\.name), measured))
    }
    /// The spreads in the order of `measures`; empty before the first source.
    private var measured: [Distribution] = []
    /// The mel spectrum of the files as they are, before any gain; nothing without a mel.
    public var mel = MelProfile()
    /// How the mel spectrum repeats, as the mean over frames; of nothing without a mel.
    public var autocorrelation = Autocorrelation()

    /// The names of `spreads`, in the order in which people look at them, with what each says.
    public static let measures: [(name: String, title: String)] = [
        ("lufs", "loudness, LUFS"), ("lufs_after", "loudness with gain, LUFS"),
        ("lra", "loudness range, LU"), ("rms", "RMS, dBFS"), ("rms_after", "RMS with gain, dBFS"),
        ("true_peak", "true peak, dBTP"), ("true_peak_after", "true peak with gain, dBTP"),
        ("gain_db", "gain, dB"), ("bandwidth_hz", "bandwidth, Hz"),
    ]

    /// Counts a source.
    mutating func add(_ source: MeasuredSource) {
        let record = source.record
        let facts = record.facts
        sources += 1
        if let rate = facts["rate"]?.integer { rates[rate, default: 0] += 1 }
        if let channels = facts["channels"]?.integer { self.channels[channels, default: 0] += 1 }
        if let format = facts["format"]?.string, let encoding = facts["encoding"]?.string {
            formats["\(format), \(encoding)", default: 0] += 1
        }
        if facts["silent"]?.bool == true { silent += 1 }
        if (facts["clipped"]?.integer ?? 0) > 0 { clipped += 1 }
        let gain = record.source.gainDB
        if let peak = facts["true_peak"]?.double, peak + (gain ?? 0) > 0 { overFullScale += 1 }
        if let described = record.mel {
            mel.merge(described.profile)
            autocorrelation.merge(described.autocorrelation)
        }
        if measured.isEmpty { measured = Self.measures.map { _ in Distribution() } }
        for (measure, number) in source.numbers.enumerated() { measured[measure].add(number) }
    }

    /// The numbers of one source, in the order of `measures`; NaN for what it does not have.
    static func numbers(_ record: SourceRecord, frequencies: [Double]?) -> [Double] {
        let (facts, gain) = (record.facts, record.source.gainDB ?? .nan)
        func fact(_ name: String) -> Double { facts[name]?.double ?? .nan }
        return [
            fact("lufs"), fact("lufs") + gain, fact("lra"), fact("rms"), fact("rms") + gain,
            fact("true_peak"), fact("true_peak") + gain, gain, record.bandwidth(frequencies) ?? .nan,
        ]
    }

    /// The tally as an object.
    public var json: JSONValue {
        func counts<Key: CustomStringConvertible>(_ counts: [Key: Int]) -> JSONValue {
            .object(
                Dictionary(uniqueKeysWithValues: counts.map { ($0.key.description, JSONValue($0.value)) }))
        }
        let spreads = spreads
        func ends(_ name: String) -> JSONValue {
            guard let spread = spreads[name], spread.count > 0 else { return .null }
            return .array(spread.quantiles([0, 1]).map { .number($0) })
        }
        return [
            "sources": JSONValue(sources), "rates": counts(rates), "channels": counts(channels),
            "formats": counts(formats), "lufs": ends("lufs"), "gain_db": ends("gain_db"),
            "silent": JSONValue(silent), "clipped": JSONValue(clipped),
            "over_full_scale": JSONValue(overFullScale),
            "by_source": .object(spreads.mapValues(\.json)), "mel_before": mel.json,
            "mel_autocorrelation": autocorrelation.json,
        ]
    }
}

extension SourceRecord {
    /// The highest frequency in Hz whose mel band is within 80 dB of the strongest, on the average over the file.
    func bandwidth(_ frequencies: [Double]?) -> Double? {
        guard let frequencies, let band = mel?.highestBand, frequencies.indices.contains(band) else {
            return nil
        }
        return frequencies[band]
    }
}

extension MelProfile {
    /// The profile as an object; `null` of nothing.
    var json: JSONValue {
        guard frames > 0 else { return .null }
        return [
            "frames": JSONValue(frames), "mean": .array(mean.map { .number($0) }),
            "deviation": .array(deviation.map { .number($0) }),
        ]
    }
}
