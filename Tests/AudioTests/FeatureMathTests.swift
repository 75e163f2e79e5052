import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

@Suite struct FeatureMathTests {
    static func mapped(_ values: [Float], _ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
        var values = values
        values.withUnsafeMutableBufferPointer { body($0) }
        return values
    }

    /// Over all magnitudes, and close about the zero of the logarithm: relative to the C library's double.
    @Test func logarithmsAreAccurate() {
        var values = (-1250...1270).map { Float(pow(2.0, Double($0) / 10) * 1.0371) }
        for i in 0...4000 { values.append(0.5 + Float(i) / 2000) }
        for i in 1...100 {
            let step = Float(i) * Float.ulpOfOne
            values += [1 + step, 1 - step]
        }
        let found = Self.mapped(values) { FeatureMath.log10($0, amin: .leastNormalMagnitude) }
        for (x, y) in zip(values, found) {
            let exact = log10(Double(x))
            #expect(abs(Double(y) - exact) <= 1e-6 * abs(exact), "log10 \(x)")
        }
        let plus = Self.mapped(values) { FeatureMath.log10OnePlus($0, scale: 1) }
        for (x, y) in zip(values, plus) {
            let exact = log1p(Double(x)) / log(10.0)
            #expect(abs(Double(y) - exact) <= 1e-6 * exact, "log10(1 + \(x))")
        }
        #expect(Self.mapped([0, 0, 0]) { FeatureMath.log10OnePlus($0, scale: 3) } == [0, 0, 0])
    }

    /// The few values past the last eight are treated as the others.
    @Test func everyLengthIsWhole() {
        for count in 0...20 {
            let values = (0..<count).map { Float($0) + 1 }
            #expect(
                Self.mapped(values) { FeatureMath.scale($0, gain: 3, degree: 2) } == values.map { $0 * 9 })
            #expect(
                Self.mapped(values) { FeatureMath.scale($0, gain: 3, degree: 1) } == values.map { $0 * 3 })
            #expect(Self.mapped(values) { FeatureMath.scale($0, gain: 3, degree: 0) } == values)
        }
    }

    @Test func decibelsHaveFloorReferenceAndRange() {
        let values: [Float] = [0, 1e-12, 1, 10, 1000]
        var parameters = DecibelParameters(amin: 1e-10, topDB: nil)
        let plain = Self.mapped(values) { FeatureMath.decibels($0, power: 2, parameters) }
        #expect(largestDifference(plain, [-100, -100, 0, 10, 30]) < 1e-6)
        parameters.topDB = 80
        let ranged = Self.mapped(values) { FeatureMath.decibels($0, power: 2, parameters) }
        #expect(largestDifference(ranged, [-50, -50, 0, 10, 30]) < 1e-6)
        parameters.reference = .maximum
        let relative = Self.mapped(values) { FeatureMath.decibels($0, power: 2, parameters) }
        #expect(largestDifference(relative, [-80, -80, -30, -20, 0]) < 1e-6)
        let magnitudes = Self.mapped([0, 0.1, 100]) {
            FeatureMath.decibels($0, power: 1, DecibelParameters(amin: 1e-5, topDB: nil))
        }
        #expect(largestDifference(magnitudes, [-100, -20, 40]) < 1e-6)
    }

    @Test func rowsAreDivided() {
        let found = Self.mapped([2, 4, 6, 9, 12, 15]) { FeatureMath.divideRows($0, by: [2, 3]) }
        #expect(largestDifference(found, [1, 2, 3, 3, 4, 5]) < 1e-6)
    }
}

@Suite struct MomentsTests {
    @Test func mergeEqualsWhole() {
        var noise = Noise(seed: 3)
        // A large mean is what naive sums of squares stumble over.
        let values = noise.array(1003).map { $0 + 1000 }
        func moments(_ part: ArraySlice<Float>) -> Moments {
            Array(part).withUnsafeBufferPointer(Moments.init(of:))
        }
        let whole = moments(values[...])
        for cut in [0, 1, 2, 500, 1003] {
            var merged = moments(values[..<cut])
            merged.merge(moments(values[cut...]))
            #expect(merged.count == 1003)
            #expect(abs(merged.mean - whole.mean) < 1e-9)
            #expect(abs(merged.variance - whole.variance) < 1e-9)
        }
        let mean = values.reduce(0.0) { $0 + Double($1) } / 1003
        let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 1003
        #expect(abs(whole.mean - mean) < 1e-9 && abs(whole.variance - variance) < 1e-9)
        #expect(abs(whole.scaled(by: -2).standardDeviation - 2 * variance.squareRoot()) < 1e-9)
    }

    @Test func rowsAreApart() {
        let rows = [Float]([1, 3, 10, 10]).withUnsafeBufferPointer { Moments.ofRows(2, $0) }
        #expect(
            rows == [Moments(count: 2, mean: 2, deviations: 2), Moments(count: 2, mean: 10, deviations: 0)])
    }
}

@Suite struct LoudnessTargetTests {
    static func facts(rms: Double?, lufs: Double?, peak: Double?, isSilent: Bool = false) -> AudioFacts {
        var facts = AudioFacts()
        facts.rms = rms
        facts.integratedLoudness = lufs
        facts.truePeak = peak
        facts.isSilent = isSilent
        return facts
    }

    @Test func gainReachesTheTarget() {
        let facts = Self.facts(rms: -26, lufs: -25, peak: -3)
        #expect(LoudnessTarget.rms(-20).gain(for: facts.levels).decibels == 6)
        #expect(abs(LoudnessTarget.rms(-20).gain(for: facts.levels).amplitude - 1.9953) < 1e-4)
        #expect(LoudnessTarget.lufs(-23).gain(for: facts.levels).decibels == 2)
        #expect(LoudnessTarget.none.gain(for: facts.levels).decibels == 0)
    }

    @Test func theCeilingLimitsIt() {
        let facts = Self.facts(rms: -26, lufs: -25, peak: -3)
        let limited = LoudnessTarget.rms(-20).gain(for: facts.levels, ceiling: -1)
        #expect(limited.decibels == 2 && limited.isLimited)
        #expect(!LoudnessTarget.rms(-27).gain(for: facts.levels, ceiling: -1).isLimited)
    }

    @Test func aDoubtfulLoudnessIsReported() {
        var facts = Self.facts(rms: -26, lufs: -25, peak: -3)
        func code(_ target: LoudnessTarget) -> String? { target.warning(for: facts.levels)?.code }
        (facts.frames, facts.nativeSampleRate) = (17640, 44100)
        #expect(code(.lufs(-23)) == nil)
        facts.frames = 17639
        #expect(code(.lufs(-23)) == "audio.too-short-for-loudness")
        // Other targets do not use it.
        #expect(code(.rms(-20)) == nil && code(.none) == nil)
        (facts.frames, facts.nativeSampleRate, facts.integratedLoudness) = (90000, 3000, nil)
        #expect(code(.lufs(-23)) == "audio.loudness-unmeasured")
        facts.isSilent = true
        #expect(code(.lufs(-23)) == nil)
    }

    @Test func silenceStaysAsItIs() {
        #expect(
            LoudnessTarget.rms(-20).gain(
                for: Self.facts(rms: -71, lufs: nil, peak: -60, isSilent: true).levels
            )
            .decibels == 0)
        #expect(
            LoudnessTarget.lufs(-23).gain(for: Self.facts(rms: -30, lufs: nil, peak: -20).levels).decibels
                == 0)
        #expect(
            LoudnessTarget.rms(-20).gain(
                for: Self.facts(rms: nil, lufs: nil, peak: nil, isSilent: true).levels
            )
            .decibels == 0)
    }
}
