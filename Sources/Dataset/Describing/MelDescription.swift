import Audio
import Build
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
    var sketch: [UInt32] = []

    /// The number of the highest band whose mean power lies within 80 dB of the strongest band's; nil for silence.
    public var highestBand: Int? {
        let mean = profile.mean
        guard let greatest = mean.max(), greatest > 0 else { return nil }
        return mean.lastIndex { $0 > greatest * 1e-8 }
    }

    /// Reads a feature's object: [segments, bands, frames].
    init(_ file: TensorFile, _ name: String) throws {
        let shape = try file.entry(name).shape
        guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else { return }
        let size = shape[1] * shape[2]
        var moments = [Audio.Moments](repeating: Audio.Moments(), count: shape[1])
        var sums = AutocorrelationSums(bands: shape[1], frames: shape[2])
        var landmarks = Landmarks()
        // A segment at a time: of a mapped hour, its pages would all stay in memory.
        let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: size)
        defer { scratch.deallocate() }
        for segment in 0..<shape[0] {
            try file.read(name, segment * size..<(segment + 1) * size, into: scratch)
            let rows = UnsafeBufferPointer(scratch)
            sums.add(rows)
            landmarks.add(rows, bands: shape[1], frames: shape[2])
            landmarks.keepLeast(Shingles.sketchCount)
            for (band, added) in Audio.Moments.ofRows(shape[1], rows).enumerated() {
                moments[band].merge(added)
            }
        }
        profile = MelProfile(
            frames: moments[0].count, mean: moments.map { Self.rounded($0.mean) },
            deviation: moments.map { Self.rounded($0.standardDeviation) })
        autocorrelation = sums.result
        sketch = Array(landmarks.hashes.prefix(Shingles.sketchCount))
    }

    /// Six digits are enough for a picture, and short.
    private static func rounded(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return 0 }
        var (scaled, exponent) = (value.magnitude, 0)
        while scaled >= 1e6 { (scaled, exponent) = (scaled / 10, exponent + 1) }
        while scaled < 1e5 { (scaled, exponent) = (scaled * 10, exponent - 1) }
        return Double("\(value < 0 ? "-" : "")\(Int(scaled.rounded()))e\(exponent)") ?? value
    }

    var json: JSONValue {
        [
            "frames": JSONValue(profile.frames), "mean": .array(profile.mean.map { .number($0) }),
            "deviation": .array(profile.deviation.map { .number($0) }),
            "autocorrelation": autocorrelation.json, "sketch": .string(Shingles.text(sketch)),
        ]
    }

    /// Reads what a record keeps; nil if it keeps something else.
    init?(json: JSONValue) {
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
