import Files

/// Writes a tar archive (POSIX.1-1988 `ustar`), file by file.
///
/// All times are 0 and all owners are 0, so that equal files give equal archives. The archive appears when it is closed.
final class TarFile {
    private let file: OutputFile
    /// The bytes written so far.
    private(set) var byteCount = 0

    /// The length of a header, and of which bodies are multiples.
    static let blockLength = 512

    /// Begins an archive that takes the path's place when it is closed.
    init(_ path: String) throws(BuildError) { file = try OutputFile(path) }

    /// Adds a file that is in memory.
    ///
    /// - Throws: `BuildError`.
    func add(_ name: String, _ bytes: [UInt8]) throws {
        try add(name, byteCount: bytes.count) { write in try bytes.withUnsafeBytes(write) }
    }

    /// Adds a file; the body hands over its bytes.
    ///
    /// - Throws: `BuildError`, and what the body throws.
    func add(
        _ name: String, byteCount count: Int,
        _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        try write(Self.header(name, count))
        var written = 0
        try body { bytes in
            try file.write(bytes)
            written += bytes.count
        }
        precondition(written == count, "'\(name)' of \(count) bytes got \(written)")
        byteCount += count
        let rest = count % Self.blockLength
        if rest > 0 { try write([UInt8](repeating: 0, count: Self.blockLength - rest)) }
    }

    /// Writes the end, and gives the archive its name.
    func close() throws {
        try write([UInt8](repeating: 0, count: 2 * Self.blockLength))
        try file.commit()
    }

    private func write(_ bytes: [UInt8]) throws(BuildError) {
        try file.write(bytes)
        byteCount += bytes.count
    }

    /// The header of a regular file.
    ///
    /// - Precondition: the name has at most 100 bytes.
    static func header(_ name: String, _ byteCount: Int) -> [UInt8] {
        precondition((1...100).contains(name.utf8.count), "'\(name)' as a name in a tar archive")
        var header = [UInt8](repeating: 0, count: blockLength)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ number: Int, _ width: Int) -> String {
            let digits = String(number, radix: 8)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        put(name, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        if byteCount < 1 << 33 {
            put(octal(byteCount, 11), at: 124)
        } else {
            // GNU's form for what eleven octal digits cannot say.
            header[124] = 0x80
            for index in 0..<8 { header[135 - index] = UInt8(truncatingIfNeeded: byteCount >> (8 * index)) }
        }
        put(octal(0, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(checksum(header), 6), at: 148)
        header[154] = 0
        return header
    }

    /// The sum of a header's bytes, its own place counted as spaces.
    static func checksum(_ header: some Collection<UInt8>) -> Int {
        header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element)) }
    }
}
