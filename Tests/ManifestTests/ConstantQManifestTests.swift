import Audio
import Files
import Manifest
import Testing

/// What a manifest says of the constant-Q transform.
struct ConstantQManifestTests {
    /// librosa's defaults, written out in the effective manifest and in the parameters of the stage.
    @Test func defaultsAreLibrosas() throws {
        let audio = try #require(try ManifestTests.with("audio: {features: {cqt: {}}}").audio)
        #expect(AudioParameters(audio).features == [.cqt(CQTParameters())])
        let expected: JSONValue = [
            "bins": 84, "bins_per_octave": 12, "fmin": .number(32.70319566257483), "tuning": .number(0),
            "filter_scale": .number(1), "sparsity": .number(0.01), "window": "hann", "scale": .bool(true),
        ]
        #expect(audio.effective["features"] == ["cqt": expected])
        #expect(audio.spectrum["features"] == ["cqt": expected])
    }

    @Test func everyKeyIsRead() throws {
        let audio = try #require(
            try ManifestTests.with(
                """
                audio:
                  features:
                    cqt: {bins: 100, bins_per_octave: 24, fmin: 55, tuning: -0.25, filter_scale: 0.5,
                          sparsity: 0, window: hamming, scale: false}
                """
            ).audio)
        #expect(
            audio.features.cqt
                == CQTParameters(
                    bins: 100, binsPerOctave: 24, fMin: 55, tuning: -0.25, filterScale: 0.5, sparsity: 0,
                    window: .hamming, scale: false))
        // What is written is what is read again.
        let again = try #require(
            try ManifestTests.with("audio: {features: \(audio.features.effective.canonical)}").audio)
        #expect(again.features == audio.features)
    }

    /// The limit is the number of filters, not of octaves: one more than fits is named, and the one that fits passes.
    @Test func theMostBinsAreAccepted() throws {
        for rate in [8000, 22050, 44100, 48000] {
            let most = CQTParameters().mostBins(sampleRate: rate)
            let audio = "audio: {sample_rate: \(rate), features: {cqt: {bins: @}}}"
            _ = try ManifestTests.with(audio.replacing("@", with: "\(most)"))
            let error = #expect(throws: (any Error).self) {
                try ManifestTests.with(audio.replacing("@", with: "\(most + 1)"))
            }
            #expect("\(try #require(error))".contains("cqt.bins must be at most \(most), not \(most + 1)"))
        }
    }
}
