import Foundation
import Loading
import Testing

@testable import Dataset
@testable import Files
@testable import Insight

/// Segments of pairs: notes and features stacked on one axis of time, and counted once.
struct PairViewTests {
    @Test(arguments: ["grid: {frames: mel}", "segment: {steps: 8}"])
    func bothHalvesShareOneAxis(midi: String) throws {
        let shop = try Workshop()
        let pitches = Workshop.melody(seed: 3, count: 40)
        try shop.write("music/a.mid", Workshop.midi(pitches))
        // A note each eighth of a second, at the pitch of the score.
        let sound = (0..<40_000).map { index in
            let frequency = 440 * pow(2, (Double(pitches[index / 1000]) - 69) / 12)
            return 0.5 * sin(2 * Double.pi * frequency * Double(index) / 8000)
        }
        try shop.write("music/a.wav", Workshop.wav(rate: 8000, sound))
        let reader = try shop.build(
            """
            version: 1
            dataset: pairs
            sources: [{path: music/*.mid, pair: "{dir}/{stem}.wav"}]
            midi: {\(midi)}
            audio:
              sample_rate: 8000
              segment: {samples: 8192}
              stft: {n_fft: 256, hop: 64}
              features: {mel: {bands: 24, fmax: 4000}}
            splits: {train: 1, validation: 0, test: 0}
            """, named: "pairs.yaml")
        #expect(reader.snapshot.segmentCount(.train) == 5)
        let view = try SegmentView(reader, #require(reader.place(1, in: .train)))
        let excerpt = view.excerpt
        #expect(excerpt.columns == 129 && excerpt.piano.count == 129 * 128 && excerpt.features.count == 1)
        // At the centre of each frame the roll shows the pitch that the score has then, but where two notes meet.
        for frame in 0..<120 {
            let place = Double(8192 + frame * 64) / 1000
            guard abs(place - place.rounded()) > (midi.hasPrefix("grid") ? 0.1 : 0.51) else { continue }
            let sounding = (0..<128).filter { excerpt.piano[frame * 128 + $0] > 0 }
            #expect(sounding == [Int(pitches[Int(place)])], "frame \(frame)")
        }
        let start = try #require(view.startSecond())
        #expect(abs(start - 1.024) < 1e-9 && abs(view.lengthInSeconds() - 1.024) < 1e-9)
        let text = try view.text(width: 100)
        #expect(text.contains("1.02 s to 2.05 s of its recording music/a.wav") && text.contains("24 × 129"))
        #expect(try view.music().notes.allSatisfy { $0.start >= 0 && $0.start + $0.duration < 1.1 })
        // The recording leads to the same picture, and nothing is counted twice.
        #expect(try SourceView(reader, named: "a.wav").json == SourceView(reader, named: "a.mid").json)
        let total = try DatasetStatistics(reader).total
        #expect(total.segments == 5 && total.sources == 2 && total.pieces == 1 && total.notes == 40)
        #expect(abs(total.seconds - 5) < 1e-9)
    }
}
