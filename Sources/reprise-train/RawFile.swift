import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whole files.
enum RawFile {
    /// Whether there is a regular file at a path.
    static func exists(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }

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
    ///
    /// The name beside it is one that nobody else has, so that no file of the user's is written to.
    static func write(_ bytes: [UInt8], to path: String) throws(TrainingError) {
        let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw fault("write", path) }
        let isWhole = write(bytes, to: descriptor)
        close(descriptor)
        guard isWhole, rename(temporary, path) == 0 else {
            let fault = fault("write", path)
            unlink(temporary)
            throw fault
        }
    }

    /// Whether two paths lead to the same file.
    static func isSame(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev
            && first.st_ino == second.st_ino
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
