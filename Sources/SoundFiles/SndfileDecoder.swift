internal import CSndfile
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Decodes whatever libsndfile reads.
///
/// libsndfile sees the file through functions of ours, so that a wrong size in a header can be corrected on the way, and an
/// error of the disk is told from an error of the bytes.
final class SndfileDecoder {
    let sampleRate: Int
    let channels: Int
    /// The number of frames that libsndfile means to give; `nil` if it does not know.
    let frames: Int?
    /// Container and encoding, as libsndfile numbers them.
    let format: Int32

    private let handle: OpaquePointer
    private let view: View

    /// What libsndfile sees of the file.
    private final class View {
        let file: FileBytes
        let start: Int
        let patches: [Patch]
        var position = 0
        var fault: AudioAccessError?

        init(_ file: FileBytes, start: Int, patches: [Patch]) {
            self.file = file
            self.start = start
            self.patches = patches
        }

        var count: Int { file.count - start }

        func read(_ target: UnsafeMutableRawPointer, _ wanted: Int) -> Int {
            guard position < count else { return 0 }
            do {
                let got = try file.read(
                    into: target, at: start + position, count: max(0, min(wanted, count - position)))
                for patch in patches {
                    let place = patch.offset - start - position
                    for (index, byte) in patch.bytes.enumerated() where (0..<got).contains(place + index) {
                        target.storeBytes(of: byte, toByteOffset: place + index, as: UInt8.self)
                    }
                }
                position += got
                return got
            } catch {
                fault = error
                return 0
            }
        }
    }

    /// Bytes of a header that are given to libsndfile in place of the file's own.
    struct Patch: Equatable {
        let offset: Int
        let bytes: [UInt8]
    }

    /// Opens the audio file that begins at a byte of the file, with some of its bytes replaced.
    ///
    /// Throws `AudioError` and `AudioAccessError`.
    init(_ file: FileBytes, start: Int, patches: [Patch]) throws {
        view = View(file, start: start, patches: patches)
        var info = SF_INFO()
        handle = try Self.opened(view, &info)
        sampleRate = Int(info.samplerate)
        channels = Int(info.channels)
        format = info.format
        frames = info.frames >= 0 && info.frames < Int64.max ? Int(info.frames) : nil
    }

    deinit { sf_close(handle) }

    /// libsndfile keeps the reason of a failed opening in a global, so openings go one at a time.
    private static let opening = Mutex(())

    private static func opened(_ view: View, _ info: inout SF_INFO) throws -> OpaquePointer {
        var functions = SF_VIRTUAL_IO(
            get_filelen: { data in SndfileDecoder.view(data).map { sf_count_t($0.count) } ?? 0 },
            seek: { offset, whence, data in
                guard let view = SndfileDecoder.view(data) else { return -1 }
                let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? view.position : view.count
                let (target, overflows) = base.addingReportingOverflow(Int(offset))
                guard !overflows, target >= 0 else { return -1 }
                view.position = target
                return sf_count_t(target)
            },
            read: { target, count, data in
                guard let target, let view = SndfileDecoder.view(data) else { return 0 }
                return sf_count_t(view.read(target, Int(count)))
            },
            write: { _, _, _ in 0 },
            tell: { data in SndfileDecoder.view(data).map { sf_count_t($0.position) } ?? -1 })
        let data = Unmanaged.passUnretained(view).toOpaque()
        var code: Int32 = 0
        var message = ""
        var handle: OpaquePointer?
        opening.withLock { _ in
            handle = sf_open_virtual(&functions, Int32(SFM_READ), &info, data)
            if handle == nil {
                code = sf_error(nil)
                message = String(cString: sf_strerror(nil))
            }
        }
        if let fault = view.fault {
            sf_close(handle)
            throw fault
        }
        if let handle { return handle }
        if message.contains("malloc") { throw AudioAccessError(path: view.file.path, number: ENOMEM) }
        let convert = "convert it, for example with: ffmpeg -i FILE out.flac"
        switch code {
        case Int32(SF_ERR_UNRECOGNISED_FORMAT):
            throw AudioError(.unknownFormat, "no audio format that is known here", help: convert)
        case Int32(SF_ERR_UNSUPPORTED_ENCODING):
            throw AudioError(.unsupportedEncoding, message, help: convert)
        default:
            throw AudioError(
                Self.code(of: message), Self.words(for: message),
                help: "if another program plays it, \(convert)")
        }
    }

    private static func view(_ data: UnsafeMutableRawPointer?) -> View? {
        data.map { Unmanaged<View>.fromOpaque($0).takeUnretainedValue() }
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
        // It says so of a stream without one whole frame.
        if message.hasPrefix("File does not exist") { return "the decoder found nothing to decode" }
        return message.hasPrefix("Error : ") ? String(message.dropFirst("Error : ".count)) : message
    }

    /// libsndfile's names of container and encoding.
    var names: (container: String, encoding: String) {
        (Self.name(of: format & Int32(SF_FORMAT_TYPEMASK)), Self.name(of: format & Int32(SF_FORMAT_SUBMASK)))
    }

    private static func name(of format: Int32) -> String {
        var info = SF_FORMAT_INFO()
        info.format = format
        let size = Int32(MemoryLayout<SF_FORMAT_INFO>.size)
        guard sf_command(nil, Int32(SFC_GET_FORMAT_INFO), &info, size) == 0, let name = info.name else {
            return "unknown"
        }
        return String(cString: name)
    }

    /// The container's own channel map; `nil` if it has none.
    var channelMap: [Int32]? {
        var map = [Int32](repeating: 0, count: channels)
        let size = Int32(channels * MemoryLayout<Int32>.size)
        guard sf_command(handle, Int32(SFC_GET_CHANNEL_MAP_INFO), &map, size) != 0,
            map.contains(where: { $0 > 0 })
        else { return nil }
        return map
    }

    /// Whether the channels are in Vorbis order.
    var hasVorbisOrder: Bool { format & Int32(SF_FORMAT_TYPEMASK) == Int32(SF_FORMAT_OGG) }

    /// The most frames that so many bytes of this encoding can hold.
    func mostFrames(in byteCount: Int) -> Int {
        // The fewest bits of a sample; GSM 6.10 has 65 bytes for 320 samples in its densest form. What compresses at will has
        // a bound a frame: 65,535 samples of silence in ten bytes of FLAC, 5,760 in two bytes of Opus.
        let bits: Double? =
            switch format & Int32(SF_FORMAT_SUBMASK) {
            case Int32(SF_FORMAT_PCM_S8), Int32(SF_FORMAT_PCM_U8), Int32(SF_FORMAT_ULAW),
                Int32(SF_FORMAT_ALAW),
                Int32(SF_FORMAT_DPCM_8):
                8
            case Int32(SF_FORMAT_PCM_16), Int32(SF_FORMAT_DPCM_16): 16
            case Int32(SF_FORMAT_PCM_24): 24
            case Int32(SF_FORMAT_PCM_32), Int32(SF_FORMAT_FLOAT): 32
            case Int32(SF_FORMAT_DOUBLE): 64
            case Int32(SF_FORMAT_IMA_ADPCM), Int32(SF_FORMAT_MS_ADPCM), Int32(SF_FORMAT_VOX_ADPCM),
                Int32(SF_FORMAT_G721_32), Int32(SF_FORMAT_NMS_ADPCM_32):
                4
            case Int32(SF_FORMAT_G723_24), Int32(SF_FORMAT_NMS_ADPCM_24): 3
            case Int32(SF_FORMAT_G723_40): 5
            case Int32(SF_FORMAT_NMS_ADPCM_16): 2
            case Int32(SF_FORMAT_GSM610): 1.625
            case Int32(SF_FORMAT_DWVW_12), Int32(SF_FORMAT_DWVW_16), Int32(SF_FORMAT_DWVW_24),
                Int32(SF_FORMAT_DWVW_N):
                1
            default: nil
            }
        let container = format & Int32(SF_FORMAT_TYPEMASK)
        let isCompressed = container == Int32(SF_FORMAT_FLAC) || container == Int32(SF_FORMAT_OGG)
        guard let bits, !isCompressed else { return (byteCount + 64) * 8192 }
        // A last block counts whole even where it is cut.
        return Int(Double(byteCount) * 8 / (bits * Double(channels))) + (bits < 8 ? 4096 : 0)
    }

    /// Decodes up to `count` frames; 0 at the end, or where the decoder gave up: see `fault`.
    func read(into buffer: UnsafeMutablePointer<Float>, count: Int) -> Int {
        // Never more than asked for, whatever it says.
        min(count, max(0, Int(sf_readf_float(handle, buffer, sf_count_t(count)))))
    }

    /// Goes to a frame; false where the decoder cannot.
    func seek(to frame: Int) -> Bool {
        sf_seek(handle, sf_count_t(frame), Int32(SF_SEEK_SET)) == sf_count_t(frame)
    }

    /// The decoder's last complaint, if any.
    ///
    /// - Throws: `AudioAccessError` if it is the disk's.
    func fault() throws(AudioAccessError) -> String? {
        if let fault = view.fault { throw fault }
        guard sf_error(handle) != SF_ERR_NO_ERROR else { return nil }
        return String(cString: sf_strerror(handle))
    }
}
