#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Where the frames of an MP3 begin that has something else before them: a broken tag, padding, junk.
enum MPEGSync {
    /// The place of the first of three Layer III frames that follow each other, within the first 64 KiB.
    static func firstFrame(descriptor: Int32) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 12 else { return nil }
        return (0..<(count - 4)).first { start in
            guard let (first, length) = frame(bytes[start..<count]) else { return false }
            guard let (second, next) = frame(bytes[min(start + length, count)..<count]) else { return false }
            guard let (third, _) = frame(bytes[min(start + length + next, count)..<count]) else {
                return false
            }
            return first == second && second == third
        }
    }

    /// Whether the file says how long it is: in a Xing, Info or VBRI header, which its first frame carries.
    ///
    /// Without one, libsndfile estimates the length from the bit rate.
    static func declaresLength(descriptor: Int32, start: Int) -> Bool {
        var tag = [UInt8](repeating: 0, count: 10)
        var offset = start
        if pread(descriptor, &tag, 10, off_t(start)) == 10, tag.starts(with: Array("ID3".utf8)) {
            // ID3v2: the size is in four times seven bits and does not count the header.
            offset += 10 + tag[6...].reduce(0) { $0 << 7 | Int($1 & 0x7F) }
        }
        var frame = [UInt8](repeating: 0, count: 40)
        guard pread(descriptor, &frame, 40, off_t(offset)) == 40 else { return false }
        // Behind the frame header and side information of 9 to 32 bytes; VBRI always behind 32.
        return [13, 21, 36].contains { place in
            ["Xing", "Info", "VBRI"].contains { Array(frame[place..<(place + 4)]) == Array($0.utf8) }
        }
    }

    /// What two frames of one stream share, and the frame's length in bytes (ISO 11172-3, 2.4.1.3).
    private static func frame(_ bytes: ArraySlice<UInt8>) -> (shared: Int, length: Int)? {
        guard bytes.count >= 4 else { return nil }
        let header = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let version = header >> 19 & 3
        let rateIndex = header >> 10 & 3
        let bitIndex = header >> 12 & 15
        // Eleven bits of sync, a version that exists, Layer III, a bit rate and a sample rate that are given.
        guard header >> 21 == 0x7FF, version != 1, header >> 17 & 3 == 1, rateIndex < 3,
            (1...14).contains(bitIndex)
        else { return nil }
        let rate = [44100, 48000, 32000][rateIndex] >> (version == 3 ? 0 : version == 2 ? 1 : 2)
        let rates =
            version == 3
            ? [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
            : [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
        let length = (version == 3 ? 144 : 72) * rates[bitIndex - 1] * 1000 / rate + (header >> 9 & 1)
        return (version << 2 | rateIndex, length)
    }
}
