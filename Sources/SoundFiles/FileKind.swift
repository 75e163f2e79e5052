/// What a file is, judged by its first bytes.
enum FileKind {
    /// MPEG audio frames in these bytes, perhaps with tags and junk around them.
    case mpeg(Range<Int>)
    /// Something that libsndfile may know, from this byte on; with a magic number of its own, or without.
    case other(start: Int, isKnown: Bool)
    /// What is certainly no audio file; or, with ffmpeg's name of the format, one that only ffmpeg decodes.
    case foreign(String, demuxer: String?)

    /// Looks at the beginning of a file.
    init(_ file: FileBytes) throws {
        // An ID3 tag may be before any format, not only before MPEG frames.
        var start = 0
        while case let next = try MPEGTags.skip(file, at: start), next > start, next < file.count {
            start = next
        }
        if let name = try Self.foreign(file, at: 0) {
            self = .foreign(name.text, demuxer: name.demuxer)
        } else if start > 0, let name = try Self.foreign(file, at: start) {
            self = .foreign(name.text, demuxer: name.demuxer)
        } else if let range = try Self.mpegInWave(file, start: start) {
            self = .mpeg(range)
        } else if try Self.isContainer(file, at: start) {
            self = .other(start: start, isKnown: true)
        } else if try start > 0 || file.holds("ID3", at: 0) {
            self = .mpeg(0..<file.count)
        } else if try file.number(at: 0, bytes: 2, bigEndian: true).map({ $0 & 0xFFE0 == 0xFFE0 }) == true {
            self = .mpeg(0..<file.count)
        } else {
            self = .other(start: 0, isKnown: false)
        }
    }

    /// The magic numbers of libsndfile's containers at the beginning; formats without one are left to it.
    private static func isContainer(_ file: FileBytes, at start: Int) throws -> Bool {
        for magic: StaticString in [
            "RIFF", "RIFX", "RF64", "BW64", "riff", "FORM", ".snd", "dns.", "fLaC", "OggS", "caff", "NIST_1A",
            "Creative Voice File", " paf", "fap ", "MATLAB", "PVF1", "2BIT", "Extended Instrument:",
            "ALawSoundFile",
        ] where try file.holds(magic, at: start) {
            return true
        }
        return false
    }

    /// The MPEG frames of a WAV file, which libsndfile would decode without counting them.
    private static func mpegInWave(_ file: FileBytes, start: Int) throws -> Range<Int>? {
        guard let riff = try RIFFHeader(file, start: start), riff.formatTag == 0x55 || riff.formatTag == 0x50
        else {
            return nil
        }
        return riff.dataOffset..<(riff.dataOffset + riff.presentBytes)
    }

    /// What else is often found under an audio file's name.
    private static func foreign(
        _ file: FileBytes, at start: Int
    ) throws -> (text: String, demuxer: String?)? {
        let head = try file.bytes(at: start, count: 1024)
        func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
            head.dropFirst(offset).starts(with: bytes)
        }
        func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }

        if begins("version https://git-lfs") {
            return ("a Git LFS pointer, and the audio itself was not downloaded: run `git lfs pull`", nil)
        }
        if begins([0x1F, 0x8B]) { return ("compressed with gzip: unpack it", nil) }
        if begins([0x50, 0x4B, 3, 4]) || begins([0x50, 0x4B, 5, 6]) {
            return ("a zip archive: unpack it", nil)
        }
        if begins([0x28, 0xB5, 0x2F, 0xFD]) { return ("compressed with Zstandard: unpack it", nil) }
        if begins([0xFD, 0x37, 0x7A, 0x58, 0x5A]) { return ("compressed with xz: unpack it", nil) }
        if begins("BZh") { return ("compressed with bzip2: unpack it", nil) }
        if begins([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) { return ("a 7z archive: unpack it", nil) }
        if begins("Rar!") { return ("a RAR archive: unpack it", nil) }
        if isTar(head) { return ("a tar archive: unpack it", nil) }
        if begins("%PDF") { return ("a PDF document", nil) }
        if begins([0x89, 0x50, 0x4E, 0x47]) { return ("a PNG picture", nil) }
        if begins([0xFF, 0xD8, 0xFF]) { return ("a JPEG picture", nil) }
        if begins("MThd") { return ("a MIDI file", nil) }
        if begins("SQLite format 3") { return ("an SQLite database", nil) }

        if begins([0x1A, 0x45, 0xDF, 0xA3]) { return ("a Matroska or WebM file", "matroska") }
        if ["ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"].contains(where: { begins($0, at: 4) }) {
            return ("an MPEG-4 or QuickTime file (m4a, mp4, mov)", "mov")
        }
        if begins([0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]) {
            return ("a Windows Media file (wma, asf)", "asf")
        }
        if begins("RIFF") && begins("AVI ", at: 8) { return ("an AVI file", "avi") }
        if begins("wvpk") { return ("a WavPack file", "wv") }
        if begins("MAC ") { return ("a Monkey's Audio file", "ape") }
        if begins("MPCK") { return ("a Musepack file", "mpc8") }
        if begins("MP+") { return ("a Musepack file", "mpc") }
        if begins("TTA1") || begins("TTA2") { return ("a True Audio file", "tta") }
        if begins("DSD ") { return ("a DSD file", "dsf") }
        if begins("FRM8") { return ("a DSD file", "iff") }
        if begins("#!AMR") { return ("an AMR file", "amr") }
        if begins("FLV") { return ("a Flash video", "flv") }
        if begins([0, 0, 1, 0xBA]) { return ("an MPEG program stream", "mpeg") }
        if begins([0x47]), head.count > 376, head[188] == 0x47, head[376] == 0x47 {
            return ("an MPEG transport stream", "mpegts")
        }
        if begins("ADIF") || isADTS(head) { return ("a raw AAC stream", "aac") }
        if begins([0x0B, 0x77]) { return ("an AC-3 stream", "ac3") }
        // Some containers begin with a header of text.
        if try !isContainer(file, at: start), let text = text(head, isWhole: head.count < 1024) {
            return (text, nil)
        }
        return nil
    }

    /// A tar archive's first header: the sum of its bytes, eight of spaces in the sum's own place, is in it in octal.
    private static func isTar(_ head: [UInt8]) -> Bool {
        guard head.count >= 512, head[0] != 0 else { return false }
        let digits = head[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        guard digits.count >= 2, let sum = Int(String(decoding: digits, as: UTF8.self), radix: 8) else {
            return false
        }
        let bytes =
            head[..<148].reduce(0) { $0 + Int($1) } + 8 * 0x20 + head[156..<512].reduce(0) { $0 + Int($1) }
        return sum == bytes
    }

    /// ADTS has MPEG audio's sync word with layer 0; two frames must follow each other.
    private static func isADTS(_ head: [UInt8]) -> Bool {
        func length(at offset: Int) -> Int? {
            guard offset + 6 <= head.count, head[offset] == 0xFF, head[offset + 1] & 0xF6 == 0xF0 else {
                return nil
            }
            return Int(head[offset + 3] & 3) << 11 | Int(head[offset + 4]) << 3 | Int(head[offset + 5]) >> 5
        }
        guard let first = length(at: 0), first >= 7 else { return false }
        return first + 6 > head.count || length(at: first) != nil
    }

    /// Text, if every byte is one of text; HTML is told apart, since a failed download is often a page.
    private static func text(_ head: [UInt8], isWhole: Bool) -> String? {
        guard head.count >= 4, head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) })
        else {
            return nil
        }
        // Within the first 1,024 bytes the last character may be cut.
        let isUTF8 = (0..<4).contains {
            String(validating: head.dropLast(isWhole ? 0 : $0), as: UTF8.self) != nil
        }
        guard isUTF8 else { return nil }
        let beginning = String(decoding: head.prefix(256), as: UTF8.self).lowercased()
            .drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        if beginning.hasPrefix("<!doctype html") || beginning.hasPrefix("<html")
            || beginning.hasPrefix("<head")
        {
            return "a web page (HTML), perhaps in place of a failed download: download it again"
        }
        if beginning.hasPrefix("<?xml") { return "an XML document" }
        return "a text file"
    }
}
