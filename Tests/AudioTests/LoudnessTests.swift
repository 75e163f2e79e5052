import CEBUR128
import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

/// A signal of tones, one level after the other, as EBU Tech 3341 and 3342 describe their test signals.
struct ToneSignal {
    /// 1 kHz at this rate repeats every 100 ms exactly, and few samples make few seconds of test.
    static let rate = 8000
    /// Tenths of a second and the level in dBFS of each channel.
    let parts: [(tenths: Int, levels: [Double])]

    var channels: Int { parts[0].levels.count }

    static func stereo(_ parts: [(seconds: Double, level: Double)]) -> ToneSignal {
        ToneSignal(parts: parts.map { (Int(($0.seconds * 10).rounded()), [$0.level, $0.level]) })
    }

    /// Calls `body` with planes of 100 ms each.
    func forEachTenth(_ body: ([UnsafeMutablePointer<Float>], Int) -> Void) {
        let count = Self.rate / 10
        for part in parts {
            let buffers = part.levels.map { level in
                let amplitude = pow(10, level / 20)
                return FloatBuffer(
                    (0..<count).map {
                        Float(amplitude * sin(2 * .pi * 1000 * Double($0) / Double(Self.rate)))
                    })
            }
            for _ in 0..<part.tenths { body(buffers.map(\.pointer), count) }
        }
    }

    func measured() -> LoudnessMeter {
        var meter = LoudnessMeter(layout: ChannelLayout(channels: channels), sampleRate: Self.rate)
        forEachTenth { meter.add($0, count: $1) }
        return meter
    }
}

/// libebur128's own measurements of planes of samples.
struct ReferenceMeter {
    let integrated: Double
    let range: Double
    let truePeak: Double

    init?(_ planes: [[Float]], rate: Int) {
        let mode = Int32(
            EBUR128_MODE_I.rawValue | EBUR128_MODE_LRA.rawValue | EBUR128_MODE_TRUE_PEAK.rawValue)
        var state = ebur128_init(UInt32(planes.count), UInt(rate), mode)
        guard state != nil else { return nil }
        defer { ebur128_destroy(&state) }
        let frames = planes[0].count
        let interleaved = (0..<frames).flatMap { i in planes.map { $0[i] } }
        ebur128_add_frames_float(state, interleaved, frames)
        var (integrated, range, peak) = (0.0, 0.0, 0.0)
        ebur128_loudness_global(state, &integrated)
        ebur128_loudness_range(state, &range)
        for channel in planes.indices {
            var value = 0.0
            ebur128_true_peak(state, UInt32(channel), &value)
            peak = max(peak, value)
        }
        (self.integrated, self.range, truePeak) = (integrated, range, peak)
    }
}

@Suite struct LoudnessTests {
    /// EBU Tech 3341, table 1, cases 1 to 6: within 0.1 LU.
    ///
    /// Case 6 is 5.0: L, R, C, Ls, Rs.
    @Test(arguments: [
        (-23.0, ToneSignal.stereo([(20, -23)])),
        (-33.0, .stereo([(20, -33)])),
        (-23.0, .stereo([(10, -36), (60, -23), (10, -36)])),
        (-23.0, .stereo([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)])),
        (-23.0, .stereo([(20, -26), (20.1, -20), (20, -26)])),
        (-23.0, ToneSignal(parts: [(200, [-28, -28, -24, -30, -30])])),
    ]) func integratedLoudnessIsEBUs(_ expected: Double, _ signal: ToneSignal) throws {
        #expect(abs(try #require(signal.measured().integrated) - expected) <= 0.1)
    }

    /// EBU Tech 3342, table 1, cases 1 to 4: within 1 LU.
    @Test(arguments: [
        (10.0, ToneSignal.stereo([(20, -20), (20, -30)])),
        (5.0, .stereo([(20, -20), (20, -15)])),
        (20.0, .stereo([(20, -40), (20, -20)])),
        (15.0, .stereo([(20, -50), (20, -35), (20, -20), (20, -35), (20, -50)])),
    ]) func loudnessRangeIsEBUs(_ expected: Double, _ signal: ToneSignal) throws {
        #expect(abs(try #require(signal.measured().range) - expected) <= 1)
    }

    /// libebur128 is the oracle at other rates and channel counts, on a signal whose level wanders.
    @Test(arguments: [(1, 16000), (2, 11025), (3, 8000), (5, 8000), (6, 8000)])
    func equalsLibebur128(_ channels: Int, _ rate: Int) throws {
        var noise = Noise(seed: UInt64(channels))
        let planes = (0..<channels).map { channel in
            (0..<rate * 8).map { i in
                noise.next() * Float(0.02 + 0.4 * pow(sin(Double(i) / Double(rate) + Double(channel)), 2))
            }
        }
        var meter = LoudnessMeter(layout: ChannelLayout(channels: channels), sampleRate: rate)
        let buffers = planes.map(FloatBuffer.init)
        for start in stride(from: 0, to: rate * 8, by: 999) {
            meter.add(buffers.map { $0.pointer + start }, count: min(999, rate * 8 - start))
        }
        let reference = try #require(ReferenceMeter(planes, rate: rate))
        #expect(abs(try #require(meter.integrated) - reference.integrated) < 1e-6)
        // Its 3 s blocks begin every second, ours every 100 ms.
        #expect(abs(try #require(meter.range) - reference.range) < 1)
    }

    @Test func silenceHasNoneAndSnippetsNoRange() {
        #expect(ToneSignal.stereo([(4, -80)]).measured().integrated == nil)
        #expect(ToneSignal.stereo([(0.3, -80)]).measured().integrated == nil)
        #expect(ToneSignal.stereo([(2.9, -10)]).measured().range == nil)
    }

    /// Less than the standard's block is one block: no jump at 400 ms, and +6 dB are 6 LU at any length.
    @Test func snippetsAreOneBlock() throws {
        func loudness(_ count: Int, gain: Float = 1) throws -> Double {
            let tone = FloatBuffer((0..<count).map { gain * 0.3 * Float(sin(Double($0) * 0.8)) })
            var meter = LoudnessMeter(layout: ChannelLayout(channels: 1), sampleRate: 8000)
            meter.add([tone.pointer], count: count)
            return try #require(meter.integrated)
        }
        #expect(abs(try loudness(3200) - loudness(3199)) < 0.01)
        for count in [40, 160, 2400] {
            #expect(abs(try loudness(count) - loudness(count, gain: 0.5) - 6.0206) < 1e-4)
        }
        // A short tone is as loud as a long one.
        #expect(abs(try loudness(2400) - loudness(80_000)) < 0.1)
    }
}

@Suite struct PeakTests {
    static func meter(_ planes: [[Float]], rate: Int, block: Int = 4096) -> (PeakMeter, firstBad: Int?) {
        var meter = PeakMeter(channels: planes.count, sampleRate: rate)
        let history = [Float](repeating: 0, count: PeakMeter.history)
        for (channel, plane) in planes.enumerated() {
            let buffer = FloatBuffer(history + plane)
            for start in stride(from: 0, to: plane.count, by: block) {
                let place = buffer.pointer + PeakMeter.history + start
                if let bad = meter.add(place, count: min(block, plane.count - start), channel: channel) {
                    return (meter, start + bad)
                }
            }
        }
        return (meter, nil)
    }

    /// To the last bit, whatever was skipped and however the stream fell into blocks.
    @Test(arguments: [8000, 44100, 95999, 96000, 191_999, 192_000], [1, 2])
    func truePeakEqualsLibebur128(_ rate: Int, _ channels: Int) throws {
        for seed in 1...6 {
            var noise = Noise(seed: UInt64(seed))
            let planes = (0..<channels).map { _ in
                let decay = Float(seed) / 2000
                return (0..<1500).map { noise.next() * exp(-decay * Float(seed % 2 == 0 ? $0 : 1500 - $0)) }
            }
            let reference = try #require(ReferenceMeter(planes, rate: rate))
            for block in [64, 1500, 37, 5] {
                #expect(Double(Self.meter(planes, rate: rate, block: block).0.truePeak) == reference.truePeak)
            }
        }
    }

    /// EBU Tech 3341, cases 15 to 18: sines at a quarter of the rate and lower, whose samples miss the crests.
    @Test(arguments: [(4.0, 0.0), (4.0, 45.0), (6.0, 60.0), (8.0, 67.5)])
    func sinesPeakAtMinus6(_ divisor: Double, _ degrees: Double) {
        let plane = (0..<2000).map {
            Float(0.5 * sin(2 * .pi * Double($0) / divisor + degrees * .pi / 180) * min(1, Double($0) / 500))
        }
        let peak = 20 * log10(Double(Self.meter([plane], rate: 48000).0.truePeak))
        #expect(peak < -6.02 + 0.2 && peak > -6.02 - 0.4)
    }

    @Test func findsWhatIsNotFinite() {
        for bad in [Float.nan, .infinity, -.infinity] {
            for place in [0, 1, 7, 63, 64, 99, 130] {
                var plane = [Float](repeating: 0.25, count: 131)
                plane[place] = bad
                #expect(Self.meter([plane], rate: 44100, block: 100).firstBad == place)
            }
        }
        let largest = PeakMeter.largestSample
        #expect(Self.meter([[.leastNonzeroMagnitude, -largest]], rate: 44100).firstBad == nil)
        #expect(Self.meter([[0, largest.nextUp]], rate: 44100).firstBad == 1)
    }

    @Test func countsClippedSamples() {
        let plane = [Float](repeating: 0.5, count: 70) + [1, -1, 32767.0 / 32768, 32766.0 / 32768, 2]
        let meter = Self.meter([plane], rate: 44100).0
        // What floats hold beyond full scale is not lost.
        #expect(meter.clippedSamples == 3)
        #expect(meter.samplePeak == 2)
    }
}
