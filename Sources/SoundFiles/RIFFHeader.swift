/// The chunks of a WAV file up to its `data`: RIFF, RIFX (big-endian), RF64 and BW64 (64-bit sizes, EBU Tech 3306).
struct RIFFHeader {
    let isBigEndian: Bool
    /// The encoding, 0 without a `fmt ` chunk; behind 0xFFFE the extension's.
    private(set) var formatTag = 0
    /// The bytes of a frame or block.
    private(set) var blockAlign = 0
    /// The first byte of the sound, and the bytes from there to the end of the file or of the claimed size.
    private(set) var dataOffset = 0
    private(set) var presentBytes = 0
    /// The size that `data` claims, or `ds64` for it.
    private(set) var claimedBytes = 0
    /// Where that size is written, and with how many bytes.
    private var claim = (offset: 0, bytes: 4)

    /// `nil` for all but WAV files with a `data` chunk.
    init?(_ file: FileBytes, start: Int) throws {
        guard try file.holds("WAVE", at: start + 8) else { return nil }
        isBigEndian = try file.holds("RIFX", at: start)
        let isLong = try file.holds("RF64", at: start) || file.holds("BW64", at: start)
        guard try isBigEndian || isLong || file.holds("RIFF", at: start) else { return nil }
        var longSize: (value: Int, offset: Int)?
        var offset = start + 12
        for _ in 0..<1024 {
            guard let size = try file.number(at: offset + 4, bytes: 4, bigEndian: isBigEndian) else {
                return nil
            }
            if try file.holds("ds64", at: offset) {
                longSize = try file.number(at: offset + 16, bytes: 8).map { ($0, offset + 16) }
            } else if try file.holds("fmt ", at: offset) {
                formatTag = try file.number(at: offset + 8, bytes: 2, bigEndian: isBigEndian) ?? 0
                blockAlign = try file.number(at: offset + 20, bytes: 2, bigEndian: isBigEndian) ?? 0
                if formatTag == 0xFFFE {
                    formatTag = try file.number(at: offset + 32, bytes: 2, bigEndian: isBigEndian) ?? 0
                }
            } else if try file.holds("data", at: offset) {
                dataOffset = offset + 8
                (claimedBytes, claim) = (size, (offset + 4, 4))
                if isLong, size == 0xFFFF_FFFF, let longSize {
                    (claimedBytes, claim) = (longSize.value, (longSize.offset, 8))
                }
                let rest = max(0, file.count - dataOffset)
                presentBytes = claimedBytes >= 0 && !isPlaceholder(rest) ? min(rest, claimedBytes) : rest
                if claimedBytes == 0, try isChunkList(file, at: dataOffset) { presentBytes = 0 }
                return
            }
            offset += 8 + size + size % 2
        }
        return nil
    }

    /// Whether the claimed size is one that a writer leaves when it cannot go back: none, or about 2 or 4 GiB, whatever it
    /// subtracts for the header.
    private func isPlaceholder(_ present: Int) -> Bool {
        guard present < claimedBytes || claimedBytes <= 0 else { return false }
        return claimedBytes == 0 || claimedBytes == -1 || (0x7FFF_E000...0x8000_1000).contains(claimedBytes)
            || (0xFFFF_E000...0xFFFF_FFFF).contains(claimedBytes)
    }

    /// Whether chunks fill the file from here to its end: then a size of 0 is meant.
    private func isChunkList(_ file: FileBytes, at start: Int) throws -> Bool {
        var offset = start
        while offset < file.count {
            let name = try file.bytes(at: offset, count: 4)
            guard name.count == 4, name.allSatisfy({ (0x20...0x7E).contains($0) }),
                let size = try file.number(at: offset + 4, bytes: 4, bigEndian: isBigEndian)
            else { return false }
            offset += 8 + size + size % 2
            // The padding behind the last may be missing.
            if offset > file.count + 1 { return false }
        }
        return true
    }

    /// What the header claims; a size of 0 with sound behind it, as a crash leaves it, is corrected.
    func length(_ file: FileBytes) throws -> ContainerLength {
        guard claimedBytes >= -1, claimedBytes <= ContainerLength.largestClaim else {
            throw AudioError(
                .malformed,
                "the header claims \(UInt64(bitPattern: Int64(claimedBytes))) bytes of sound in a file of \(file.count)"
            )
        }
        let isOpen = isPlaceholder(max(0, file.count - dataOffset)) && presentBytes > 0
        var length = ContainerLength(
            claimedBytes: isOpen ? nil : claimedBytes, presentBytes: presentBytes,
            frameBytes: [1, 3, 6, 7].contains(formatTag) ? blockAlign : nil)
        if claimedBytes <= 0, presentBytes > 0 {
            let size = claim.bytes == 4 ? min(presentBytes, 0xFFFF_FFFE) : presentBytes
            let bytes = (0..<claim.bytes).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
            length.patches = [
                SndfileDecoder.Patch(offset: claim.offset, bytes: isBigEndian ? bytes.reversed() : bytes)
            ]
            length.correction =
                "the header claims \(max(0, claimedBytes)) bytes of sound, as an interrupted recorder leaves it; "
                + "all \(presentBytes) bytes that follow were read"
        }
        return length
    }
}
