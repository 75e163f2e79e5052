public import Audio
public import Symbolic

extension AudioParameters {
    /// What a manifest's `audio` block asks of the extractor.
    public init(_ manifest: Manifest.Audio) {
        let wanted = manifest.features
        var features: [FeatureParameters] = []
        if let mel = wanted.mel { features.append(.mel(mel)) }
        if let spectrogram = wanted.spectrogram { features.append(.spectrogram(spectrogram)) }
        if let mfcc = wanted.mfcc { features.append(.mfcc(mfcc)) }
        if wanted.chroma { features.append(.chroma) }
        if let cqt = wanted.cqt { features.append(.cqt(cqt)) }
        if wanted.waveform { features.append(.waveform) }
        self.init(
            sampleRate: manifest.sampleRate, resampler: manifest.resampler, bandpass: manifest.bandpass,
            segment: SegmentParameters(
                samples: manifest.samples, hop: manifest.hop, dropLast: manifest.dropLast),
            stft: manifest.stft, features: features)
    }
}

extension Grid {
    init(_ manifest: Manifest.MIDI.Grid) {
        self =
            switch manifest {
            case .stepsPerBeat(let steps): .stepsPerBeat(steps)
            case .stepsPerFirstBeat(let steps): .stepsPerFirstBeat(steps)
            case .stepsPerSecond(let numerator, let denominator):
                .stepsPerSecond(Rational(numerator, denominator))
            }
    }
}

extension RollParameters {
    /// What a manifest's `midi` block asks of the grid: a transfer cuts a file as the dataset was cut.
    public init(_ manifest: Manifest.MIDI) {
        let controls: Controls =
            switch manifest.controls {
            case .all: .all
            case .numbers(let numbers): numbers.isEmpty ? .none : .numbers(numbers)
            }
        self.init(
            grid: Grid(manifest.grid), rounding: manifest.rounding,
            steps: manifest.steps,
            hop: manifest.hop, dropLast: manifest.dropLast, align: manifest.align,
            pitches: manifest.pitches, drums: manifest.drums,
            sustain: manifest.sustain, voices: manifest.voices,
            controls: controls,
            window: manifest.window,
            requiredTimeSignature: manifest.requiredTimeSignature.map {
                TimeSignature(tick: 0, numerator: $0.numerator, denominator: $0.denominator)
            },
            requiresConstantTimeSignature: manifest.requiresConstantTimeSignature)
    }
}
