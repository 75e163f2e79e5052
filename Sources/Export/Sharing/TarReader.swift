import Files

/// Reads a tar archive of regular files, front to back; anything else in it is refused.
final class TarReader {
    private let file: InputFile
    /// The bytes of the present file that are not read yet, and the padding after them.
    private var rest = 0
    private var padding = 0

    /// Opens an archive.
    init(_ path: String) throws(BuildError) { file = try InputFile(path, followsLinks: true) }

    /// The next file: its name and its size; nil at the end of the archive.
    ///
    /// - Throws: `build.untrusted` for a damaged header, a link, a folder or a device, and an archive that ends too early.
    func next() throws(BuildError) -> (name: String, byteCount: Int)? {
        try file.skip(rest + padding)
        (rest, padding) = (0, 0)
        let block = TarFile.blockLength
        let offset = file.position
        let header = try file.read(block)
        if header.allSatisfy({ $0 == 0 }) { return nil }
        func refused(_ reason: String) -> BuildError {
            .untrusted(file.path, "\(reason) (at byte \(offset))")
        }
        guard let sum = Self.number(header[148..<156]), sum == TarFile.checksum(header) else {
            throw refused("is no tar archive, or is damaged")
        }
        let name = String(decoding: header[0..<100].prefix { $0 != 0 }, as: UTF8.self)
        guard header[156] == UInt8(ascii: "0") || header[156] == 0 else {
            throw refused("holds '\(name.shown)', which is a link, a folder or a device")
        }
        guard header[345..<500].allSatisfy({ $0 == 0 }) else { throw refused("holds a name of two parts") }
        guard let count = Self.number(header[124..<136]), count <= file.size - file.position else {
            throw refused("ends inside '\(name.shown)'")
        }
        rest = count
        padding = (block - count % block) % block
        return (name, count)
    }

    /// The whole of the present file.
    func bytes() throws(BuildError) -> [UInt8] {
        let bytes = try file.read(rest)
        rest = 0
        return bytes
    }

    /// Hands over the present file in parts.
    func read(to sink: ([UInt8]) throws -> Void) throws {
        let count = rest
        rest = 0
        try file.read(count, to: sink)
    }

    /// A number in octal digits, or in GNU's binary form; nil for anything else, and from 2^50 on.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if field.first == 0x80 {
            let digits = field.dropFirst().drop { $0 == 0 }
            return digits.count <= 6 ? digits.reduce(0) { $0 << 8 | Int($1) } : nil
        }
        let text = field.prefix { $0 != 0 && $0 != 0x20 }
        guard !text.isEmpty, text.count <= 12 else { return nil }
        var value = 0
        for digit in text {
            guard (0x30...0x37).contains(digit) else { return nil }
            value = value << 3 | Int(digit - 0x30)
        }
        return value
    }
}
