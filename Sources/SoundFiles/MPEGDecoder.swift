internal import CMpg123

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Decodes MPEG audio of all layers through libmpg123, frame by frame.
///
/// The frames are found here, by `MPEGScanner`, and given to libmpg123 whole, so that the number of samples is known before
/// the first is decoded and does not depend on what the file declares. The encoder's delay and padding are left out here
/// too, for each of the joined streams of a file.
final class MPEGDecoder {
    let plan: MPEGPlan
    let sampleRate: Int
    let channels: Int
    /// Frames that libmpg123 could not decode, given as silence.
    private(set) var damagedFrames = 0

    private let file: FileBytes
    /// The samples that are kept of each stream.
    private let kept: [Range<Int>]
    private var handle: OpaquePointer?
    /// One frame's samples as decoded, then with the channels of the file.
    private let decoded: UnsafeMutablePointer<Float>
    private let pending: UnsafeMutablePointer<Float>
    private var pendingStart = 0
    private var pendingEnd = 0

    private var stream = 0
    private var run = 0
    private var frame = 0
    /// The next frame's byte, and the number of samples of the stream before it.
    private var offset = 0
    private var sample = 0

    /// libmpg123 before 1.27 wants to be told once.
    private static let isReady = mpg123_init() == Int32(MPG123_OK.rawValue)

    /// - Throws: `audio.rate-changes` if not all frames have one rate, `audio.malformed` without a whole frame.
    init(_ file: FileBytes, _ plan: MPEGPlan) throws(AudioError) {
        guard let first = plan.firstHeader, plan.frames > 0, Self.isReady else {
            throw AudioError(.malformed, "the file holds no whole MPEG frame")
        }
        if let change = plan.firstChange(of: \.sampleRate) {
            throw AudioError(
                .rateChanges,
                "the sample rate changes from \(first.sampleRate) to \(change.value) Hz at byte \(change.offset)",
                frame: change.sample, help: "convert it first, for example with: ffmpeg -i FILE out.flac")
        }
        self.file = file
        self.plan = plan
        kept = plan.streams.map(\.kept)
        sampleRate = first.sampleRate
        channels = plan.channels
        decoded = .allocate(capacity: Self.frameSamples)
        decoded.initialize(repeating: 0, count: Self.frameSamples)
        pending = .allocate(capacity: Self.frameSamples)
        pending.initialize(repeating: 0, count: Self.frameSamples)
    }

    deinit {
        mpg123_delete(handle)
        decoded.deallocate()
        pending.deallocate()
    }

    /// The most samples of a frame, both channels together.
    private static let frameSamples = 1152 * 2

    /// The layer's name, as libsndfile gives it.
    var encoding: String { "MPEG Layer " + String(repeating: "I", count: plan.firstHeader?.layer ?? 3) }

    /// Decodes up to `count` frames of interleaved samples; 0 at the end.
    func read(into buffer: UnsafeMutablePointer<Float>, count: Int) throws -> Int {
        var filled = 0
        while filled < count {
            if pendingStart == pendingEnd {
                guard try decodeNext() else { break }
                continue
            }
            let step = min(count - filled, pendingEnd - pendingStart)
            (buffer + filled * channels).update(
                from: pending + pendingStart * channels, count: step * channels)
            pendingStart += step
            filled += step
        }
        return filled
    }

    /// Goes to a sample of the file: decoding begins some frames before it, since a frame borrows bits of earlier ones.
    func seek(to target: Int) throws {
        release()
        (stream, run, frame, sample, pendingStart, pendingEnd) = (0, 0, 0, 0, 0, 0)
        var rest = target
        while stream < plan.streams.count, rest >= kept[stream].count {
            rest -= kept[stream].count
            stream += 1
        }
        guard stream < plan.streams.count else { return }
        let wanted = kept[stream].lowerBound + rest
        let runs = plan.streams[stream].runs
        while run < runs.count - 1, sample + runs[run].frames * runs[run].header.samples <= wanted {
            sample += runs[run].frames * runs[run].header.samples
            run += 1
        }
        offset = runs[run].offset
        // The synthesis window turns once in eight frames; begun elsewhere, its sums round otherwise.
        let header = runs[run].header
        let skipped = max(0, min(runs[run].frames - 1, (wanted - sample) / header.samples - 12) / 8 * 8)
        while frame < skipped {
            offset += try frameLength(runs[run])
            sample += header.samples
            frame += 1
        }
        while sample < wanted, try decodeNext(from: wanted) {}
    }

    private func frameLength(_ run: MPEGPlan.Run) throws -> Int {
        let header = try file.number(at: offset, bytes: 4, bigEndian: true).flatMap(MPEGHeader.init)
        return header?.byteCount ?? (run.freeLength ?? 4) + (header?.padding ?? 0)
    }

    /// Decodes a frame into `pending`; false behind the last.
    private func decodeNext(from wanted: Int = 0) throws -> Bool {
        while stream < plan.streams.count, run >= plan.streams[stream].runs.count {
            stream += 1
            (run, frame, sample) = (0, 0, 0)
        }
        guard stream < plan.streams.count else { return false }
        let run = plan.streams[stream].runs[self.run]
        if frame == 0 {
            release()
            offset = run.offset
        }
        let length = try frameLength(run)
        try decode(try file.view(at: offset, count: length), run)
        let count = run.header.samples
        let begin = min(max(max(kept[stream].lowerBound, wanted) - sample, 0), count)
        let end = min(max(kept[stream].upperBound - sample, begin), count)
        if run.header.channels == channels {
            pending.update(from: decoded, count: count * channels)
        } else {
            // A mono frame among stereo ones: the same on both sides.
            for index in 0..<count {
                pending[2 * index] = decoded[index]
                pending[2 * index + 1] = decoded[index]
            }
        }
        (pendingStart, pendingEnd) = (begin, end)
        sample += count
        offset += length
        frame += 1
        if frame == run.frames {
            self.run += 1
            frame = 0
        }
        return true
    }

    /// Decodes one frame into `decoded`; silence where libmpg123 gives less than a whole frame.
    private func decode(_ bytes: UnsafeRawBufferPointer, _ run: MPEGPlan.Run) throws {
        let wanted = run.header.samples * run.header.channels * MemoryLayout<Float>.size
        let target = UnsafeMutableRawPointer(decoded)
        var filled = 0
        let handle = try handle ?? makeHandle(run)
        self.handle = handle
        if mpg123_feed(handle, bytes.baseAddress, bytes.count) == Int32(MPG123_OK.rawValue) {
            // It first says that the format is new; then come the samples.
            for _ in 0..<4 where filled < wanted {
                var count = 0
                let code = mpg123_read(handle, target + filled, wanted - filled, &count)
                filled += count
                if code != Int32(MPG123_OK.rawValue), code != Int32(MPG123_NEW_FORMAT.rawValue) { break }
            }
        }
        guard filled < wanted else { return }
        (target + filled).initializeMemory(as: UInt8.self, repeating: 0, count: wanted - filled)
        damagedFrames += 1
        // What is left in it would be taken for a part of the next frame.
        release()
    }

    private func release() {
        mpg123_delete(handle)
        handle = nil
    }

    /// What fails here says nothing of the file: memory is short.
    private func makeHandle(_ run: MPEGPlan.Run) throws -> OpaquePointer {
        guard let handle = mpg123_new(nil, nil) else {
            throw AudioAccessError(path: file.path, number: ENOMEM)
        }
        let flags = [
            // It prints to standard error otherwise.
            MPG123_QUIET,
            MPG123_FORCE_FLOAT,
            // Information frames and tags are not given to it.
            MPG123_IGNORE_INFOFRAME, MPG123_SKIP_ID3V2,
            // A frame is given whole, so it need not wait for the next one.
            MPG123_NO_READAHEAD,
        ].reduce(0) { $0 | Int($1.rawValue) }
        let channels = run.header.channels == 1 ? MPG123_MONO : MPG123_STEREO
        let codes = [
            mpg123_param(handle, MPG123_FLAGS, flags, 0),
            run.freeLength.map { mpg123_param(handle, MPG123_FREEFORMAT_SIZE, $0 - 4, 0) } ?? 0,
            mpg123_format_none(handle),
            mpg123_format(
                handle, run.header.sampleRate, Int32(channels.rawValue), Int32(MPG123_ENC_FLOAT_32.rawValue)),
            mpg123_open_feed(handle),
        ]
        guard codes.allSatisfy({ $0 == Int32(MPG123_OK.rawValue) }) else {
            mpg123_delete(handle)
            throw AudioAccessError(path: file.path, number: ENOMEM)
        }
        return handle
    }
}
