import Dataset
import Foundation
import Testing

@testable import Files
@testable import Insight

/// `inspect` shows what the stages stored of a segment.
struct StoredNumberTests {
    @Test func ofMIDI() throws {
        let shop = try Workshop()
        // Sixteenths one after the other at 120 BPM; the third segment is cut short.
        try shop.write("music/jazz/a.mid", Workshop.midi(Workshop.melody(seed: 1, count: 40)))
        let reader = try shop.build(segment: 16)
        for place in ["a.mid#0", "a.mid#2"] {
            let view = try SegmentView(reader, reader.place(place))
            #expect(view.numbers.map(\.name) == ["density", "polyphony"])
            #expect(view.numbers.map(\.value) == [8, 1])
            #expect(view.json["numbers"] == ["density": .number(8), "polyphony": .number(1)])
            #expect(
                try view.text(width: 80).contains("numbers    density 8.00 notes/s, mean polyphony 1.00\n"))
        }
    }

    @Test(arguments: ["mel: {bands: 8}", "waveform: {}"]) func ofAudio(_ feature: String) throws {
        let shop = try Workshop()
        // A tone of 1 kHz at half of full scale, digital silence, and half a segment of both.
        let samples = (0..<20000).map { index in
            index < 8000 || index >= 18000 ? 0.5 * sin(2 * .pi * 1000 * (Double(index) + 0.5) / 8000) : 0
        }
        try shop.write("a.wav", Workshop.wav(rate: 8000, samples))
        let reader = try shop.build(
            """
            version: 1
            dataset: tones
            sources: [{path: a.wav}]
            splits: {train: 1, validation: 0, test: 0}
            audio: {sample_rate: 8000, loudness: {rms_dbfs: -40}, normalize: none, segment: {samples: 8000}, \
            stft: {n_fft: 512, hop: 128}, features: {\(feature)}}
            """, named: "a.yaml")
        func numbers(_ segment: Int) throws -> [String: Double] {
            let view = try SegmentView(reader, reader.place("a.wav#\(segment)"))
            let measures = try view.measures().array ?? []
            for number in view.numbers {
                let shown = measures.first { $0["name"]?.string == number.name }
                #expect(shown?["value"]?.double == number.value)
                #expect(view.json["numbers"]?[number.name]?.double == number.value)
                #expect(try view.text(width: 80).contains("\(number.title) "))
            }
            return Dictionary(uniqueKeysWithValues: view.numbers.map { ($0.name, $0.value) })
        }
        let (tone, silence, both) = (try numbers(0), try numbers(1), try numbers(2))
        let isSpectral = feature.hasPrefix("mel")
        #expect(tone.count == (isSpectral ? 6 : 3))
        // As the file is, not with the gain to −40 dBFS.
        #expect(abs((tone["loudness"] ?? 0) + 9.03) < 0.01)
        #expect(abs((tone["zero_crossings"] ?? 0) - 0.25) < 0.005 && tone["silence"] == 0)
        #expect(silence["loudness"] == -100 && silence["silence"] == 1)
        #expect(abs((both["loudness"] ?? 0) + 12.04) < 0.01)
        #expect(abs((both["silence"] ?? 0) - 0.5) < 0.1)
        guard isSpectral else { return }
        // The first and the last frame see the edge of the tone, so the centroid is a little above it.
        #expect(abs((tone["centroid"] ?? 0) - 1000) < 100 && abs((tone["rolloff"] ?? 0) - 1000) < 100)
        #expect(silence["centroid"] == 0 && silence["rolloff"] == 0)
        #expect((both["flux"] ?? 0) > (tone["flux"] ?? 0))
    }
}
