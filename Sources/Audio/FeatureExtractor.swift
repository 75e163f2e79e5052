internal import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Turns audio files into features, each in one streaming pass over the file.
///
/// The pass: decode → loudness, peaks and clipping, at the file's own rate and channels → mean of the channels,
/// low-frequency effects left out → resample → band-pass → RMS → segments → features of each segment. Memory does not grow
/// with the file, but for some 300 bytes a second of loudness blocks and what is known of segments. Features are at unity gain and
/// linear; what follows gain, and how, is `FeatureParameters.gainDegree`.
///
/// An extractor keeps its buffers from file to file; each thread has its own. The results do not depend on how many
/// there are.
public final class FeatureExtractor {
    /// Takes a feature's name, the segment's index and the values, row by row; the memory is lent for the call.
    public typealias Sink = (String, Int, UnsafeBufferPointer<Float>) throws -> Void

    /// What is computed.
    public let parameters: AudioParameters
    private let analyzer: SegmentAnalyzer

    private static let blockLength = 4096

    /// Sets the memory aside.
    ///
    /// - Precondition: `parameters.faults` is empty.
    public init(_ parameters: AudioParameters) {
        let faults = parameters.faults
        precondition(faults.isEmpty, "parameters have faults: \(faults)")
        self.parameters = parameters
        analyzer = SegmentAnalyzer(parameters)
    }

    /// Reads a file, hands the features of each segment to `sink` in order, and tells what it measured.
    ///
    /// What has gone to the sink before an error is to be discarded.
    ///
    /// - Throws: `AudioError` for a fault of the bytes, `AudioAccessError` for a file out of reach, and whatever the
    ///   sink throws.
    public func extract(path: String, sink: Sink) throws -> AudioFacts {
        let file = try SoundFile(path: path)
        var facts = AudioFacts()
        facts.format = file.format
        facts.encoding = file.encoding
        facts.nativeSampleRate = file.sampleRate
        facts.channels = file.channels
        let converter = try SampleRateConverter(
            from: file.sampleRate, to: parameters.sampleRate, quality: parameters.resampler)
        var filter = parameters.bandpass.map { ButterworthFilter($0, sampleRate: parameters.sampleRate) }
        let measuresLoudness = file.sampleRate >= LoudnessMeter.lowestRate
        var loudness = LoudnessMeter(layout: file.layout, sampleRate: file.sampleRate)
        var peaks = PeakMeter(channels: file.channels, sampleRate: file.sampleRate)
        var squares = 0.0
        var segmenter = Segmenter(parameters.segment, buffer: analyzer.samples)

        // Planes with room before them for the past that the peak meter looks back on.
        let planeLength = PeakMeter.history + Self.blockLength
        let planeMemory = FloatBuffer(count: planeLength * file.channels)
        let planes = (0..<file.channels).map { planeMemory.pointer + $0 * planeLength + PeakMeter.history }
        let interleaved = FloatBuffer(count: Self.blockLength * file.channels)
        let mono = FloatBuffer(count: Self.blockLength)
        // Their pointers do not keep the buffers alive.
        defer { withExtendedLifetime((planeMemory, interleaved, mono)) {} }
        let mixed = file.layout.mixedChannels.map { planes[$0] }

        func emit(_ index: Int, _ segment: AudioFacts.Segment) throws {
            var segment = segment
            segment.numbers = try analyzer.analyze(length: segment.length) { name, values in
                try sink(name, index, values)
            }
            facts.segments.append(segment)
        }
        func take(_ samples: UnsafePointer<Float>, _ count: Int) throws {
            // The converter lends its own memory; the filter works in place.
            let samples = UnsafeMutablePointer(mutating: samples)
            filter?.apply(samples, count: count)
            squares += sumOfSquares(samples, count: count)
            facts.samples += count
            try segmenter.append(samples, count: count, emit)
        }

        while true {
            let count = try file.read(into: interleaved.pointer, count: Self.blockLength)
            if count == 0 { break }
            deinterleave(interleaved.pointer, count: count, into: planes)
            for channel in 0..<file.channels {
                if let place = peaks.add(planes[channel], count: count, channel: channel) {
                    throw AudioError(
                        .notFinite,
                        "channel \(channel + 1) is \(planes[channel][place]), want a finite number of at most 1e12",
                        frame: facts.frames + place)
                }
            }
            if measuresLoudness { loudness.add(planes, count: count) }
            mix(mixed, count: count, into: mono.pointer)
            facts.frames += count
            try converter.process(mono.pointer, count: count, take)
            for plane in planes {
                // The last samples of this block are the past of the next.
                memmove(plane - PeakMeter.history, plane + count - PeakMeter.history, PeakMeter.history * 4)
            }
        }
        let complaint = try file.fault()
        try converter.finish(take)
        try segmenter.finish(emit)

        facts.samplePeak = decibels(Double(peaks.samplePeak))
        facts.truePeak = decibels(Double(peaks.truePeak))
        facts.clippedSamples = peaks.clippedSamples
        facts.rms = facts.samples > 0 ? decibels((squares / Double(facts.samples)).squareRoot()) : nil
        facts.isSilent = (facts.rms ?? -.infinity) < -70
        if measuresLoudness {
            facts.integratedLoudness = loudness.integrated
            facts.loudnessRange = loudness.range
        }
        try judge(&facts, file, complaint)
        return facts
    }

    /// Computes the features of a segment whose samples are in memory: the numbers that `extract` gives for it.
    ///
    /// - Parameters:
    ///   - samples: As they are after resampling and band-pass, at most `parameters.segment.samples`; zeros follow.
    ///   - sink: Takes a feature's name and the values, row by row; the memory is lent for the call.
    /// - Throws: What the sink throws; `AudioError` of a constant-Q that cannot be computed.
    public func extract(
        segment samples: [Float], sink: (String, UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        let size = parameters.segment.samples
        precondition(samples.count <= size, "\(samples.count) samples in a segment of \(size)")
        analyzer.samples.update(from: samples, count: samples.count)
        (analyzer.samples + samples.count).update(repeating: 0, count: size - samples.count)
        _ = try analyzer.analyze(length: samples.count, sink)
    }

    /// Whether what was read is worth keeping, and what is to be said of it.
    private func judge(_ facts: inout AudioFacts, _ file: SoundFile, _ complaint: String?) throws {
        let declared = file.declaredFrames ?? 0
        let isShort = complaint != nil || facts.frames < declared
        if isShort {
            var message = "\(facts.frames) frames could be read"
            if declared > facts.frames { message += " of \(declared) declared" }
            if let complaint { message += ": \(complaint)" }
            guard facts.samples >= parameters.segment.samples else {
                throw AudioError(
                    .truncated, message + "; not one whole segment of \(parameters.segment.samples) samples",
                    frame: facts.frames)
            }
            facts.warnings.append(
                AudioWarning(code: AudioError.Code.truncated.rawValue, message: message, frame: facts.frames))
        }
        guard facts.frames > 0 else { throw AudioError(.noSamples, file.emptiness) }
        facts.warnings += try file.warnings(frames: facts.frames).filter {
            !isShort || $0.code != AudioError.Code.truncated.rawValue
        }
        if facts.isSilent {
            let cancels = (facts.samplePeak ?? -.infinity) >= -50
            facts.warnings.append(
                AudioWarning(
                    code: "audio.silent",
                    message:
                        "RMS is \(facts.rms.map { "\(Int($0.rounded())) dBFS" } ?? "zero"), below −70 dBFS"
                        + (cancels ? ", though the channels are not: they cancel in the downmix" : ""),
                    frame: nil))
        }
    }

    private func decibels(_ amplitude: Double) -> Double? { amplitude > 0 ? 20 * log10(amplitude) : nil }
}
