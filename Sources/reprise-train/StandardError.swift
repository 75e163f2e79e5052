import Insight
import Synchronization
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Standard error, past any buffer.
enum StandardError {
    static var isTerminal: Bool {
        isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    static func write(_ text: String) { RawFile.write(Array(text.utf8), to: STDERR_FILENO) }
}

/// Whole files.
enum RawFile {
    static func read(_ path: String) throws(TrainingError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault("open", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, &part, part.count)
            #else
                let count = Darwin.read(descriptor, &part, part.count)
            #endif
            guard count >= 0 else { throw fault("read", path) }
            if count == 0 { return bytes }
            bytes += part[..<count]
        }
    }

    /// Writes a file beside its place, then renames it: a half-written one is never seen.
    static func write(_ bytes: [UInt8], to path: String) throws(TrainingError) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw fault("write", path) }
        let isWhole = write(bytes, to: descriptor)
        close(descriptor)
        guard isWhole, rename(temporary, path) == 0 else {
            let fault = fault("write", path)
            unlink(temporary)
            throw fault
        }
    }

    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { raw in
            var rest = UnsafeRawBufferPointer(raw)
            while !rest.isEmpty {
                #if canImport(Glibc)
                    let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                #else
                    let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
                guard count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return true
        }
    }

    private static func fault(_ doing: String, _ path: String) -> TrainingError {
        TrainingError(.file, "cannot \(doing) \(path): \(String(cString: strerror(errno)))")
    }
}

/// Progress of a training: a bar on a terminal, a plain line every ten seconds elsewhere.
final class TrainingBar: Sendable {
    private struct State {
        var lastDrawn: ContinuousClock.Instant?
        var isDrawn = false
    }

    private let state = Mutex(State())
    private let isTerminal = StandardError.isTerminal

    func report(_ progress: TrainingProgress) {
        state.withLock { state in
            let now = ContinuousClock.now
            let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
            if let last = state.lastDrawn, now - last < pause { return }
            state.lastDrawn = now
            let line = Self.line(progress)
            StandardError.write(isTerminal ? "\r\u{1B}[K\(line)" : line + "\n")
            state.isDrawn = isTerminal
        }
    }

    func clear() {
        state.withLock { state in
            if state.isDrawn { StandardError.write("\r\u{1B}[K") }
            state.isDrawn = false
        }
    }

    static func line(_ progress: TrainingProgress) -> String {
        let width = 24
        let filled = width * progress.step / max(progress.steps, 1)
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
        let left = Int(progress.secondsLeft.rounded(.up))
        let time =
            left < 60
            ? "\(left) s" : left < 3600 ? "\(left / 60) min" : "\(left / 3600) h \(left % 3600 / 60) min"
        return "epoch \(progress.epoch)/\(progress.epochs) [\(bar)] \(progress.step)/\(progress.steps)"
            + "  loss \(format(progress.loss, 4))  \(format(progress.rate, 1)) items/s  \(time) left"
    }
}
