internal import Audio
internal import Dataset
internal import Files
public import Loading

/// A part of a recording.
public struct RecordingPart: Sendable, Hashable {
    /// Where it begins, in seconds of at least 0.
    public var start: Double
    /// How long it is at most, in seconds above 0; nil: to the end.
    public var duration: Double?

    /// The whole, unless said otherwise.
    public init(start: Double = 0, duration: Double? = nil) {
        self.start = start
        self.duration = duration
    }

    /// Its samples, of those that a recording has.
    func samples(of count: Int, rate: Int) -> Range<Int> {
        // A time that lies behind any recording need not fit an integer.
        func sample(_ seconds: Double) -> Int { Int(min(seconds * Double(rate), 1e15).rounded()) }
        let first = min(count, sample(start))
        return first..<max(first, min(count, duration.map { sample(start + $0) } ?? count))
    }
}

/// A recording of any length on its way through a system, a few segments at a time.
///
/// The file is decoded once, into files without names (`SampleStore`), from which segments and phases are read. Memory does
/// not grow with the recording, but for some 300 bytes a second of its levels.
public final class RecordingStream {
    /// Its path, for messages.
    public let path: String
    /// Samples per second.
    public let sampleRate: Int
    /// The samples of the part at that rate.
    public let samples: Int
    /// How many segments there are, as the coverage has it.
    public let segments: Int
    /// The factor of amplitude that its features have: that of the whole recording, as in a build.
    public var gain: Double { loudness.amplitude }
    /// Whether the recording has two channels, and its side is kept.
    public var isStereo: Bool { side != nil }

    let mid: SampleStore
    let side: SampleStore?
    let parameters: AudioParameters
    let join: SegmentJoin
    private let stages: FileStages
    private let labels: [String: String]
    private let loudness: LoudnessTarget.Gain
    let preparation: FilePreparation

    init(
        _ preparation: FilePreparation, _ stages: FileStages, path: String, labels: [String: String],
        part: RecordingPart, stereo: Bool, parameters: AudioParameters, folder: String
    ) throws {
        let sampleRate = parameters.sampleRate
        // Which samples are wanted is known before their number is: the part, were the recording endless.
        let wanted = part.samples(of: .max, rate: sampleRate)
        let mid = try SampleStore(in: folder)
        var position = 0
        let (facts, gain) = try stages.decode(recordingAt: path) { samples in
            try mid.append(samples, from: &position, wanted)
        }
        let found = part.samples(of: facts.samples, rate: sampleRate)
        guard !found.isEmpty else {
            let seconds = (Double(facts.samples) / Double(sampleRate) * 10).rounded() / 10
            throw BuildError(
                .sourceUnreadable, "\(path) lasts \(seconds) s, so nothing begins at second \(part.start)",
                canRetry: false)
        }
        mid.truncate(to: found.count)
        let join = try SegmentJoin(parameters.stft, parameters.segment, length: found.count)
        var side: SampleStore?
        if stereo {
            let store = try SampleStore(in: folder)
            position = 0
            let isStereo = try parameters.side(ofFileAt: path) { samples in
                try store.append(samples, from: &position, wanted)
            }
            if isStereo {
                store.truncate(to: found.count)
                side = store
            }
        }
        // Only now: nothing is thrown from a stream that is half made.
        self.preparation = preparation
        self.stages = stages
        self.path = path
        self.labels = labels
        self.parameters = parameters
        self.sampleRate = sampleRate
        self.mid = mid
        self.side = side
        self.join = join
        samples = found.count
        segments = join.segments
        loudness = gain
    }

    /// The features of some segments, as a build would store them; places in the shard count from the first of them.
    ///
    /// - Parameter range: Which segments.
    /// - Returns: A shard of these.
    /// - Throws: `features.no-statistics`, `features.float16-range`; `audio.write-failed` for a fault of the disk.
    public func shard(of range: Range<Int>) throws -> Shard {
        let segment = parameters.segment
        let parts = try range.map { index in
            try mid.samples(index * segment.hop..<min(samples, index * segment.hop + segment.samples))
        }
        let bytes = try stages.shard(
            ofSegments: parts, path: path, samples: samples - range.lowerBound * segment.hop, gain: loudness,
            labels: labels)
        return try Shard(bytes, kind: .audio, segments: range.count, in: preparation.reader.snapshot)
    }

    /// Views of some segments, painted by the loader.
    ///
    /// - Parameters:
    ///   - range: Which segments.
    ///   - views: What to show of each.
    /// - Returns: The batch, its segments in order.
    /// - Throws: as `shard(of:)`; `LoaderError` for a view that the snapshot cannot show.
    public func batch(of range: Range<Int>, showing views: [LoaderView]) throws -> LoaderBatch {
        try preparation.batch(of: shard(of: range), showing: views)
    }
}

extension SampleStore {
    /// Appends those of some samples that are wanted.
    ///
    /// - Parameters:
    ///   - samples: The next samples of a signal.
    ///   - position: The number of the first of them; afterwards, of the first that follows.
    ///   - wanted: The numbers of the wanted ones.
    /// - Throws: `audio.write-failed`.
    fileprivate func append(
        _ samples: UnsafeBufferPointer<Float>, from position: inout Int, _ wanted: Range<Int>
    ) throws {
        let found = wanted.clamped(to: position..<position + samples.count)
        if !found.isEmpty {
            try append(
                UnsafeBufferPointer(
                    rebasing: samples[found.lowerBound - position..<found.upperBound - position]))
        }
        position += samples.count
    }
}
