/// How an Ogg file continues or ends, seen from its pages (RFC 3533, section 6).
enum OggEnding {
    /// A stream begins after the first one has: chained streams, of which the first was read.
    case chained
    /// The last page is not marked as its stream's last.
    case cut

    /// Walks the pages; `nil` if the file is no Ogg file, is damaged, or ends as it should.
    init?(_ file: FileBytes) throws {
        var offset = 0
        var hasBegun = false
        var hasEnded = false
        while try file.holds("OggS", at: offset) {
            let header = try file.bytes(at: offset, count: 27 + 255)
            guard header.count >= 27, case let segments = Int(header[26]), header.count >= 27 + segments
            else { break }
            let begins = header[5] & 2 != 0
            if begins && hasBegun {
                self = .chained
                return
            }
            hasBegun = hasBegun || !begins
            hasEnded = header[5] & 4 != 0
            offset += 27 + segments + header[27..<(27 + segments)].reduce(0) { $0 + Int($1) }
        }
        if offset == 0 || (hasEnded && offset <= file.count) { return nil }
        self = .cut
    }
}
