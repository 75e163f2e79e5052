#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a RIFF file's header claims of its data, which libsndfile silently corrects.
struct RIFFLength {
    /// The claimed size of the `data` chunk.
    let dataByteCount: Int
    /// The size of a frame in bytes; 0 if the header has none.
    let blockAlign: Int
    /// Whether the file ends inside the `data` chunk, by more than a stray byte.
    let isCut: Bool

    /// Walks the chunks up to `data`.
    ///
    /// `nil` for all but RIFF and RIFX, and for the sizes 0 and above 0xFFFFF000 that a streaming writer leaves.
    init?(descriptor: Int32) {
        var header = [UInt8](repeating: 0, count: 12)
        guard pread(descriptor, &header, 12, 0) == 12, Array(header[8..<12]) == Array("WAVE".utf8) else {
            return nil
        }
        let isBigEndian = Array(header[0..<4]) == Array("RIFX".utf8)
        guard isBigEndian || Array(header[0..<4]) == Array("RIFF".utf8) else { return nil }
        func number(_ bytes: ArraySlice<UInt8>) -> Int {
            (isBigEndian ? Array(bytes) : bytes.reversed()).reduce(0) { $0 << 8 | Int($1) }
        }
        var offset = 12
        var align = 0
        for _ in 0..<1024 {
            var chunk = [UInt8](repeating: 0, count: 8)
            guard pread(descriptor, &chunk, 8, off_t(offset)) == 8 else { return nil }
            let size = number(chunk[4..<8])
            if Array(chunk[0..<4]) == Array("fmt ".utf8) {
                var format = [UInt8](repeating: 0, count: 14)
                if pread(descriptor, &format, 14, off_t(offset + 8)) == 14 { align = number(format[12..<14]) }
            } else if Array(chunk[0..<4]) == Array("data".utf8) {
                guard size > 0, size < 0xFFFF_F000 else { return nil }
                let present = byteCount(of: descriptor) - offset - 8
                dataByteCount = size
                blockAlign = align
                isCut = present < size
                return
            }
            offset += 8 + size + size % 2
        }
        return nil
    }
}

/// How an Ogg file goes on or ends, seen from its pages (RFC 3533, section 6).
enum OggEnding {
    /// A stream begins after the first one has: chained streams, of which the first was read.
    case chained
    /// The last page is not marked as its stream's last.
    case cut

    /// Walks the pages; `nil` if the file is no Ogg file, is damaged, or ends as it should.
    init?(descriptor: Int32) {
        var offset = 0
        var header = [UInt8](repeating: 0, count: 27 + 255)
        var hasBegun = false
        var hasEnded = false
        while true {
            let count = pread(descriptor, &header, header.count, off_t(offset))
            if count < 27 || !header.starts(with: Array("OggS".utf8)) { break }
            let begins = header[5] & 2 != 0
            if begins && hasBegun {
                self = .chained
                return
            }
            hasBegun = hasBegun || !begins
            hasEnded = header[5] & 4 != 0
            let segments = Int(header[26])
            offset += 27 + segments + header[27..<(27 + segments)].reduce(0) { $0 + Int($1) }
        }
        if offset == 0 || (hasEnded && offset <= byteCount(of: descriptor)) { return nil }
        self = .cut
    }
}

/// The size of an open file; its position, which the decoder relies on, stays where it is.
private func byteCount(of descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
}
