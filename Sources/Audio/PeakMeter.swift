#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Sample peak, true peak, clipped samples and the first sample that is not finite, of planes of samples.
///
/// The true peak is libebur128's to the last bit: a 49-tap Hann-windowed sinc at 4 times the rate (2 times from
/// 96 kHz, none from 192 kHz). Most of the signal need not be interpolated: no value between samples exceeds their
/// greatest magnitude times the filter's gain, and what could not beat the present peak is skipped.
struct PeakMeter {
    /// How many samples of the past must be before each plane.
    static let history = 32
    /// Samples from here to full scale are clipped; beyond full scale, which only floats reach, nothing is lost.
    static let clipLevel: Float = 32767.0 / 32768.0
    /// The largest magnitude that is a sample; the squares of larger ones do not fit a spectrum of floats.
    static let largestSample: Float = 1e12

    private(set) var samplePeak: Float = 0
    private(set) var clippedSamples = 0
    private(set) var truePeak: Float = 0
    private let phases: [[Double]]
    private let taps: Int
    private let singles: FloatBuffer
    private let gain: Float
    private var lastBlockPeaks: [Float]

    private static let blockLength = 64

    init(channels: Int, sampleRate: Int) {
        let factor = sampleRate < 96_000 ? 4 : sampleRate < 192_000 ? 2 : 1
        // Phase 0 is the sample itself; the others have 48/factor taps.
        let taps = factor == 1 ? 0 : 48 / factor
        let phases = (1..<factor).map { phase in
            (0..<taps).map { tap in
                let j = Double(phase + tap * factor)
                let m = j - 24
                let sinc = sin(m * .pi / Double(factor)) / (m * .pi / Double(factor))
                return sinc * 0.5 * (1 - cos(2 * .pi * j / 48))
            }
        }
        self.taps = taps
        self.phases = phases
        singles = FloatBuffer(phases.flatMap { $0.map(Float.init) })
        // A little more than the gain, for rounding.
        gain = Float(phases.map { $0.reduce(0) { $0 + abs($1) } }.max() ?? 1) * 1.0001
        lastBlockPeaks = Array(repeating: 0, count: channels)
    }

    /// Takes the next samples of a channel, before which `history` earlier ones stand.
    ///
    /// - Returns: Where the first sample lies that is not finite, or over `largestSample`, if one does.
    mutating func add(_ plane: UnsafeMutablePointer<Float>, count: Int, channel: Int) -> Int? {
        var start = 0
        var lastPeak = lastBlockPeaks[channel]
        while start < count {
            let length = min(Self.blockLength, count - start)
            let samples = plane + start
            let (peak, isFinite) = Self.peak(samples, count: length)
            if !isFinite || peak > Self.largestSample {
                return (0..<length).first { !(abs(samples[$0]) <= Self.largestSample) }.map { start + $0 }
            }
            samplePeak = max(samplePeak, peak)
            if peak >= Self.clipLevel {
                for i in 0..<length where abs(samples[i]) >= Self.clipLevel && abs(samples[i]) <= 1 {
                    clippedSamples += 1
                }
            }
            truePeak = max(truePeak, peak)
            if taps > 0, max(peak, lastPeak) * gain > truePeak { interpolate(samples, count: length) }
            // The taps reach back no further than one whole block.
            lastPeak = length == Self.blockLength ? peak : max(peak, lastPeak)
            start += length
        }
        lastBlockPeaks[channel] = lastPeak
        return nil
    }

    @inline(__always)
    private static func peak(_ samples: UnsafeMutablePointer<Float>, count: Int) -> (Float, isFinite: Bool) {
        var peaks = SIMD8<Float>.zero
        var check = SIMD8<Float>.zero
        var i = 0
        while i + 8 <= count {
            let x = (samples + i).eight
            let magnitude = x.magnitude
            peaks.replace(with: magnitude, where: magnitude .> peaks)
            // Nought for finite samples, NaN for all others.
            check += x - x
            i += 8
        }
        var peak = peaks.greatest
        var isFinite = check == .zero
        while i < count {
            peak = max(peak, abs(samples[i]))
            isFinite = isFinite && samples[i].isFinite
            i += 1
        }
        return (peak, isFinite)
    }

    /// Looks for a new peak between samples: in single precision, then where it may be one, exactly.
    private mutating func interpolate(_ samples: UnsafeMutablePointer<Float>, count: Int) {
        let threshold = truePeak * (1 - 1e-5)
        var i = 0
        while i < count {
            let length = min(8, count - i)
            if length < 8 || mayExceed(samples + i, threshold) {
                interpolateExactly(samples + i, count: length)
            }
            i += length
        }
    }

    /// Whether one of the values around the eight samples here may reach the threshold.
    @inline(__always)
    private func mayExceed(_ samples: UnsafeMutablePointer<Float>, _ threshold: Float) -> Bool {
        var reach = samples.eight.magnitude
        for back in stride(from: 8, to: taps + 7, by: 8) {
            let earlier = (samples - back).eight.magnitude
            reach.replace(with: earlier, where: earlier .> reach)
        }
        if reach.greatest * gain < threshold { return false }
        for phase in phases.indices {
            let coefficients = singles.pointer + phase * taps
            var sum = SIMD8<Float>.zero
            for tap in 0..<taps { sum += (samples - tap).eight * coefficients[tap] }
            if sum.magnitude.greatest >= threshold { return true }
        }
        return false
    }

    private mutating func interpolateExactly(_ samples: UnsafeMutablePointer<Float>, count: Int) {
        for phase in phases {
            for i in 0..<count {
                var sum = 0.0
                for tap in 0..<taps { sum += Double(samples[i - tap]) * phase[tap] }
                truePeak = max(truePeak, abs(Float(sum)))
            }
        }
    }
}
