internal import CSamplerate
internal import CSoxr
internal import SoundFiles

/// Converts a mono signal from one rate to another, block by block, in constant memory.
///
/// The output is that of the whole signal with zeros before and after it, and has exactly
/// ceil(n · to / from) samples for n in; how the input falls into blocks makes no difference. libsoxr may give one sample
/// less, which is then zero, as in librosa.
final class SampleRateConverter {
    /// A library's converter, or none where the rates are equal.
    private enum Engine {
        case none
        case samplerate(OpaquePointer)
        case soxr(OpaquePointer)
    }

    /// The largest ratio of two rates, either way: libsamplerate's limit.
    static let largestRatio = 256

    private let from: Int
    private let to: Int
    private let engine: Engine
    private let output: FloatBuffer
    private var inputCount = 0
    private var outputCount = 0

    /// - Throws: `audio.bad-rate` if the rates are more than 256 times apart.
    init(from: Int, to: Int, quality: Resampler) throws(AudioError) {
        self.from = from
        self.to = to
        guard from <= to * Self.largestRatio, to <= from * Self.largestRatio else {
            throw AudioError(
                .badRate, "cannot convert \(from) Hz to \(to) Hz: more than \(Self.largestRatio) times apart")
        }
        let blockLength = 4096 * to / from + 64
        output = FloatBuffer(count: from == to ? 0 : blockLength)
        engine = from == to ? .none : try Self.engine(from: from, to: to, quality: quality)
    }

    private static func engine(from: Int, to: Int, quality: Resampler) throws(AudioError) -> Engine {
        let converter: Int
        switch quality {
        case .best: converter = SRC_SINC_BEST_QUALITY
        case .medium: converter = SRC_SINC_MEDIUM_QUALITY
        case .fastest: converter = SRC_SINC_FASTEST
        case .soxrHQ:
            var specification = soxr_quality_spec(UInt(SOXR_HQ), 0)
            guard let soxr = soxr_create(Double(from), Double(to), 1, nil, nil, &specification, nil) else {
                throw AudioError(.badRate, "libsoxr cannot convert \(from) Hz to \(to) Hz")
            }
            return .soxr(soxr)
        }
        var code: Int32 = 0
        guard let state = src_new(Int32(converter), 1, &code) else {
            throw AudioError(.badRate, "libsamplerate cannot convert \(from) Hz to \(to) Hz")
        }
        return .samplerate(state)
    }

    deinit {
        switch engine {
        case .none: break
        case .samplerate(let state): src_delete(state)
        case .soxr(let state): soxr_delete(state)
        }
    }

    /// Takes the next samples; hands on those that are ready.
    ///
    /// - Throws: `audio.resampling` if the library fails; whatever `body` throws.
    func process(
        _ samples: UnsafePointer<Float>, count: Int, _ body: (UnsafePointer<Float>, Int) throws -> Void
    ) throws {
        inputCount += count
        try feed(samples, count: count, limit: .max, body)
    }

    /// Hands on the rest.
    ///
    /// - Throws: `audio.resampling` if the library fails; whatever `body` throws.
    func finish(_ body: (UnsafePointer<Float>, Int) throws -> Void) throws {
        let wanted = (inputCount * to + from - 1) / from
        if case .soxr(let state) = engine {
            while outputCount < wanted {
                var made = 0
                try check(soxr_process(state, nil, 0, nil, output.pointer, output.count, &made))
                if made == 0 { break }
                made = min(made, wanted - outputCount)
                outputCount += made
                try body(output.pointer, made)
            }
            // The part of one input sample may be missing, for rounding; more is a fault.
            guard wanted - outputCount <= 1 + to / from else {
                throw AudioError(
                    .resampling, "libsoxr gave \(outputCount) of \(wanted) samples", frame: inputCount)
            }
        }
        let zeros = FloatBuffer(count: 4096)
        defer { withExtendedLifetime(zeros) {} }
        var barren = 0
        while outputCount < wanted {
            if case .samplerate = engine {
                let before = outputCount
                try feed(zeros.pointer, count: zeros.count, limit: wanted - outputCount, body)
                // Down to 1/256 of the rate, a block gives 16 samples; the filter swallows a few blocks first.
                barren = outputCount == before ? barren + 1 : 0
                guard barren < 64 else {
                    throw AudioError(
                        .resampling, "libsamplerate gave \(outputCount) of \(wanted) samples",
                        frame: inputCount)
                }
            } else {
                let count = min(wanted - outputCount, zeros.count)
                outputCount += count
                try body(zeros.pointer, count)
            }
        }
    }

    private func feed(
        _ samples: UnsafePointer<Float>, count: Int, limit: Int,
        _ body: (UnsafePointer<Float>, Int) throws -> Void
    ) throws {
        if case .none = engine {
            outputCount += min(count, limit)
            return try body(samples, min(count, limit))
        }
        var consumed = 0
        var allowed = limit
        while true {
            var made = 0
            var used = 0
            switch engine {
            case .none: break
            case .samplerate(let state):
                var data = SRC_DATA()
                data.data_in = samples + consumed
                data.data_out = output.pointer
                data.input_frames = count - consumed
                data.output_frames = output.count
                data.src_ratio = Double(to) / Double(from)
                let code = src_process(state, &data)
                guard code == 0 else {
                    let message = src_strerror(code).map { String(cString: $0) } ?? "error \(code)"
                    throw AudioError(.resampling, "libsamplerate: \(message)", frame: inputCount)
                }
                used = data.input_frames_used
                made = data.output_frames_gen
            case .soxr(let state):
                try check(
                    soxr_process(
                        state, samples + consumed, count - consumed, &used, output.pointer, output.count,
                        &made))
            }
            consumed += used
            let kept = min(made, allowed)
            outputCount += kept
            allowed -= kept
            if kept > 0 { try body(output.pointer, kept) }
            if allowed == 0 { return }
            if made == 0 {
                guard consumed == count || used > 0 else {
                    throw AudioError(
                        .resampling, "the converter took \(consumed) of \(count) samples", frame: inputCount)
                }
                if consumed == count { return }
            }
        }
    }

    private func check(_ error: UnsafePointer<CChar>?) throws(AudioError) {
        guard let error else { return }
        throw AudioError(.resampling, "libsoxr: \(String(cString: error))", frame: inputCount)
    }
}
