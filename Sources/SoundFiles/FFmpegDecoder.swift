internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Decodes the first sound of a file through the program `ffmpeg`, which writes it as a WAV file of floats into a pipe.
///
/// For formats that neither libsndfile nor libmpg123 reads. Front to back only.
final class FFmpegDecoder {
    let sampleRate: Int
    let channels: Int
    /// The speakers, a bit each; `nil` if ffmpeg does not say.
    let channelMask: Int?
    /// The version of ffmpeg's library of formats, which it writes into the file: `Lavf59.27.100`.
    let version: String

    private let path: String
    private let process: pid_t
    private let output: Int32
    private let messages: Int32
    private var hasEnded = false
    private var failure: String?

    /// How long it may take to say something, in milliseconds: a hostile file must not keep it working for ever.
    private static let patience: Int32 = 60_000

    /// The program, found on the PATH; `nil` where there is none.
    static var program: String? { ffmpegProgram(searching: getenv("PATH").map { String(cString: $0) }) }

    /// Another process that is started at the same time would keep the pipe open.
    private static let starting = Mutex(())

    /// Throws `AudioAccessError` where there is no ffmpeg, and `audio.malformed` where it finds no sound.
    init(path: String, kind: String, demuxer: String, program: String? = program) throws {
        guard let program else {
            throw AudioAccessError(
                path: path, number: ENOENT,
                message:
                    "this is \(kind), which is decoded by ffmpeg, and there is none; install ffmpeg, or convert it"
            )
        }
        self.path = path
        (process, output, messages) = try Self.start(program, path, demuxer)
        do {
            (sampleRate, channels, channelMask, version) = try Self.header(output)
        } catch {
            kill(process, SIGKILL)
            _ = Self.wait(process)
            let message = Self.text(messages)
            close(output)
            close(messages)
            throw AudioError(
                .malformed,
                "this is \(kind), in which ffmpeg finds no sound" + (message.map { ": \($0)" } ?? ""))
        }
    }

    deinit {
        if !hasEnded {
            kill(process, SIGKILL)
            _ = Self.wait(process)
        }
        close(output)
        close(messages)
    }

    /// Decodes up to `count` frames; 0 at the end.
    func read(into buffer: UnsafeMutablePointer<Float>, count: Int) -> Int {
        let size = 4 * channels
        let got = hasEnded ? 0 : Self.read(output, UnsafeMutableRawPointer(buffer), count * size)
        if got < count * size, !hasEnded {
            hasEnded = true
            if got < 0 || Self.isSilent(output) { kill(process, SIGKILL) }
            let status = Self.wait(process)
            let text = Self.text(messages)
            if got < 0 {
                failure = "ffmpeg gave nothing for \(Self.patience / 1000) s"
            } else if status != 0 || text != nil {
                failure = "ffmpeg: \(text ?? "status \(status)")"
            }
        }
        return max(0, got) / size
    }

    /// What ffmpeg complained of, once all has been read.
    var fault: String? { failure }

    // MARK: - The program

    private static func start(_ program: String, _ path: String, _ demuxer: String) throws -> (
        pid_t, Int32, Int32
    ) {
        var name = Array("/tmp/reprise-ffmpeg-XXXXXX".utf8CString)
        if let folder = getenv("TMPDIR"), folder.pointee != 0 {
            name = Array((String(cString: folder) + "/reprise-ffmpeg-XXXXXX").utf8CString)
        }
        let messages = mkstemp(&name)
        guard messages >= 0 else { throw AudioAccessError(path: path, number: errno) }
        unlink(name)
        _ = fcntl(messages, F_SETFD, FD_CLOEXEC)
        // Only the file itself may be opened, whatever is in it, and only as what it was recognised as: ffmpeg too
        // would find MPEG frames in anything.
        let words = [
            program, "-nostdin", "-v", "error", "-protocol_whitelist", "file", "-f", demuxer, "-i",
            "file:\(path)", "-map",
            "0:a:0",
            "-vn", "-sn", "-dn", "-map_metadata", "-1", "-c:a",
            "pcm_f32le", "-f", "wav", "pipe:1",
        ]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        var ends: [Int32] = [-1, -1]
        let code = starting.withLock { _ -> Int32 in
            guard pipe(&ends) == 0 else { return errno }
            _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
            _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
            #if canImport(Glibc)
                var actions = posix_spawn_file_actions_t()
            #else
                var actions: posix_spawn_file_actions_t?
            #endif
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
            posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO)
            let code = posix_spawn(&process, program, &actions, nil, &arguments, environ)
            close(ends[1])
            if code != 0 { close(ends[0]) }
            return code
        }
        guard code == 0 else {
            close(messages)
            throw AudioAccessError(path: path, number: code)
        }
        return (process, ends[0], messages)
    }

    private static func wait(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }

    /// Its first line on standard error, without control characters.
    private static func text(_ descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 300)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let line = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).prefix { !$0.isNewline }
        // Without "[mov,mp4 @ 0x55d0c8a3] ": the address is another each time.
        let words = line.hasPrefix("[") ? line.drop { $0 != "]" }.dropFirst(2) : line
        let clean = String(
            words.filter { character in character.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
        return clean.isEmpty ? nil : clean
    }

    private static func isSilent(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 0
    }

    /// Fills memory from the pipe; less at its end, −1 where it keeps us waiting.
    private static func read(_ descriptor: Int32, _ target: UnsafeMutableRawPointer, _ count: Int) -> Int {
        var total = 0
        while total < count {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, patience)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return -1 }
            #if canImport(Glibc)
                let got = Glibc.read(descriptor, target + total, count - total)
            #else
                let got = Darwin.read(descriptor, target + total, count - total)
            #endif
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { break }
            total += got
        }
        return total
    }

    /// Reads the WAV header up to the samples.
    private static func header(
        _ descriptor: Int32
    ) throws -> (rate: Int, channels: Int, mask: Int?, version: String) {
        func bytes(_ count: Int) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            guard count <= 1 << 16, read(descriptor, &bytes, count) == count else {
                throw AudioError(.malformed, "no WAV header")
            }
            return bytes
        }
        func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }
        guard try bytes(12).starts(with: "RIFF".utf8) else { throw AudioError(.malformed, "no WAV header") }
        var found: (rate: Int, channels: Int, mask: Int?)?
        var version = "of unknown version"
        for _ in 0..<16 {
            let head = try bytes(8)
            if head.starts(with: "data".utf8) { break }
            let size = number(head[4..<8])
            let body = try bytes(size + size % 2)
            // INFO with one entry: the program that wrote the file.
            if head.starts(with: "LIST".utf8), body.dropFirst(4).starts(with: "ISFT".utf8) {
                version = String(decoding: body.dropFirst(12).prefix { $0 > 0x20 }, as: UTF8.self)
            }
            if head.starts(with: "fmt ".utf8), body.count >= 16 {
                let mask = body.count >= 24 ? number(body[20..<24]) : 0
                found = (number(body[4..<8]), number(body[2..<4]), mask > 0 ? mask : nil)
            }
        }
        guard let found, found.channels > 0 else { throw AudioError(.malformed, "no WAV header") }
        return (found.rate, found.channels, found.mask, version)
    }
}

/// The program `ffmpeg` that decodes what the libraries do not read.
///
/// - Parameter path: folders with `:` between them, of which only absolute ones count; nil: the system's usual ones.
/// - Returns: the absolute path of the first; nil where there is none.
public func ffmpegProgram(searching path: String?) -> String? {
    (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map { "\($0)/ffmpeg" }
        .first { $0.hasPrefix("/") && access($0, X_OK) == 0 }
}
