/// How much sound a file's header claims, and how much is there: libsndfile silently shortens the one to the other.
struct ContainerLength: Equatable {
    /// The bytes of sound that the header claims; `nil` if it leaves the length open, as streaming writers do.
    var claimedBytes: Int?
    /// The bytes of sound that are in the file.
    var presentBytes: Int
    /// The bytes of a frame, for encodings without blocks.
    var frameBytes: Int?
    /// The number of frames that the header claims beside the bytes.
    var claimedFrames: Int?
    /// The frames that libsndfile may be asked for, where they do not follow from the bytes.
    var mostFrames: Int?
    /// Corrections without which libsndfile would not read what is there.
    var patches: [SndfileDecoder.Patch] = []
    /// What is wrong with the header, if it was corrected.
    var correction: String?

    /// Larger claims contradict themselves: no file is that large.
    static let largestClaim = 1 << 48

    /// Whether sound that the header claims is missing.
    var isCut: Bool { claimedBytes.map { $0 > presentBytes } ?? false }

    /// Reads the header of a WAV (RIFF, RIFX, RF64, BW64), W64, AIFF, 8SVX, AU, NIST, VOC, CAF, SDS, AVR or WVE file; `nil`
    /// for all others.
    static func read(_ file: FileBytes, start: Int) throws -> ContainerLength? {
        if let riff = try RIFFHeader(file, start: start) { return try riff.length(file) }
        for reader in [w64, aiff, au, nist, voc, caf, sds, avr, wve] {
            if let length = try reader(file, start) {
                if let claimed = length.claimedBytes, claimed < 0 || claimed > largestClaim {
                    throw AudioError(
                        .malformed,
                        "the header claims \(UInt64(bitPattern: Int64(claimed))) bytes of sound in a file of \(file.count)"
                    )
                }
                return length
            }
        }
        return nil
    }

    /// The frames that are claimed, given that `present` are there.
    func frames(present: Int) -> Int? {
        guard isCut, let claimedBytes else { return claimedFrames }
        let byBytes: Int
        if let frameBytes, frameBytes > 0 {
            byBytes = claimedBytes / frameBytes
        } else {
            let (product, overflows) = present.multipliedReportingOverflow(by: claimedBytes)
            byBytes = overflows ? Int.max / 2 : product / max(1, presentBytes)
        }
        return max(claimedFrames ?? byBytes, present + 1)
    }

    // MARK: - Formats

    /// Sony Wave64: chunks have names of 16 bytes and sizes of 8, which count the chunk's own header of 24.
    private static func w64(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("riff\u{2E}", at: start), try file.holds("wave", at: start + 24) else {
            return nil
        }
        var offset = start + 40
        var align = 0
        var tag = 0
        for _ in 0..<1024 {
            guard let size = try file.number(at: offset + 16, bytes: 8) else { return nil }
            if try file.holds("fmt ", at: offset) {
                tag = try file.number(at: offset + 24, bytes: 2) ?? 0
                align = try file.number(at: offset + 36, bytes: 2) ?? 0
            } else if try file.holds("data", at: offset) {
                let present = max(0, file.count - offset - 24)
                // The sizes that are left before the end is known: none, or the header's alone.
                let isOpen = size == -1 || size == 0 || (size == 24 && present > 0)
                return ContainerLength(
                    claimedBytes: isOpen ? nil : size < 0 ? size : size - 24,
                    presentBytes: isOpen ? present : min(present, max(24, size) - 24),
                    frameBytes: [1, 3, 6, 7, 0xFFFE].contains(tag) ? align : nil)
            }
            guard size >= 24, size < largestClaim else { return nil }
            offset += (size + 7) / 8 * 8
        }
        return nil
    }

    /// AIFF and AIFF-C (`COMM`, `SSND`), 8SVX (`BODY`).
    private static func aiff(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("FORM", at: start) else { return nil }
        let isAIFF = try file.holds("AIFF", at: start + 8)
        guard
            try isAIFF || file.holds("AIFC", at: start + 8) || file.holds("8SVX", at: start + 8)
                || file.holds("16SV", at: start + 8)
        else { return nil }
        var length: ContainerLength?
        var frames: Int?
        var frameBytes: Int?
        var offset = start + 12
        for _ in 0..<1024 {
            guard let size = try file.number(at: offset + 4, bytes: 4, bigEndian: true) else { break }
            let present = max(0, min(size, file.count - offset - 8))
            if try file.holds("COMM", at: offset),
                let channels = try file.number(at: offset + 8, bytes: 2, bigEndian: true),
                let bits = try file.number(at: offset + 14, bytes: 2, bigEndian: true)
            {
                // In packed encodings the field counts packets.
                let packed: [StaticString] = ["ima4", "GSM ", "MAC3", "MAC6", "DWVW"]
                if try isAIFF || !packed.contains(where: { try file.holds($0, at: offset + 26) }) {
                    frames = try file.number(at: offset + 10, bytes: 4, bigEndian: true)
                    frameBytes = channels * ((bits + 7) / 8)
                    for narrow: StaticString in ["ulaw", "alaw", "ULAW", "ALAW"]
                    where try file.holds(narrow, at: offset + 26) {
                        frameBytes = channels
                    }
                }
            } else if try file.holds("SSND", at: offset) {
                let skipped = 8 + (try file.number(at: offset + 8, bytes: 4, bigEndian: true) ?? 0)
                length = ContainerLength(
                    claimedBytes: max(0, size - skipped), presentBytes: max(0, present - skipped))
            } else if try file.holds("BODY", at: offset) {
                length = ContainerLength(claimedBytes: size, presentBytes: present)
            }
            offset += 8 + size + size % 2
        }
        length?.claimedFrames = frames
        length?.frameBytes = frameBytes
        return length
    }

    /// Sun's and NeXT's AU, in either byte order.
    private static func au(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        let isBigEndian = try file.holds(".snd", at: start)
        guard try isBigEndian || file.holds("dns.", at: start),
            let offset = try file.number(at: start + 4, bytes: 4, bigEndian: isBigEndian),
            let size = try file.number(at: start + 8, bytes: 4, bigEndian: isBigEndian),
            let encoding = try file.number(at: start + 12, bytes: 4, bigEndian: isBigEndian),
            let channels = try file.number(at: start + 20, bytes: 4, bigEndian: isBigEndian)
        else { return nil }
        let present = max(0, file.count - start - offset)
        let bytes = [1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1][encoding]
        let isOpen = size == 0xFFFF_FFFF
        return ContainerLength(
            claimedBytes: isOpen ? nil : size, presentBytes: isOpen ? present : min(size, present),
            frameBytes: bytes.flatMap { channels < 1024 ? $0 * channels : nil })
    }

    /// NIST SPHERE: a header of text.
    private static func nist(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("NIST_1A", at: start) else { return nil }
        let lines = String(decoding: try file.bytes(at: start, count: 8192), as: UTF8.self).split(
            separator: "\n")
        var fields: [Substring: Int] = [:]
        for line in lines.prefix(512) where line.contains(" -i ") {
            let words = line.split(separator: " ")
            if words.count == 3, let value = Int(words[2]), value >= 0, value < largestClaim {
                fields[words[0]] = value
            }
        }
        guard lines.count > 1, let header = Int(lines[1].filter { $0 != " " }),
            (0...1 << 20).contains(header),
            let count = fields["sample_count"], case let width = fields["sample_n_bytes"] ?? 1,
            (1...8).contains(width)
        else { return nil }
        let align = width * min(1024, fields["channel_count"] ?? 1)
        let present = max(0, file.count - start - header)
        let (claimed, overflows) = count.multipliedReportingOverflow(by: align)
        return ContainerLength(
            claimedBytes: overflows ? -1 : claimed, presentBytes: min(present, claimed), frameBytes: align,
            claimedFrames: count)
    }

    /// Creative Voice: blocks of a type and a size of three bytes.
    private static func voc(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("Creative Voice File", at: start),
            var offset = try file.number(at: start + 20, bytes: 2).map({ start + $0 })
        else { return nil }
        var length = ContainerLength(claimedBytes: 0, presentBytes: 0)
        for _ in 0..<65536 {
            guard let type = try file.number(at: offset, bytes: 1), type != 0,
                let size = try file.number(at: offset + 1, bytes: 3)
            else { break }
            // The block's own header, before its sound.
            if let header = [1: 2, 2: 0, 9: 12][type] {
                length.claimedBytes = (length.claimedBytes ?? 0) + max(0, size - header)
                length.presentBytes += max(0, min(size, file.count - offset - 4) - header)
                if type == 9, let bits = try file.number(at: offset + 8, bytes: 1),
                    let channels = try file.number(at: offset + 9, bytes: 1)
                {
                    length.frameBytes = bits % 8 == 0 ? bits / 8 * channels : nil
                } else if type == 1 {
                    length.frameBytes = try file.number(at: offset + 5, bytes: 1) == 0 ? 1 : nil
                }
            }
            offset += 4 + size
        }
        return length
    }

    /// Apple's Core Audio Format.
    private static func caf(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("caff", at: start) else { return nil }
        var length: ContainerLength?
        var frameBytes: Int?
        var frames: Int?
        var isALAC = false
        var offset = start + 8
        for _ in 0..<1024 {
            guard let size = try file.number(at: offset + 4, bytes: 8, bigEndian: true) else { break }
            if try file.holds("desc", at: offset) {
                isALAC = try file.holds("alac", at: offset + 20)
                let bytes = try file.number(at: offset + 28, bytes: 4, bigEndian: true) ?? 0
                if try file.number(at: offset + 32, bytes: 4, bigEndian: true) == 1, bytes > 0 {
                    frameBytes = bytes
                }
            } else if try file.holds("pakt", at: offset) {
                let valid = try file.number(at: offset + 20, bytes: 8, bigEndian: true) ?? 0
                if (1..<largestClaim).contains(valid) { frames = valid }
                if isALAC {
                    try checkPackets(file, from: offset + 36, to: offset + 12 + max(0, min(size, file.count)))
                }
            } else if try file.holds("data", at: offset) {
                let present = max(0, file.count - offset - 16)
                length = ContainerLength(
                    claimedBytes: size == -1 ? nil : size < 0 ? size : max(0, size - 4),
                    presentBytes: size < 0 ? present : min(present, max(0, size - 4)))
                // libsndfile refuses a claim that is too large.
                if let cut = length, cut.isCut, size <= largestClaim {
                    let bytes = (0..<8).map {
                        UInt8(truncatingIfNeeded: (cut.presentBytes + 4) >> (8 * (7 - $0)))
                    }
                    length?.patches = [SndfileDecoder.Patch(offset: offset + 4, bytes: bytes)]
                }
                if size == -1 { break }
            }
            guard size >= 0, size < largestClaim else { break }
            offset += 12 + size
        }
        length?.frameBytes = frameBytes
        length?.claimedFrames = frames
        return length
    }

    /// The sizes of ALAC's packets, seven bits a byte: libsndfile prints to standard output where one has more than five
    /// bytes or does not end.
    private static func checkPackets(_ file: FileBytes, from start: Int, to end: Int) throws {
        var count = 0
        for offset in start..<max(start, min(end, file.count)) {
            guard let byte = try file.number(at: offset, bytes: 1) else { break }
            count += 1
            if byte & 0x80 == 0 {
                if byte == 0 && count == 1 { return }
                count = 0
            } else if count >= 5 {
                throw AudioError(
                    .malformed, "the packet table has a size of more than five bytes at byte \(offset)")
            }
        }
        if count > 0 { throw AudioError(.malformed, "the packet table ends within a size") }
    }

    /// MIDI Sample Dump Standard: a header of 21 bytes, then packets of 127, of which 120 are data.
    ///
    /// libsndfile prints to standard output where a packet does not begin as one, so none such may reach it.
    private static func sds(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        let head = try file.bytes(at: start, count: 21)
        guard head.count == 21, head[0] == 0xF0, head[1] == 0x7E, head[3] == 0x01 else { return nil }
        let packets = (file.count - start - 21) / 127
        for packet in 0..<packets {
            let offset = start + 21 + 127 * packet
            let bytes = try file.number(at: offset, bytes: 4, bigEndian: true) ?? 0
            guard bytes >> 16 == 0xF07E, bytes & 0xFF == 2 else {
                throw AudioError(.malformed, "no packet of sample data begins at byte \(offset)")
            }
        }
        guard packets > 0 else {
            throw AudioError(.malformed, "there is not one whole packet of sample data")
        }
        // A word has two bytes of seven bits up to 14 bits, three up to 21, then four.
        let width = (Int(head[6]) + 6) / 7
        let words = Int(head[10]) | Int(head[11]) << 7 | Int(head[12]) << 14
        guard (2...4).contains(max(2, width)) else { return nil }
        let perPacket = 120 / max(2, width)
        // Counted in words, not in bytes.
        return ContainerLength(
            claimedBytes: words, presentBytes: min(words, packets * perPacket), frameBytes: 1,
            claimedFrames: words,
            mostFrames: packets * perPacket)
    }

    /// Audio Visual Research: the number of frames in a header of 128 bytes.
    private static func avr(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("2BIT", at: start),
            let isStereo = try file.number(at: start + 12, bytes: 2, bigEndian: true).map({ $0 != 0 }),
            let bits = try file.number(at: start + 14, bytes: 2, bigEndian: true), bits == 8 || bits == 16,
            let frames = try file.number(at: start + 26, bytes: 4, bigEndian: true)
        else { return nil }
        let align = bits / 8 * (isStereo ? 2 : 1)
        let present = max(0, file.count - start - 128)
        return ContainerLength(
            claimedBytes: frames * align, presentBytes: min(present, frames * align), frameBytes: align,
            claimedFrames: frames)
    }

    /// Psion's A-law files: the number of bytes in a header of 32.
    private static func wve(_ file: FileBytes, _ start: Int) throws -> ContainerLength? {
        guard try file.holds("ALawSoundFile**", at: start),
            let size = try file.number(at: start + 18, bytes: 4, bigEndian: true)
        else { return nil }
        return ContainerLength(
            claimedBytes: size, presentBytes: min(size, max(0, file.count - start - 32)), frameBytes: 1)
    }
}
