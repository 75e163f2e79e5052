import Dataset
import Files
import Loading
import Manifest
import Pictures

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A feature of a segment, or of a whole source, as pages draw it: rows of numbers on one axis of time.
public struct SeenFeature: Sendable {
    let name: String
    let rows: Int
    let columns: Int
    /// [rows, columns], row 0 the lowest; of a waveform the greatest and the least sample of each column.
    let values: [Float]
    /// What each row stands for in Hz; nil where rows are not frequencies.
    let frequencies: [Double]?
    /// Whether the values are decibels.
    let isInDecibels: Bool
    /// The values that get the first and the last colour.
    let range: (low: Float, high: Float)

    /// The decibels below the loudest value that get colours.
    private static let dynamics: Float = 80

    /// A spectrum in decibels where it can be brought back to what it was before it was normalised, else a feature as stored.
    fileprivate init(
        _ feature: Excerpt.Feature, columns: Int, _ reader: DatasetReader, labels: [String: String]
    ) throws {
        (name, rows, self.columns) = (feature.name, feature.rows, columns)
        let audio = try reader.manifest().audio
        frequencies = audio?.frequencies(ofFeature: name)
        var label: String?
        if case .label(let name)? = audio?.normalize.per { label = labels[name] }
        if name != "waveform", frequencies != nil,
            let inverse = try? reader.denormalizer(ofFeature: name, labelValue: label)
        {
            let factor: Float = inverse.power == 1 ? 20 : 10
            // As little as librosa's decibels can tell.
            values = inverse.linear(feature.values).map { factor * log10(max($0, 1e-10)) }
            isInDecibels = true
            let greatest = values.max() ?? 0
            range = (greatest - Self.dynamics, greatest)
        } else {
            values = feature.values
            isInDecibels = false
            let scale = ValueScale(values)
            range = name == "waveform" ? (-1, 1) : (scale?.low ?? 0, scale?.high ?? 1)
        }
    }

    /// All features of an excerpt, none for notes alone.
    static func all(of excerpt: Excerpt, _ reader: DatasetReader, labels: [String: String]) throws
        -> SeenFeatures
    {
        SeenFeatures(
            secondsPerColumn: excerpt.perColumn / Double(excerpt.manifest.audio?.sampleRate ?? 1),
            features: try excerpt.features.map {
                try SeenFeature($0, columns: excerpt.columns, reader, labels: labels)
            })
    }
}

/// The features of a segment or a source, which share one axis of time.
public struct SeenFeatures: Sendable {
    /// How long a column lasts.
    let secondsPerColumn: Double
    let features: [SeenFeature]

    /// A line of JSON, then the values of all features as little-endian F32, in the order of the line.
    ///
    /// The line: `seconds` a column, and `features` with `name`, `rows`, `columns`, `frequencies` (Hz of each row, or null),
    /// `unit` (`dB` or empty), `low` and `high`, which get the first and the last colour.
    public var bytes: [UInt8] {
        let head: JSONValue = [
            "seconds": .number(secondsPerColumn),
            "features": .array(
                features.map { feature in
                    [
                        "name": .string(feature.name), "rows": JSONValue(feature.rows),
                        "columns": JSONValue(feature.columns),
                        "frequencies": feature.frequencies.map { .array($0.map { .number($0) }) } ?? .null,
                        "unit": .string(feature.isInDecibels ? "dB" : ""),
                        "low": .number(Double(feature.range.low)),
                        "high": .number(Double(feature.range.high)),
                    ]
                }),
        ]
        var bytes = head.canonicalBytes
        bytes.append(10)
        for feature in features {
            feature.values.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}

extension SegmentView {
    /// The segment's features; none for notes.
    ///
    /// - Throws: `BuildError`.
    public func features() throws -> SeenFeatures {
        try SeenFeature.all(of: excerpt, reader, labels: segment.labels)
    }
}

extension SourceView {
    /// The features of the source's segments joined, as the picture joins them.
    ///
    /// - Throws: `BuildError`, `TensorFileError`.
    public func features() throws -> SeenFeatures {
        try SeenFeature.all(of: Excerpt(parts, manifest: manifest), reader, labels: source.labels)
    }
}
