import Foundation
import Testing

@testable import Audio
@testable import SoundFiles

/// The stereo image of a converted recording.
@Suite struct SideInversionTests {
    static let stft = STFTParameters(nFFT: 256, hopLength: 64)

    private static func side(mid: [Float], side: [Float], converted: [Float]) throws -> [Float] {
        var result: [Float] = []
        try SideInversion(stft).invert(
            length: mid.count, mid: { Array(mid[$0]) }, side: { Array(side[$0]) },
            converted: { Array(converted[$0]) }, sink: { result += $0 })
        return result
    }

    /// A part of the inverse transform is that of the whole.
    @Test(arguments: [0..<100, 3000..<3001, 900..<5000, 8900..<9000]) func partsOfTheInverse(
        range: Range<Int>
    ) throws {
        let stft = try STFT(Self.stft)
        let samples = PieceInversionTests.music(9000)
        let whole = try stft.forward(samples)
        let frames =
            max(0, (range.lowerBound - 128) / 64 + 1 - 2)..<min(whole.frames, range.upperBound / 64 + 4)
        let part = try stft.forward(frames: frames, length: 9000) { Array(samples[$0]) }
        let found = stft.inverse(part, frames: frames, length: 9000, samples: range)
        #expect(largestDifference(found, Array(samples[range])) < 1e-4)
    }

    /// Where nothing was converted the side returns, over all blocks.
    @Test func anUntouchedSideReturns() throws {
        // Blocks are of 512 frames, so of 32,768 samples: two of them.
        let mid = PieceInversionTests.music(34_000)
        var noise = Noise(seed: 8)
        let side = zip(mid, noise.array(34_000, amplitude: 0.02)).map { 0.6 * $0 + $1 }
        let found = try Self.side(mid: mid, side: side, converted: mid)
        let error = zip(found, side).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        let whole = side.reduce(0.0) { $0 + Double($1) * Double($1) }
        // Between the tones the side's noise is 20 dB above the mid's; there ε takes a tenth of it.
        #expect(10 * log10(error / whole) < -25)
        #expect(found.count == 34_000)
    }

    /// A tone that is at one side stays there when it is converted, whatever its phase and level become.
    @Test(arguments: [1, -1, 0.5, 0]) func placesStay(ratio: Float) throws {
        func tone(_ phase: Double, _ level: Double) -> [Float] {
            (0..<20_000).map { Float(level * Double.cosine(0.3 * Double($0) + phase)) }
        }
        let mid = tone(0, 0.2)
        let converted = tone(1.1, 0.35)
        let found = try Self.side(mid: mid, side: mid.map { $0 * ratio }, converted: converted)
        let inner = 1000..<19_000
        let wanted = inner.map { converted[$0] * ratio }
        for (place, value) in zip(inner, wanted) { #expect(abs(found[place] - value) < 2e-3) }
    }

    /// A side without a mid has no more than 16 times the converted mid, and silence gives silence.
    @Test func aSideAloneIsBounded() throws {
        var noise = Noise(seed: 4)
        let side = noise.array(10_000, amplitude: 0.5)
        let zeros = [Float](repeating: 0, count: 10_000)
        let small = noise.array(10_000, amplitude: 1e-4)
        func energy(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }
        #expect(energy(try Self.side(mid: zeros, side: side, converted: side)) == 0)
        let found = try Self.side(mid: small, side: side, converted: small)
        #expect(energy(found) < 256 * energy(small) && energy(found) > 0)
        #expect(try Self.side(mid: zeros, side: zeros, converted: zeros).allSatisfy { $0 == 0 })
    }

    /// Half the difference of the channels, with the mono signal's rate, band and length.
    @Test func sidesAreDecoded() throws {
        let scratch = try Scratch()
        var noise = Noise(seed: 5)
        let (left, right) = (noise.array(9001, amplitude: 0.3), noise.array(9001, amplitude: 0.3))
        let stereo = try scratch.wave("stereo.wav", rate: 8000, [left, right])
        let half = try scratch.wave("side.wav", rate: 8000, [zip(left, right).map { 0.5 * ($0 - $1) }])
        let parameters = AudioParameters(
            sampleRate: 6000, bandpass: Bandpass(low: 100, high: 2000, order: 1),
            segment: SegmentParameters(samples: 1024), features: [.waveform])
        var found: [Float] = []
        #expect(try parameters.side(ofFileAt: stereo) { found.append(contentsOf: $0) })
        let wanted = try parameters.signal(ofFileAt: half).samples
        #expect(found.count == wanted.count && largestDifference(found, wanted) < 1e-6)
        #expect(try !parameters.side(ofFileAt: half) { _ in Issue.record("a mono file has no side") })
    }
}
