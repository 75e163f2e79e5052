#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Computes the features of one segment at a time, from its own samples alone, in memory that is set aside once.
final class SegmentAnalyzer {
    /// One feature under way.
    private struct Work {
        enum Kind {
            case rows(FilterBank, power: Int)
            case bins(count: Int, power: Int)
            case chroma(FilterBank)
            case constantQ(ConstantQTransform)
            case waveform
        }
        let name: String
        let kind: Kind
        let output: FloatBuffer
    }

    private let parameters: AudioParameters
    private let transform: Transform?
    private let works: [Work]
    private let frameCount: Int
    private let binCount: Int
    private let wantsMagnitude: Bool
    private let padLeft: Int
    private let padded: FloatBuffer
    /// Eight frames' powers: [frame][bin], then [bin][frame], then their square roots.
    private let powerRows: FloatBuffer
    private let powers: FloatBuffer
    private let magnitudes: FloatBuffer
    private var sampleMeter: SampleMeter
    private var spectrumMeter: SpectrumMeter

    /// Where the caller puts the segment's samples.
    let samples: UnsafeMutablePointer<Float>

    init(_ parameters: AudioParameters) {
        self.parameters = parameters
        let stft = parameters.stft
        frameCount = parameters.frameCount
        binCount = parameters.binCount
        padLeft = stft.center ? stft.nFFT / 2 : 0
        padded = FloatBuffer(count: parameters.segment.samples + stft.padEnd + 2 * padLeft)
        samples = padded.pointer + padLeft
        works = parameters.features.map { feature in
            let kind: Work.Kind
            switch feature {
            case .mel(let mel):
                kind = .rows(
                    .mel(mel, sampleRate: parameters.sampleRate, nFFT: stft.nFFT), power: mel.power)
            case .mfcc(let mfcc):
                kind = .rows(
                    .mel(mfcc.mel, sampleRate: parameters.sampleRate, nFFT: stft.nFFT), power: mfcc.mel.power)
            case .spectrogram(let spectrogram):
                kind = .bins(
                    count: feature.extractedShape(in: parameters)[0], power: spectrogram.power)
            case .chroma: kind = .chroma(.chroma(sampleRate: parameters.sampleRate, nFFT: stft.nFFT))
            case .cqt(let cqt):
                kind = .constantQ(
                    ConstantQTransform(
                        cqt, sampleRate: parameters.sampleRate, hop: stft.hopLength,
                        start: stft.center ? 0 : stft.nFFT / 2,
                        most: parameters.segment.samples + stft.padEnd))
            case .waveform: kind = .waveform
            }
            let count = feature == .waveform ? 0 : feature.extractedShape(in: parameters).reduce(1, *)
            return Work(name: feature.name, kind: kind, output: FloatBuffer(count: count))
        }
        let isSpectral = parameters.features.contains { $0 != .waveform }
        transform = isSpectral ? Transform(stft) : nil
        wantsMagnitude = parameters.features.contains {
            switch $0 {
            case .mel, .mfcc, .spectrogram: $0.gainDegree == 1
            case .chroma, .cqt, .waveform: false
            }
        }
        powerRows = FloatBuffer(count: isSpectral ? 8 * (binCount + 8) : 0)
        powers = FloatBuffer(count: isSpectral ? 8 * (binCount + 8) : 0)
        magnitudes = FloatBuffer(count: wantsMagnitude ? 8 * (binCount + 8) : 0)
        sampleMeter = SampleMeter(parameters)
        spectrumMeter = SpectrumMeter(parameters)
    }

    /// Computes every feature of the samples in `samples` and hands them on in the order of the parameters.
    ///
    /// - Parameters:
    ///   - length: How many of the samples are the file's; zeros follow.
    ///   - body: Takes a feature's name and its values, lent for the call.
    /// - Returns: The segment's numbers.
    /// - Throws: `audio.resampling` if libsoxr fails; what `body` throws.
    func analyze(
        length: Int, _ body: (String, UnsafeBufferPointer<Float>) throws -> Void
    ) throws -> SegmentNumbers {
        var numbers = sampleMeter.measure(samples, length: length)
        if let transform {
            if parameters.stft.center, parameters.stft.padMode == .reflect { reflect() }
            let measured = sampleMeter.frames(ofLength: length)
            spectrumMeter.begin()
            for first in stride(from: 0, to: frameCount, by: 8) {
                computeEight(from: first, measured: measured, transform)
            }
            numbers.spectrum = spectrumMeter.means
        }
        for work in works {
            if case .waveform = work.kind {
                try body(work.name, UnsafeBufferPointer(start: samples, count: parameters.segment.samples))
                continue
            }
            if case .constantQ(let transform) = work.kind {
                try transform.compute(
                    samples, count: parameters.segment.samples + parameters.stft.padEnd, frames: frameCount,
                    into: work.output.pointer)
            }
            try body(work.name, UnsafeBufferPointer(start: work.output.pointer, count: work.output.count))
        }
        return numbers
    }

    /// Mirrors the ends of the segment, `pad_end`'s zeros among them, about its first and last sample.
    private func reflect() {
        let end = parameters.segment.samples + parameters.stft.padEnd - 1
        for i in 1..<(padLeft + 1) {
            samples[-i] = samples[i]
            samples[end + i] = samples[end - i]
        }
    }

    private func computeEight(from first: Int, measured: Int, _ transform: Transform) {
        let stride = binCount + 8
        let count = min(8, frameCount - first)
        for frame in 0..<8 {
            let row = powerRows.pointer + frame * stride
            if frame < count {
                let start = (first + frame) * parameters.stft.hopLength
                transform.power(of: padded.pointer + start, into: row)
                if first + frame < measured { spectrumMeter.add(row) }
            } else {
                row.update(repeating: 0, count: binCount)
            }
        }
        transpose(stride: stride)
        if wantsMagnitude {
            for bin in 0..<binCount {
                (magnitudes.pointer + 8 * bin).eight = (powers.pointer + 8 * bin).eight.roots
            }
        }
        for work in works {
            switch work.kind {
            case .rows(let bank, let power):
                let bins = power == 1 ? magnitudes.pointer : powers.pointer
                for row in 0..<bank.rowCount {
                    store(bank.sum(row: row, bins), work.output, row: row, first: first, count: count)
                }
            case .bins(let rowCount, let power):
                let bins = power == 1 ? magnitudes.pointer : powers.pointer
                for row in 0..<rowCount {
                    store((bins + 8 * row).eight, work.output, row: row, first: first, count: count)
                }
            case .chroma(let bank):
                var rows = [SIMD8<Float>](repeating: .zero, count: 12)
                var greatest = SIMD8<Float>.zero
                for row in 0..<12 {
                    rows[row] = bank.sum(row: row, powers.pointer)
                    greatest.replace(with: rows[row], where: rows[row] .> greatest)
                }
                // A frame of nothing stays nothing, as in librosa.util.normalize.
                greatest.replace(with: 1, where: greatest .< SIMD8(repeating: .leastNormalMagnitude))
                for row in 0..<12 {
                    store(rows[row] / greatest, work.output, row: row, first: first, count: count)
                }
            case .constantQ, .waveform: break
            }
        }
    }

    /// Puts up to eight neighbouring frames of one row in their place.
    @inline(__always)
    private func store(_ values: SIMD8<Float>, _ output: FloatBuffer, row: Int, first: Int, count: Int) {
        let place = output.pointer + row * frameCount + first
        if count == 8 {
            place.eight = values
        } else {
            for i in 0..<count { place[i] = values[i] }
        }
    }

    /// From eight rows of bins to bins of eight.
    private func transpose(stride: Int) {
        for half in 0..<2 {
            let rows = powerRows.pointer + 4 * half * stride
            var bin = 0
            while bin < binCount {
                let (a, b) = ((rows + bin).four, (rows + stride + bin).four)
                let (c, d) = ((rows + 2 * stride + bin).four, (rows + 3 * stride + bin).four)
                let out = powers.pointer + 8 * bin + 4 * half
                let (ab, cd) = (
                    SIMD4(lowHalf: a.lowHalf, highHalf: b.lowHalf),
                    SIMD4(lowHalf: c.lowHalf, highHalf: d.lowHalf)
                )
                let (ef, gh) = (
                    SIMD4(lowHalf: a.highHalf, highHalf: b.highHalf),
                    SIMD4(lowHalf: c.highHalf, highHalf: d.highHalf)
                )
                out.four = SIMD4(lowHalf: ab.evenHalf, highHalf: cd.evenHalf)
                (out + 8).four = SIMD4(lowHalf: ab.oddHalf, highHalf: cd.oddHalf)
                (out + 16).four = SIMD4(lowHalf: ef.evenHalf, highHalf: gh.evenHalf)
                (out + 24).four = SIMD4(lowHalf: ef.oddHalf, highHalf: gh.oddHalf)
                bin += 4
            }
        }
    }
}
