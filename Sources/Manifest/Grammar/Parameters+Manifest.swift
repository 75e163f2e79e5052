public import Audio
public import Symbolic

extension AudioParameters {
    /// What a manifest's `audio` block asks of the extractor.
    public init(_ manifest: Manifest.Audio) {
        var features: [FeatureParameters] = []
        if let mel = manifest.features.mel { features.append(.mel(MelParameters(mel))) }
        if let found = manifest.features.spectrogram {
            features.append(
                .spectrogram(SpectrogramParameters(power: found.power, dropNyquist: found.dropNyquist)))
        }
        if let mfcc = manifest.features.mfcc { features.append(.mfcc(MFCCParameters(mfcc))) }
        if manifest.features.chroma { features.append(.chroma) }
        if manifest.features.waveform { features.append(.waveform) }
        let stft = manifest.stft
        self.init(
            sampleRate: manifest.sampleRate, resampler: Resampler(manifest.resampler),
            bandpass: manifest.bandpass.map { Bandpass(low: $0.low, high: $0.high, order: $0.order) },
            segment: SegmentParameters(
                samples: manifest.samples, hop: manifest.hop, dropLast: manifest.dropLast),
            stft: STFTParameters(
                nFFT: stft.nFFT, hopLength: stft.hop, winLength: stft.winLength,
                window: stft.window == .hann ? .hann : .hamming, center: stft.center,
                padMode: stft.padMode == .constant ? .constant : .reflect, padEnd: stft.padEnd),
            features: features)
    }
}

extension Resampler {
    init(_ manifest: Manifest.Audio.Resampler) {
        self =
            switch manifest {
            case .best: .best
            case .medium: .medium
            case .fastest: .fastest
            case .soxrHQ: .soxrHQ
            }
    }
}

extension MelParameters {
    init(_ manifest: Manifest.Audio.Mel) {
        self.init(
            bands: manifest.bands, fMin: manifest.fMin, fMax: manifest.fMax,
            scale: manifest.scale == .slaney ? .slaney : .htk,
            norm: manifest.norm == .slaney ? .slaney : .none,
            power: manifest.power)
    }
}

extension DecibelParameters {
    /// What a manifest says of decibels.
    public init(_ manifest: Manifest.Audio.Decibels) {
        self.init(
            amin: manifest.amin, topDB: manifest.topDB,
            reference: manifest.ref.map { .value($0) } ?? .maximum)
    }
}

extension MFCCParameters {
    init(_ manifest: Manifest.Audio.MFCC) {
        self.init(
            coefficients: manifest.coefficients, mel: MelParameters(manifest.mel),
            decibels: DecibelParameters(manifest.decibels), lifter: manifest.lifter)
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
            grid: Grid(manifest.grid), rounding: manifest.rounding == .floor ? .floor : .halfUp,
            steps: manifest.steps,
            hop: manifest.hop, dropLast: manifest.dropLast, align: manifest.align == .bar ? .bar : .none,
            pitches: manifest.pitches, drums: Drums(manifest.drums),
            sustain: manifest.sustain == .extend ? .extend : .ignore, voices: manifest.voices,
            controls: controls,
            window: manifest.window == .all ? .all : .longestConstantTempo,
            requiredTimeSignature: manifest.requiredTimeSignature.map {
                TimeSignature(tick: 0, numerator: $0.numerator, denominator: $0.denominator)
            },
            requiresConstantTimeSignature: manifest.requiresConstantTimeSignature)
    }
}

extension RollParameters.Drums {
    init(_ manifest: Manifest.MIDI.Drums) {
        self =
            switch manifest {
            case .separate: .separate
            case .include: .include
            case .exclude: .exclude
            }
    }
}
