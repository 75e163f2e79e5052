public import Audio
public import Files
import Listing
import Symbolic

extension Manifest {
    /// The manifest with defaults filled in, in the manifest's own grammar; the snapshot holds it.
    ///
    /// Manifests that differ in spelling, order of keys or defaults written out have equal values.
    public var effective: JSONValue {
        var members: [String: JSONValue] = [
            "version": 1, "dataset": .string(dataset), "sources": .array(sources.map(\.effective)),
            "splits": splits.effective, "shards": ["target_bytes": JSONValue(targetBytes)],
            "dedupe": .bool(dedupe),
        ]
        switch statistics {
        case .fit: members["statistics"] = "fit"
        case .exact: members["statistics"] = "exact"
        case .from(let hash): members["statistics"] = ["from": .string(hash)]
        }
        members["about"] = about.effective
        members["midi"] = midi?.effective
        members["audio"] = audio?.effective
        return .object(members)
    }
}

extension SourceItem {
    /// The item in the manifest's grammar.
    public var effective: JSONValue {
        var members: [String: JSONValue] = [:]
        switch place {
        case .glob(let pattern): members["path"] = .string(pattern.source)
        case .table(let path, let headerRows, let entryPath):
            members["table"] = .string(path)
            members["header_rows"] = JSONValue(headerRows)
            members["path"] = .string(entryPath.source)
        }
        switch labels {
        case .patterns(let named):
            members["labels"] = .object(
                Dictionary(
                    named.map { label in
                        let texts = label.patterns.map { JSONValue.string($0.source) }
                        return (label.name, texts.count == 1 ? texts[0] : .array(texts))
                    }
                ) { first, _ in first })
        case .columns(let names): members["labels"] = .array(names.map { .string($0) })
        case .otherColumns: break
        }
        members["piece"] = piece.map { .string($0.source) }
        if let pair {
            members["pair"] = .string(pair.source)
            switch offset {
            case .microseconds(let offset): members["offset_seconds"] = .number(Double(offset) / 1e6)
            case .column(let column): members["offset_seconds"] = .string(column)
            }
        }
        // Absent where the manifest does not have them, so that older snapshots stay as they are.
        if !exclude.isEmpty { members["exclude"] = .array(exclude.map { .string($0.source) }) }
        members["limit"] = limit.map { JSONValue($0) }
        if !map.isEmpty {
            members["map"] = .object(
                map.mapValues { values in .object(values.mapValues { $0.map { .string($0) } ?? .null }) })
        }
        return .object(members)
    }
}

extension Manifest.MIDI {
    /// The block with defaults filled in, in the manifest's units.
    public var effective: JSONValue {
        json(
            grid: followsFrames ? ["frames": "mel"] : gridMembers,
            segment: [segmentLength.unit.rawValue: segmentLength.amount, "hop": segmentHop.amount])
    }

    /// What decides what MIDI stages make of a source: all of the block, with lengths in steps and frames as their rate.
    ///
    /// So 16 beats and 64 steps, four to a beat, are one action.
    public var reading: JSONValue {
        json(grid: gridMembers, segment: ["steps": JSONValue(steps), "hop": JSONValue(hop)])
    }

    private var gridMembers: [String: JSONValue] {
        switch grid {
        case .stepsPerBeat(let count): ["steps_per_beat": JSONValue(count)]
        case .stepsPerFirstBeat(let count): ["steps_per_first_beat": JSONValue(count)]
        case .stepsPerSecond(let numerator, let denominator):
            ["steps_per_second": Rational(numerator, denominator).json]
        }
    }

    private func json(grid: [String: JSONValue], segment: [String: JSONValue]) -> JSONValue {
        let rounding = ["rounding": JSONValue.string(rounding.rawValue)]
        let cutting: [String: JSONValue] = ["drop_last": .bool(dropLast), "align": .string(align.rawValue)]
        var members: [String: JSONValue] = [
            "grid": .object(grid.merging(rounding) { first, _ in first }),
            "segment": .object(segment.merging(cutting) { first, _ in first }),
            "pitches": [JSONValue(Int(pitches.lowerBound)), JSONValue(Int(pitches.upperBound))],
            "drums": .string(drums.rawValue), "sustain": .string(sustain.rawValue),
            "window": .string(window.rawValue),
        ]
        switch controls {
        case .all: members["controls"] = true
        case .numbers(let numbers): members["controls"] = .array(numbers.map { JSONValue(Int($0)) })
        }
        members["voices"] = voices.map { JSONValue($0) }
        if requiredTimeSignature != nil || requiresConstantTimeSignature {
            var require: [String: JSONValue] = [
                "constant_time_signature": .bool(requiresConstantTimeSignature)
            ]
            require["time_signature"] = requiredTimeSignature.map {
                .string("\($0.numerator)/\($0.denominator)")
            }
            members["require"] = .object(require)
        }
        return .object(members)
    }
}

extension SegmentLength {
    var amount: JSONValue {
        switch self {
        case .steps(let count), .beats(let count), .bars(let count): JSONValue(count)
        case .seconds(let seconds): seconds.json
        }
    }
}

extension Rational {
    /// A whole number as a number, others as a text such as `44100/512`, in lowest terms.
    var json: JSONValue { denominator == 1 ? JSONValue(numerator) : .string(description) }
}

extension Manifest.Audio {
    /// The block with defaults filled in, in the manifest's units.
    public var effective: JSONValue {
        guard case .object(var members) = spectrum, case .object(let pack) = packing else { return .null }
        members.merge(pack) { first, _ in first }
        members["features"] = features.effective
        if let segmentSeconds {
            members["segment"] = [
                "seconds": segmentSeconds.length.json, "hop": segmentSeconds.hop.json,
                "drop_last": .bool(dropLast),
            ]
        }
        return .object(members)
    }

    /// What decides what is read from a source and stored at unity gain: the `spectrum` stage's parameters.
    ///
    /// `features.mfcc` is reduced to the linear mel beneath it; loudness, peak, normalisation and element type have
    /// no part in it.
    public var spectrum: JSONValue {
        var members: [String: JSONValue] = [
            "sample_rate": JSONValue(sampleRate), "channels": "mono",
            "resampler": .string(resampler.rawValue),
            "segment": ["samples": JSONValue(samples), "hop": JSONValue(hop), "drop_last": .bool(dropLast)],
            "stft": [
                "n_fft": JSONValue(stft.nFFT), "hop": JSONValue(stft.hopLength),
                "win_length": JSONValue(stft.winLength),
                "window": .string(stft.window.rawValue), "center": .bool(stft.center),
                "pad_mode": .string(stft.padMode.rawValue), "pad_end": JSONValue(stft.padEnd),
            ],
        ]
        members["bandpass"] = bandpass.map { band in
            ["low_hz": .number(band.low), "high_hz": .number(band.high), "order": JSONValue(band.order)]
        }
        var linear = features.members
        linear["mfcc"] = features.mfcc?.mel.effective
        members["features"] = .object(linear)
        return .object(members)
    }

    /// What decides how stored features are brought to their final form: loudness, peak, normalisation, element
    /// type, and MFCC's own parameters.
    public var packing: JSONValue {
        var members: [String: JSONValue] = [
            "peak": peakCeiling.map { .number($0) } ?? "ignore", "dtype": .string(elementType.rawValue),
            "normalize": normalize.effective,
        ]
        switch loudness {
        case .none: members["loudness"] = "none"
        case .rms(let level): members["loudness"] = ["rms_dbfs": .number(level)]
        case .lufs(let level): members["loudness"] = ["lufs": .number(level)]
        }
        if let mfcc = features.mfcc { members["features"] = ["mfcc": mfcc.effective] }
        return .object(members)
    }
}

extension Manifest.Audio.Features {
    /// The features in the manifest's grammar.
    public var effective: JSONValue { .object(members) }

    var members: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        members["mel"] = mel?.effective
        members["spectrogram"] = spectrogram.map { found in
            ["power": JSONValue(found.power), "drop_nyquist": .bool(found.dropNyquist)]
        }
        members["mfcc"] = mfcc?.effective
        if chroma { members["chroma"] = [:] }
        members["cqt"] = cqt?.effective
        if waveform { members["waveform"] = [:] }
        return members
    }
}

extension MelParameters {
    /// The feature in the manifest's grammar.
    public var effective: JSONValue { .object(members) }

    var members: [String: JSONValue] {
        [
            "bands": JSONValue(bands), "fmin": .number(fMin), "fmax": fMax.map { .number($0) } ?? .null,
            "scale": .string(scale.rawValue), "norm": .string(norm.rawValue), "power": JSONValue(power),
        ]
    }
}

extension CQTParameters {
    /// The feature in the manifest's grammar.
    public var effective: JSONValue {
        [
            "bins": JSONValue(bins), "bins_per_octave": JSONValue(binsPerOctave), "fmin": .number(fMin),
            "tuning": .number(tuning), "filter_scale": .number(filterScale), "sparsity": .number(sparsity),
            "window": .string(window.rawValue), "scale": .bool(scale),
        ]
    }
}

extension MFCCParameters {
    /// The feature in the manifest's grammar.
    public var effective: JSONValue {
        var members = mel.members
        members.merge(decibels.members) { first, _ in first }
        members["coefficients"] = JSONValue(coefficients)
        members["lifter"] = .number(lifter)
        return .object(members)
    }
}

extension DecibelParameters {
    /// The members of a block that has them.
    public var members: [String: JSONValue] {
        let ref: JSONValue =
            switch reference {
            case .value(let value): .number(value)
            case .maximum: "max"
            }
        return [
            "amin": .number(amin), "top_db": topDB.map { .number($0) } ?? "none",
            "ref": ref,
        ]
    }
}

extension Manifest.Audio.Normalize {
    /// The block in the manifest's grammar, in its long form.
    public var effective: JSONValue {
        var members: [String: JSONValue] = ["compress": .string(compress.rawValue)]
        switch per {
        case .none: members["per"] = "none"
        case .dataset: members["per"] = "dataset"
        case .label(let label): members["per"] = .string(label)
        }
        if per != .none { members["epsilon"] = .number(epsilon) }
        if compress == .log { members.merge(decibels.members) { first, _ in first } }
        return .object(members)
    }
}

extension Manifest.Splits {
    /// The block in the manifest's grammar.
    public var effective: JSONValue {
        var members: [String: JSONValue] = [:]
        switch division {
        case .column(let column):
            guard nearDuplicates == .together else { return ["column": .string(column)] }
            return ["column": .string(column), "near_duplicates": "together"]
        case .proportions(let train, let validation, let test):
            members = ["train": .number(train), "validation": .number(validation), "test": .number(test)]
        case .folds(let count, let test): members = ["folds": JSONValue(count), "fold": JSONValue(test)]
        }
        switch unit {
        case .piece: members["by"] = "piece"
        case .segment: members["by"] = "segment"
        case .label(let label): members["by"] = .string(label)
        }
        members["method"] = .string(method.rawValue)
        members["stratify"] = stratify.map { .string($0) }
        members["seed"] = JSONValue(seed)
        if nearDuplicates == .together { members["near_duplicates"] = "together" }
        return .object(members)
    }
}
