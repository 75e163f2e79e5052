internal import Audio
internal import Glibc
internal import SoundFiles

/// The extractors that all inputs go through: two, so that what one file leaves behind would meet the next.
nonisolated(unsafe) private let extractors = [
    FeatureExtractor(
        AudioParameters(
            sampleRate: 8000, resampler: .fastest, segment: SegmentParameters(samples: 2048),
            stft: STFTParameters(nFFT: 256, hopLength: 128),
            features: [.chroma, .waveform, .spectrogram(SpectrogramParameters(power: 2))])),
    FeatureExtractor(
        AudioParameters(
            sampleRate: 22050, resampler: .soxrHQ, bandpass: Bandpass(low: 125, high: 10000, order: 1),
            segment: SegmentParameters(samples: 4096, hop: 1000, dropLast: true),
            stft: STFTParameters(nFFT: 512, hopLength: 256), features: [.waveform])),
]

/// Where inputs are written, since libsndfile reads files: one that the system forgets with the process.
private let file: Int32 = {
    var name = Array("/tmp/reprise-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    law(descriptor >= 0 && unlink(name) == 0, "a temporary file can be made")
    return descriptor
}()

/// Audio files: facts and finite features, or an `AudioError`.
func fuzzAudio(_ bytes: [UInt8]) -> Int32 {
    law(ftruncate(file, 0) == 0 && pwrite(file, bytes, bytes.count, 0) == bytes.count, "the input is written")
    for extractor in extractors {
        var values = 0
        do {
            let facts = try extractor.extract(path: "/proc/self/fd/\(file)") { _, _, features in
                values += features.count
                law(features.allSatisfy(\.isFinite), "features are finite")
            }
            law(
                facts.frames > 0 && facts.channels > 0 && facts.nativeSampleRate > 0,
                "a read file has samples")
            for level in [facts.integratedLoudness, facts.truePeak, facts.rms, facts.loudnessRange] {
                law(level?.isFinite ?? true, "levels are finite: \(facts)")
            }
        } catch {
            law(error is AudioError || "\(error)".contains("ffmpeg"), "the error is of its kind: \(error)")
        }
    }
    return 0
}
