internal import CSndfile
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file open for decoding: interleaved floats, full scale at ±1, front to back.
///
/// The format is judged by the content, never by the name.
final class SoundFile {
    /// The file's own rate in Hz, 1 to 768000.
    let sampleRate: Int
    /// 1 to 64.
    let channels: Int
    /// The number of frames that the file claims; `nil` if it does not.
    let declaredFrames: Int?
    /// What each channel is for.
    let layout: ChannelLayout
    /// libsndfile's names of container and encoding.
    let format: String
    let encoding: String
    /// How many bytes before an MP3's first frame were passed over.
    let skippedBytes: Int

    private let handle: OpaquePointer
    private let path: String
    private let descriptor: Int32

    static let largestRate = 768_000
    static let mostChannels = 64

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AudioAccessError(path: path, number: errno) }
        var info = SF_INFO()
        var status = stat()
        do {
            guard fstat(descriptor, &status) == 0 else { throw AudioAccessError(path: path, number: errno) }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw AudioAccessError(path: path, number: EINVAL, message: "not a regular file")
            }
            (handle, skippedBytes) = try Self.decoder(for: descriptor, path: path, &info)
        } catch {
            close(descriptor)
            throw error
        }
        sampleRate = Int(info.samplerate)
        channels = Int(info.channels)
        format = Self.name(of: info.format & Int32(SF_FORMAT_TYPEMASK), SFC_GET_FORMAT_INFO)
        encoding = Self.name(of: info.format & Int32(SF_FORMAT_SUBMASK), SFC_GET_FORMAT_INFO)
        let isKnown = info.frames >= 0 && info.frames < Int64.max
        var frames = isKnown ? Int(info.frames) : nil
        // libsndfile shortens what a WAV's header claims to what is there; the claim itself is wanted here.
        if let claimed = RIFFLength(descriptor: descriptor), claimed.isCut, let present = frames {
            frames = max(present + 1, claimed.dataByteCount / max(1, claimed.blockAlign))
        }
        if info.format & Int32(SF_FORMAT_TYPEMASK) == Int32(SF_FORMAT_MPEG),
            !MPEGSync.declaresLength(descriptor: descriptor, start: skippedBytes)
        {
            frames = nil
        }
        declaredFrames = frames
        layout = ChannelLayout(handle: handle, channels: channels, format: info.format)
        // All is set up by now: if this throws, `deinit` closes both.
        try checkSizes()
    }

    deinit {
        sf_close(handle)
        close(descriptor)
    }

    /// libsndfile keeps the reason of a failed opening in a global, so openings go one at a time.
    private static let opening = Mutex(())

    private static func decoder(
        for descriptor: Int32, path: String, _ info: inout SF_INFO
    ) throws -> (handle: OpaquePointer, skippedBytes: Int) {
        do {
            return (try opened(descriptor, path: path, &info), 0)
        } catch let error as AudioError where error.code == .unknownFormat {
            guard let start = MPEGSync.firstFrame(descriptor: descriptor), start > 0 else { throw error }
            // libsndfile takes the descriptor's position for the beginning of the file.
            lseek(descriptor, off_t(start), SEEK_SET)
            return (try opened(descriptor, path: path, &info), start)
        }
    }

    private static func opened(
        _ descriptor: Int32, path: String, _ info: inout SF_INFO
    ) throws -> OpaquePointer {
        var code: Int32 = 0
        var message = ""
        // Where it fails, libsndfile closes the descriptor even if told not to: it gets one of its own.
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw AudioAccessError(path: path, number: errno) }
        let handle = opening.withLock { _ in
            let handle = sf_open_fd(copy, Int32(SFM_READ), &info, 1)
            if handle == nil {
                code = sf_error(nil)
                message = String(cString: sf_strerror(nil))
            }
            return handle
        }
        if let handle { return handle }
        switch code {
        case Int32(SF_ERR_UNRECOGNISED_FORMAT):
            throw AudioError(
                .unknownFormat, "no audio format that is known here",
                help: "convert it, for example with: ffmpeg -i FILE out.flac")
        case Int32(SF_ERR_UNSUPPORTED_ENCODING):
            throw AudioError(
                .unsupportedEncoding, message, help: "convert it, for example with: ffmpeg -i FILE out.flac")
        case Int32(SF_ERR_SYSTEM) where errno == EIO: throw AudioAccessError(path: path, number: EIO)
        default:
            throw AudioError(
                Self.code(of: message), Self.words(for: message),
                help: "if another program plays it, convert it, for example with: ffmpeg -i FILE out.flac")
        }
    }

    /// libsndfile has numbers of its own for these, which it does not publish; the words are the same in all versions.
    private static func code(of message: String) -> AudioError.Code {
        if message.contains("unimplemented format") { return .unsupportedEncoding }
        if message.contains("Channel count is zero") || message.contains("Too many channels") {
            return .badChannels
        }
        return .malformed
    }

    private static func words(for message: String) -> String {
        // That is what libsndfile says of an MP3 without one whole frame.
        if message.hasPrefix("File does not exist") { return "the decoder found nothing to decode" }
        return message.hasPrefix("Error : ") ? String(message.dropFirst("Error : ".count)) : message
    }

    private func checkSizes() throws(AudioError) {
        guard (1...Self.largestRate).contains(sampleRate) else {
            throw AudioError(.badRate, "want a sample rate of 1 to \(Self.largestRate) Hz, got \(sampleRate)")
        }
        guard (1...Self.mostChannels).contains(channels) else {
            throw AudioError(.badChannels, "want 1 to \(Self.mostChannels) channels, got \(channels)")
        }
    }

    private static func name(of format: Int32, _ command: Int) -> String {
        var info = SF_FORMAT_INFO()
        info.format = format
        let size = Int32(MemoryLayout<SF_FORMAT_INFO>.size)
        guard sf_command(nil, Int32(command), &info, size) == 0, let name = info.name else {
            return "unknown"
        }
        return String(cString: name)
    }

    /// Decodes up to `count` frames.
    ///
    /// - Returns: The number decoded; 0 at the end, or where the decoder gave up: see `fault`.
    func read(into buffer: UnsafeMutablePointer<Float>, count: Int) -> Int {
        max(0, Int(sf_readf_float(handle, buffer, sf_count_t(count))))
    }

    /// Goes to a frame; false where the decoder cannot.
    func seek(to frame: Int) -> Bool {
        sf_seek(handle, sf_count_t(frame), Int32(SF_SEEK_SET)) == sf_count_t(frame)
    }

    /// The decoder's last complaint, if any.
    ///
    /// - Throws: `AudioAccessError` if it is the disk's.
    func fault() throws -> String? {
        let code = sf_error(handle)
        guard code != SF_ERR_NO_ERROR else { return nil }
        let message = String(cString: sf_strerror(handle))
        if code == SF_ERR_SYSTEM { throw AudioAccessError(path: path, number: EIO, message: message) }
        return message
    }

    /// Whether an Ogg file goes on after its first stream, or stops before that stream's end.
    func oggEnding() -> OggEnding? { OggEnding(descriptor: descriptor) }
}

extension AudioAccessError {
    init(path: String, number: Int32) {
        self.init(path: path, number: number, message: String(cString: strerror(number)))
    }
}
