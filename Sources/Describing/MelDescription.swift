import Audio
public import Files
import Tensors

/// What statistics want to know of one source's mel spectrum, before any gain: each band's mean and deviation.
///
/// Over all frames of all segments, padding included, as the shards have them.
public struct MelDescription: Sendable, Hashable {
    /// Each band's mean power and deviation.
    public var profile = MelProfile()
    /// How it repeats.
    public var autocorrelation = Autocorrelation()
    /// The smallest hashes of its landmarks: what copies of a recording are looked up by.
    public var sketch: [UInt32] = []

    /// The number of the highest band whose mean power lies within 80 dB of the strongest band's; nil for silence.
    public var highestBand: Int? {
        let mean = profile.mean
        guard let greatest = mean.max(), greatest > 0 else { return nil }
        return mean.lastIndex { $0 > greatest * 1e-8 }
    }

    /// Of nothing.
    init() {}

    /// Six digits are enough for a picture, and short.
    fileprivate static func rounded(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return 0 }
        var (scaled, exponent) = (value.magnitude, 0)
        while scaled >= 1e6 { (scaled, exponent) = (scaled / 10, exponent + 1) }
        while scaled < 1e5 { (scaled, exponent) = (scaled * 10, exponent - 1) }
        return Double("\(value < 0 ? "-" : "")\(Int(scaled.rounded()))e\(exponent)") ?? value
    }

    /// The description as a record keeps it.
    public var json: JSONValue {
        [
            "frames": JSONValue(profile.frames), "mean": .array(profile.mean.map { .number($0) }),
            "deviation": .array(profile.deviation.map { .number($0) }),
            "autocorrelation": autocorrelation.json, "sketch": .string(Shingles.text(sketch)),
        ]
    }

    /// Reads what a record keeps; nil if it keeps something else.
    public init?(json: JSONValue) {
        guard let frames = json["frames"]?.integer, let mean = json["mean"]?.array?.compactMap(\.double),
            let deviation = json["deviation"]?.array?.compactMap(\.double), mean.count == deviation.count
        else { return nil }
        profile = MelProfile(frames: frames, mean: mean, deviation: deviation)
        sketch = json["sketch"]?.string.flatMap { Shingles.sketch($0) } ?? []
        // Silence has none.
        autocorrelation =
            Autocorrelation(json: json["autocorrelation"], frames: frames) ?? Autocorrelation()
    }
}

/// Adds up a mel's description, segment by segment, while the mel is made.
public struct MelSums {
    private let bands: Int
    private let frames: Int
    private var moments: [Audio.Moments]
    private var autocorrelation: AutocorrelationSums
    /// Whether only landmarks are wanted, of the squares of what is added.
    private let isConstantQ: Bool
    /// The peaks of all segments so far.
    public private(set) var landmarks = Landmarks()

    /// Of no segment yet.
    ///
    /// - Parameters:
    ///   - bands: Rows of a segment.
    ///   - frames: Columns.
    ///   - isConstantQ: Whether the segments are magnitudes of a constant-Q transform. Its landmarks take the place of a
    ///     mel's; nothing else is kept.
    public init(bands: Int, frames: Int, isConstantQ: Bool = false) {
        self.bands = bands
        self.frames = frames
        self.isConstantQ = isConstantQ
        moments = Array(repeating: Audio.Moments(), count: bands)
        autocorrelation = AutocorrelationSums(bands: bands, frames: frames)
    }

    /// Adds a segment, [bands, frames].
    public mutating func add(_ segment: UnsafeBufferPointer<Float>) {
        guard !isConstantQ else {
            segment.map { $0 * $0 }.withUnsafeBufferPointer {
                landmarks.add($0, bands: bands, frames: frames)
            }
            return
        }
        autocorrelation.add(segment)
        landmarks.add(segment, bands: bands, frames: frames)
        for (band, added) in Audio.Moments.ofRows(bands, segment).enumerated() { moments[band].merge(added) }
    }

    /// What came of it; of nothing before the first segment.
    public var description: MelDescription {
        var description = MelDescription()
        description.sketch = Array(landmarks.hashes.prefix(Shingles.sketchCount))
        guard moments[0].count > 0 else { return description }
        description.profile = MelProfile(
            frames: moments[0].count, mean: moments.map { MelDescription.rounded($0.mean) },
            deviation: moments.map { MelDescription.rounded($0.standardDeviation) })
        description.autocorrelation = autocorrelation.result
        return description
    }
}
