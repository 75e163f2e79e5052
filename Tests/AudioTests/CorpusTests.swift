import Audio
import Foundation
import Testing

@testable import SoundFiles

/// Inputs that once broke a law under `tools/fuzz`: finite features or a typed error come of each.
@Suite struct CorpusTests {
    private static func corpus() throws -> [String] {
        let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/Corpus/audio")
            .standardizedFileURL.path
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { "\(folder)/\($0)" }
    }

    @Test(arguments: try corpus())
    func audio(_ path: String) throws {
        let extractor = FeatureExtractor(
            AudioParameters(
                sampleRate: 8000, resampler: .fastest, segment: SegmentParameters(samples: 2048),
                stft: STFTParameters(nFFT: 256, hopLength: 128),
                features: [.chroma, .waveform, .spectrogram(SpectrogramParameters(power: 2))]))
        do {
            _ = try extractor.extract(path: path) { name, _, values in
                let isFinite = values.allSatisfy { $0.isFinite }
                #expect(isFinite, "\(name)")
            }
        } catch {
            #expect(error is AudioError, "\(error)")
        }
    }
}
