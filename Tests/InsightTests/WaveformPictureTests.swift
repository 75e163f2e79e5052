import Dataset
import Foundation
import Loading
import Pictures
import Testing

@testable import Files
@testable import Insight

/// The waveform beside features of frames, in which a column is many samples.
struct WaveformPictureTests {
    /// Each column reaches from the least to the greatest sample of its stretch.
    @Test func aColumnHoldsBothEnds() throws {
        let shop = try Workshop()
        let samples = (0..<8000).map { index in
            (index % 640 < 320 ? 0.5 : -0.25) * abs(sin(2 * .pi * 100 * Double(index) / 8000))
        }
        try shop.write("a.wav", Workshop.wav(rate: 8000, samples))
        let reader = try shop.build(
            """
            version: 1
            dataset: tones
            sources: [{path: a.wav}]
            splits: {train: 1, validation: 0, test: 0}
            audio: {sample_rate: 8000, loudness: none, normalize: none, segment: {samples: 8000}, \
            stft: {n_fft: 512, hop: 160}, features: {cqt: {bins: 40, fmin: 100}, waveform: {}}}
            """, named: "a.yaml")
        let view = try SegmentView(reader, reader.place("a.wav#0"))
        let columns = view.excerpt.columns
        let waveform = try #require(view.excerpt.features.first { $0.name == "waveform" }).values
        #expect(columns == 51 && waveform.count == 2 * columns)
        let width = view.excerpt.perColumn
        for column in 0..<columns {
            let range = Int(Double(column) * width)..<Int(Double(column + 1) * width)
            let part = samples[range.clamped(to: 0..<8000)]
            // Sixteen bits.
            #expect(abs(Double(waveform[column]) - (part.max() ?? 0)) < 1e-4)
            #expect(abs(Double(waveform[columns + column]) - (part.min() ?? 0)) < 1e-4)
        }
        // The rows of the constant-Q transform are marked in Hz.
        let panel = try #require(view.excerpt.featurePanels().first { $0.title.hasPrefix("cqt") })
        #expect(panel.title == "cqt, 40 × 51")
        #expect(panel.marks.map(\.text) == ["100 Hz", "200 Hz", "500 Hz"])
        #expect(panel.marks.map(\.row) == [0, 12, 28])
    }
}
