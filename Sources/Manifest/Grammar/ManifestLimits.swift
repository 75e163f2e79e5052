internal import Audio
public import Symbolic

/// Bounds on what a manifest may ask for: numbers that are fine one by one multiply to more than any machine has.
enum ManifestLimits {
    /// The most values of one label of an item, and the most patterns that it excludes.
    static let values = 1000
    /// How many segments a step or sample may lie in: the segment's length over its hop.
    static let overlap = 1024
    /// Frames that a sample may lie in: n_fft over the hop.
    static let frameOverlap = 4096
    /// Elements of all features of one segment: 1 GiB.
    static let segmentElements = 1 << 28
    /// Elements of all features for a second of audio: 1 GiB.
    static let elementsPerSecond = 1 << 28
    /// Weights of a filter bank, bands times bins: 256 MiB.
    static let filterWeights = 1 << 26
    /// Labels of one item: each is a tensor of every shard.
    static let labels = 1000
    /// Bytes of the segments of one MIDI source: 2 GiB.
    static let segmentBytes = 1 << 31
}

extension Manifest.MIDI {
    /// Faults that several numbers make together.
    func checkProducts(_ section: Section) {
        guard steps > hop * ManifestLimits.overlap else { return }
        let lowest = (steps + ManifestLimits.overlap - 1) / ManifestLimits.overlap
        section.faults.add(
            section.section("segment", keys: [])?.line ?? section.line,
            "midi.segment stores every step \(steps / hop) times (steps \(steps), hop \(hop)), but the limit is \(ManifestLimits.overlap); raise hop to at least \(lowest)"
        )
    }
}

extension Manifest.Audio {
    /// Faults that several numbers make together; all numbers are in their own ranges.
    func checkProducts(_ section: Section) {
        func fault(_ block: String, _ message: String) {
            section.faults.add(
                section.section(block, keys: [])?.line ?? section.line, "audio.\(block) \(message)")
        }
        if samples / hop > ManifestLimits.overlap {
            let lowest = (samples + ManifestLimits.overlap - 1) / ManifestLimits.overlap
            fault(
                "segment",
                "stores every sample \(samples / hop) times (samples \(samples), hop \(hop)), but the limit is \(ManifestLimits.overlap); raise hop to at least \(lowest)"
            )
        }
        let audio = AudioParameters(self)
        let usesFrames = audio.features.contains { if case .waveform = $0 { false } else { true } }
        guard usesFrames else { return }
        if stft.nFFT / stft.hopLength > ManifestLimits.frameOverlap {
            fault(
                "stft",
                "transforms every sample \(stft.nFFT / stft.hopLength) times (n_fft \(stft.nFFT), hop \(stft.hopLength)), but the limit is \(ManifestLimits.frameOverlap); raise hop"
            )
        }
        for case let bands? in [features.mel?.bands, features.mfcc?.mel.bands]
        where bands * audio.binCount > ManifestLimits.filterWeights {
            fault(
                "features",
                "needs a filter bank of \(bands) bands times \(audio.binCount) bins, but the limit is \(ManifestLimits.filterWeights) weights; lower bands or n_fft"
            )
        }
        if let cqt = features.cqt {
            let weights = cqt.weightCount(sampleRate: sampleRate, hopLength: stft.hopLength)
            if weights > ManifestLimits.filterWeights {
                fault(
                    "features",
                    "needs \(weights) weights for the filters of cqt, but the limit is \(ManifestLimits.filterWeights); lower bins, bins_per_octave or filter_scale, raise fmin, or set a stft.hop with more factors of 2"
                )
            }
        }
        // Rows times frames are far below 2^63, as each is below 2^28.
        let elements = audio.features.reduce(0) { $0 + $1.extractedShape(in: audio).reduce(1, *) }
        if elements > ManifestLimits.segmentElements {
            fault(
                "features",
                "take \(elements) numbers in one segment of \(samples) samples, but the limit is \(ManifestLimits.segmentElements); shorten segment, or raise stft.hop"
            )
        }
        let perSecond = Double(elements) / Double(hop) * Double(sampleRate)
        if perSecond > Double(ManifestLimits.elementsPerSecond) {
            fault(
                "features",
                "take \(Int(min(perSecond, 1e18))) numbers for a second of audio, but the limit is \(ManifestLimits.elementsPerSecond); raise stft.hop or segment.hop"
            )
        }
    }
}

extension RollParameters {
    /// About how many segments a score gives, and the bytes of their steps, before memory is spent on them.
    func estimate(_ score: Score) -> (segments: Double, bytes: Double) {
        var segments = 0.0
        for timeline in score.timelines {
            let map = timeline.tempoMap
            let length: Double
            switch grid {
            case .stepsPerBeat(let count):
                let beat = map.division.ticksPerBeat
                length =
                    Double(timeline.endTick) * Double(beat.denominator) / Double(beat.numerator)
                    * Double(count)
            case .stepsPerSecond(let rate):
                length = map.seconds(at: timeline.endTick) * Double(rate.numerator) / Double(rate.denominator)
            case .stepsPerFirstBeat(let count):
                length =
                    map.seconds(at: timeline.endTick) * 1e6 / Double(map.firstMicrosecondsPerBeat)
                    * Double(count)
            }
            segments += (length / Double(hop)).rounded(.up)
        }
        // Three bytes of pedals and four of tempo a step.
        return (segments, segments * Double(steps) * 7)
    }

    /// Why a score's segments are too many to store; nil if they are not.
    public func excess(of score: Score) -> String? {
        let (segments, bytes) = estimate(score)
        return Self.excess(segments, steps, bytes).map {
            "\($0); raise midi.segment.hop, or lower steps or the grid's rate"
        }
    }

    /// Why a score is too long to be held in memory as dense rolls of all its steps; nil if it is not.
    ///
    /// - Parameters:
    ///   - score: A file's music, before it is cut.
    ///   - bytesPerStep: The memory that all rolls of one step take.
    /// - Returns: The numbers, as the end of a sentence.
    public func excess(of score: Score, bytesPerStep: Int) -> String? {
        let segments = estimate(score).segments
        return Self.excess(segments, steps, segments * Double(steps) * Double(bytesPerStep))
    }

    private static func excess(_ segments: Double, _ steps: Int, _ bytes: Double) -> String? {
        guard bytes > Double(ManifestLimits.segmentBytes) else { return nil }
        return
            "its \(Int(min(segments, 1e15))) segments of \(steps) steps would take \(Int(min(bytes / 1e9, 1e15))) GB, but the limit for one file is \(ManifestLimits.segmentBytes >> 30) GiB"
    }
}
