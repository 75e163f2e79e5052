import Audio
import Loading
import Manifest
internal import SoundFiles

extension Assembly {
    /// The gain that brings a source to the manifest's loudness; `nil` for MIDI.
    func gain(of source: BuiltSource) -> LoudnessTarget.Gain? {
        guard let audio = manifest.audio, let levels = source.levels else { return nil }
        return audio.gain(for: levels)
    }

    /// Why a source's loudness is not quite what the manifest asks for.
    func loudnessWarning(of source: BuiltSource) -> AudioWarning? {
        guard let audio = manifest.audio, let levels = source.levels, source.isKnown else { return nil }
        return audio.loudnessTarget.warning(for: levels)
    }

    /// Reports the sources whose loudness is doubtful, mel bands that are always 0, and filters longer than a segment.
    func noteAudio(_ entries: [Entry], _ summary: inout BuildSummary) {
        let doubtful = Dictionary(grouping: entries.filter { $0.loudnessWarning != nil }) {
            $0.loudnessWarning?.code ?? ""
        }
        for (_, entries) in doubtful.sorted(by: { $0.key < $1.key }) {
            guard let first = entries.first, let warning = first.loudnessWarning else { continue }
            let others = entries.count - 1
            let more = others == 0 ? "" : " and \(others) more \(others == 1 ? "source" : "sources")"
            summary.warnings.append("\(first.path)\(more): \(warning.message) [\(warning.code)]")
        }
        guard let block = manifest.audio, entries.contains(where: { $0.source.kind == .audio }) else {
            return
        }
        let audio = AudioParameters(block)
        for feature in audio.features {
            let mel: MelParameters
            switch feature {
            case .mel(let parameters): mel = parameters
            case .mfcc(let parameters): mel = parameters.mel
            case .cqt(let cqt):
                if let warning = Self.warning(of: cqt, audio) { summary.warnings.append(warning) }
                continue
            case .spectrogram, .chroma, .waveform: continue
            }
            let empty = mel.emptyBands(sampleRate: audio.sampleRate, nFFT: audio.stft.nFFT)
            guard let first = empty.first, let last = empty.last else { continue }
            let bands =
                empty.count == 1 ? "band \(first) is" : "\(empty.count) bands from \(first) to \(last) are"
            summary.warnings.append(
                "\(feature.name): \(bands) always 0: n_fft \(audio.stft.nFFT) has no frequency there; "
                    + "use fewer bands than \(mel.bands), or a larger n_fft")
        }
    }

    /// What is said of filters that no segment fills: they see zeros beside it in every frame.
    private static func warning(of cqt: CQTParameters, _ audio: AudioParameters) -> String? {
        let samples = audio.segment.samples
        let count = cqt.binsLonger(than: samples, sampleRate: audio.sampleRate)
        guard count > 0 else { return nil }
        let longest = Int(cqt.longestFilter(sampleRate: audio.sampleRate))
        return
            "cqt: \(count == 1 ? "the lowest filter is" : "the lowest \(count) filters are") longer than a segment of "
            + "\(samples) samples, up to \(longest), and blurred; raise fmin, or lengthen segment"
    }
}

extension Manifest.Audio {
    /// The loudness that every source is brought to.
    var loudnessTarget: LoudnessTarget {
        switch loudness {
        case .none: .none
        case .rms(let level): .rms(level)
        case .lufs(let level): .lufs(level)
        }
    }

    /// The gain that brings a source to the manifest's loudness.
    func gain(for levels: AudioLevels) -> LoudnessTarget.Gain {
        loudnessTarget.gain(for: levels, ceiling: peakCeiling)
    }
}
