internal import CSndfile

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Writes a WAV or FLAC file, block by block, in constant memory.
///
/// The samples go to a temporary file in the same folder. `finish` flushes it to the disk and renames it, so that the path
/// holds the old file or the whole new one at any time. A writer that fails, or is released before `finish`, removes the
/// temporary file. The same samples give the same bytes.
///
/// Integers are the nearest to x · 2^(bits − 1), without dither, so that integers that were read return unchanged. What lies
/// outside their range is clipped and counted.
public final class SoundFileWriter {
    /// What was written.
    public struct Summary: Sendable, Hashable {
        /// Samples of each channel.
        public internal(set) var frames = 0
        /// Samples that did not fit the integers' range; always 0 for floats.
        public internal(set) var clippedSamples = 0
        /// The greatest magnitude before clipping; 1 is full scale.
        public internal(set) var peak: Float = 0
    }

    /// Where the file will be.
    public let path: String
    /// How samples are stored.
    public let format: SoundFileFormat
    /// The number of channels.
    public let channels: Int
    /// What was written up to now.
    public private(set) var summary = Summary()

    private let temporary: String
    private let descriptor: Int32
    /// `nil` once the file is finished or given up.
    private var handle: OpaquePointer?
    private var isTemporary = true
    private let floats: UnsafeMutablePointer<Float>
    private let integers: UnsafeMutablePointer<Int32>

    private static let blockLength = 4096
    private static let largestData = 0xFFFF_FFFF - 4096

    /// Creates the temporary file.
    ///
    /// - Parameters:
    ///   - path: Where the file will be; an existing one is replaced by `finish`.
    ///   - format: How samples are stored.
    ///   - sampleRate: In Hz.
    ///   - channels: The number of channels.
    /// - Throws: `audio.unsupported-encoding` if the container cannot hold this; `audio.write-failed`.
    public init(
        path: String, format: SoundFileFormat, sampleRate: Int, channels: Int
    ) throws(AudioOutputError) {
        var info = SF_INFO()
        info.samplerate = Int32(clamping: sampleRate)
        info.channels = Int32(clamping: channels)
        info.format = Self.code(of: format, channels: channels)
        guard sf_format_check(&info) != 0, (1...SoundFile.mostChannels).contains(channels),
            (1...SoundFile.largestRate).contains(sampleRate)
        else {
            throw AudioOutputError(
                .unsupportedEncoding,
                "\(format.container.rawValue) cannot hold \(channels) channels of \(format.encoding.rawValue) "
                    + "at \(sampleRate) Hz", path: path)
        }
        self.path = path
        self.format = format
        self.channels = channels
        (temporary, descriptor) = try Self.createTemporary(beside: path)
        floats = .allocate(capacity: Self.blockLength * channels)
        floats.initialize(repeating: 0, count: Self.blockLength * channels)
        integers = .allocate(capacity: Self.blockLength * channels)
        integers.initialize(repeating: 0, count: Self.blockLength * channels)
        // From here on `deinit` cleans up. Where opening fails, libsndfile closes the descriptor even if told not to: it gets
        // one of its own.
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .system("open", path: temporary, number: errno) }
        handle = sf_open_fd(copy, Int32(SFM_WRITE), &info, 1)
        guard let handle else {
            // The reason is in a global of libsndfile, which other threads may be changing.
            throw AudioOutputError(
                .unsupportedEncoding,
                "libsndfile cannot write \(channels) channels of \(format.encoding.rawValue) at \(sampleRate) Hz as "
                    + format.container.rawValue, path: path)
        }
        // The chunk holds the time of writing.
        sf_command(handle, Int32(SFC_SET_ADD_PEAK_CHUNK), nil, Int32(SF_FALSE))
    }

    deinit {
        giveUp()
        close(descriptor)
        floats.deallocate()
        integers.deallocate()
    }

    private static func code(of format: SoundFileFormat, channels: Int) -> Int32 {
        let container =
            switch format.container {
            // The plain header does not say what more than two channels are for.
            case .wav: channels > 2 ? SF_FORMAT_WAVEX : SF_FORMAT_WAV
            case .flac: SF_FORMAT_FLAC
            }
        let encoding =
            switch format.encoding {
            case .pcm16: SF_FORMAT_PCM_16
            case .pcm24: SF_FORMAT_PCM_24
            case .float32: SF_FORMAT_FLOAT
            }
        return Int32(container) | Int32(encoding)
    }

    private static func createTemporary(beside path: String) throws(AudioOutputError) -> (String, Int32) {
        let (folder, name) = split(path)
        while true {
            // Names of 255 bytes are allowed; some are left for the rest.
            let stem = String(decoding: name.utf8.prefix(200), as: UTF8.self)
            let temporary = "\(folder)/.\(stem).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).part"
            let descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 { return (temporary, descriptor) }
            if errno != EEXIST { throw .system("create", path: temporary, number: errno) }
        }
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[path.index(after: slash)...]))
    }

    // MARK: Samples

    /// Appends samples, a plane a channel.
    ///
    /// - Parameters:
    ///   - planes: As many samples of each channel.
    ///   - gain: A factor for all samples.
    /// - Throws: `audio.bad-value` for a sample that is not finite; `audio.too-long`; `audio.write-failed`. The writer is of
    ///   no use after that.
    public func write(_ planes: [[Float]], gain: Float = 1) throws(AudioOutputError) {
        let count = planes.first?.count ?? 0
        precondition(
            planes.count == channels && planes.allSatisfy { $0.count == count },
            "want \(channels) planes of one length, got \(planes.map(\.count))")
        var start = 0
        while start < count {
            let length = min(Self.blockLength, count - start)
            for (channel, plane) in planes.enumerated() {
                for i in 0..<length { floats[i * channels + channel] = plane[start + i] * gain }
            }
            try put(length)
            start += length
        }
    }

    /// Appends samples that lie interleaved: frame by frame, a sample of each channel.
    ///
    /// - Parameters:
    ///   - samples: Whole frames.
    ///   - gain: A factor for all samples.
    /// - Throws: As `write(_:gain:)`.
    public func write(
        interleaved samples: UnsafeBufferPointer<Float>, gain: Float = 1
    ) throws(AudioOutputError) {
        precondition(
            samples.count % channels == 0, "\(samples.count) samples are no frames of \(channels) channels")
        var start = 0
        while start < samples.count {
            let length = min(Self.blockLength * channels, samples.count - start)
            for i in 0..<length { floats[i] = samples[start + i] * gain }
            try put(length / channels)
            start += length
        }
    }

    /// Writes the frames in `floats`.
    private func put(_ frames: Int) throws(AudioOutputError) {
        guard let handle else {
            throw AudioOutputError(.writeFailed, "the file is finished or given up", path: path)
        }
        do throws(AudioOutputError) {
            try check(frames)
            let written: sf_count_t
            if format.encoding == .float32 {
                written = sf_writef_float(handle, floats, sf_count_t(frames))
            } else {
                quantize(frames * channels)
                written = sf_writef_int(handle, integers, sf_count_t(frames))
            }
            if written != sf_count_t(frames) { throw failure(handle, "write") }
            summary.frames += frames
        } catch {
            giveUp()
            throw error
        }
    }

    private func check(_ frames: Int) throws(AudioOutputError) {
        var peak = summary.peak
        for i in 0..<(frames * channels) {
            let magnitude = abs(floats[i])
            guard magnitude < .infinity else {
                throw AudioOutputError(
                    .badValue,
                    "sample \(summary.frames + i / channels) of channel \(i % channels + 1) is "
                        + "\(floats[i]), want a finite number", path: path)
            }
            peak = max(peak, magnitude)
        }
        summary.peak = peak
        let bytes = (summary.frames + frames) * channels * format.encoding.byteCount
        guard format.container != .wav || bytes <= Self.largestData else {
            throw AudioOutputError(
                .tooLong, "a WAV file holds up to 4 GiB; write FLAC, or fewer bits a sample", path: path)
        }
    }

    /// From `floats` to the upper bits of `integers`.
    private func quantize(_ count: Int) {
        let bits = format.encoding == .pcm16 ? 16 : 24
        let (scale, shift) = (Float(1 << (bits - 1)), Int32(32 - bits))
        for i in 0..<count {
            let value = (floats[i] * scale).rounded(.toNearestOrEven)
            let kept = min(max(value, -scale), scale - 1)
            if kept != value { summary.clippedSamples += 1 }
            integers[i] = Int32(kept) << shift
        }
    }

    // MARK: The end

    /// Completes the file and puts it in its place.
    ///
    /// - Returns: What was written.
    /// - Throws: `audio.write-failed`, or `audio.too-short` for FLAC without samples; the path is as it was before.
    @discardableResult
    public func finish() throws(AudioOutputError) -> Summary {
        guard let handle else {
            throw AudioOutputError(.writeFailed, "the file is finished or given up", path: path)
        }
        do throws(AudioOutputError) {
            guard format.container == .wav || summary.frames > 0 else {
                throw AudioOutputError(.tooShort, "a FLAC file without samples is none", path: path)
            }
            sf_write_sync(handle)
            if sf_error(handle) != SF_ERR_NO_ERROR { throw failure(handle, "write") }
            self.handle = nil
            guard sf_close(handle) == 0 else {
                throw AudioOutputError(.writeFailed, "the file could not be completed", path: path)
            }
            try checkSize()
            guard fsync(descriptor) == 0 else {
                throw AudioOutputError.system("flush", path: path, number: errno)
            }
            guard rename(temporary, path) == 0 else {
                throw AudioOutputError.system("rename", path: path, number: errno)
            }
            isTemporary = false
        } catch {
            giveUp()
            throw error
        }
        // The name lasts once the folder is flushed; some file systems cannot flush one.
        let folder = open(Self.split(path).folder, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            _ = fsync(folder)
            close(folder)
        }
        return summary
    }

    /// libsndfile does not report that a header could not be written.
    private func checkSize() throws(AudioOutputError) {
        guard format.container == .wav else { return }
        let wanted = summary.frames * channels * format.encoding.byteCount
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size > wanted else {
            throw AudioOutputError(
                .writeFailed, "\(size) bytes of more than \(wanted) were written", path: path)
        }
    }

    private func failure(_ handle: OpaquePointer, _ action: String) -> AudioOutputError {
        let number = errno
        guard sf_error(handle) != SF_ERR_SYSTEM || number == 0 else {
            return .system(action, path: path, number: number)
        }
        let words = String(cString: sf_strerror(handle))
        return AudioOutputError(.writeFailed, "\(action): \(words)", path: path, number: number)
    }

    /// Closes and removes the temporary file, if it is not in its place yet.
    private func giveUp() {
        if let open = handle { sf_close(open) }
        handle = nil
        if isTemporary { unlink(temporary) }
        isTemporary = false
    }
}
