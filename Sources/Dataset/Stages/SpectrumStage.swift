import Audio
import Build
import Synchronization
import Tensors

/// Audio bytes → each feature of each segment at unity gain, and the levels that decide the gain.
struct SpectrumStage: Sendable {
    let parameters: Parameters
    let audio: AudioParameters
    private let idle = ExtractorPool()

    /// Room kept for each object's header, written when the number of segments is known.
    private static let headerByteCount = 512

    init(_ manifest: Manifest.Audio) {
        parameters = Parameters(manifest.spectrum)
        audio = AudioParameters(manifest)
    }

    func action(_ source: SourceFile, path: String) -> Action {
        Action(
            Stages.spectrum, parameters: parameters, inputs: [Input("source", source.digest)], subject: path)
    }

    /// Makes the features.
    ///
    /// - Returns: what `describe-mel` finds in the mel; nil without one.
    func run(_ context: ActionContext, _ source: SourceFile) throws -> MelDescription? {
        var writers: [String: ObjectWriter] = [:]
        for feature in audio.features {
            let writer = try context.makeOutput(feature.name)
            // At a place, so that the object is hashed once, when it has its header, and not on the way as well.
            try [UInt8](repeating: 0, count: Self.headerByteCount).withUnsafeBytes {
                try writer.write($0, at: 0)
            }
            writers[feature.name] = writer
        }
        let extractor = idle.take() ?? FeatureExtractor(audio)
        defer { idle.put(extractor) }
        let described = describedFeature
        var sums = described.map { feature in
            let shape = feature.extractedShape(in: audio)
            return MelSums(bands: shape[0], frames: shape[1])
        }
        let facts: AudioFacts
        do {
            facts = try extractor.extract(path: source.path) { name, _, values in
                try writers[name]?.write(UnsafeRawBufferPointer(values))
                if name == described?.name { sums?.add(values) }
            }
        } catch let error as AudioError {
            throw StageFailure(
                Diagnostic(
                    .error, code: error.code.rawValue, message: error.message, offset: error.frame,
                    help: error.help))
        } catch let error as AudioAccessError {
            throw BuildError(.sourceUnreadable, error.description, canRetry: true)
        }
        for feature in audio.features {
            let shape = [facts.segments.count] + feature.extractedShape(in: audio)
            let layout = TensorFileLayout(
                [.init(feature.name, .f32, shape)], headerByteCount: Self.headerByteCount)
            precondition(
                layout.header.count == Self.headerByteCount, "a header of \(layout.header.count) bytes")
            try writers[feature.name]?.overwrite(layout.header, at: 0)
        }
        for warning in facts.warnings {
            context.report(
                Diagnostic(.warning, code: warning.code, message: warning.message, offset: warning.frame))
        }
        context.facts = facts.json
        return sums?.description
    }

    /// The linear mel: of `mel`, or the one that `mfcc` is derived from.
    var describedFeature: FeatureParameters? {
        DescribeStage.melNames.lazy.compactMap { name in audio.features.first { $0.name == name } }.first
    }

    /// What the record of a source's stage says.
    static func built(_ source: Digest, _ record: ActionRecord) -> BuiltSource {
        let facts = record.facts
        return BuiltSource(
            sha256: source, kind: .audio, segments: facts["segments"]?.integer ?? 0,
            samples: facts["samples"]?.integer ?? 0, rows: RollShard.RowCounts(), objects: record.outputs,
            levels: AudioLevels(
                rms: facts["rms"]?.double, integratedLoudness: facts["lufs"]?.double,
                truePeak: facts["true_peak"]?.double, isSilent: facts["silent"]?.bool ?? false,
                frames: facts["frames"]?.integer ?? 0, sampleRate: facts["rate"]?.integer ?? 0),
            exclusion: nil, warnings: record.diagnostics.map { "\($0.code): \($0.message)" })
    }
}

extension AudioFacts {
    /// The facts that an action's record keeps: rates in Hz, levels in dB, `null` where there is none.
    fileprivate var json: JSONValue {
        func level(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        return [
            "format": .string(format), "encoding": .string(encoding), "rate": JSONValue(nativeSampleRate),
            "channels": JSONValue(channels), "frames": JSONValue(frames), "samples": JSONValue(samples),
            "segments": JSONValue(segments.count), "lufs": level(integratedLoudness),
            "lra": level(loudnessRange),
            "true_peak": level(truePeak), "peak": level(samplePeak), "rms": level(rms),
            "silent": .bool(isSilent),
            "clipped": JSONValue(clippedSamples),
        ]
    }
}

/// Extractors that no thread is using; each keeps its buffers and plans from file to file.
private final class ExtractorPool: Sendable {
    /// Lets an extractor wander from thread to thread: only one has it at a time.
    private struct Parked: @unchecked Sendable { let extractor: FeatureExtractor }

    private let parked = Mutex<[Parked]>([])

    func take() -> FeatureExtractor? { parked.withLock { $0.popLast() }?.extractor }

    func put(_ extractor: FeatureExtractor) {
        let parking = Parked(extractor: extractor)
        parked.withLock { $0.append(parking) }
    }
}
