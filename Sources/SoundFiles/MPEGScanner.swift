/// Walks an MPEG audio file from frame to frame.
struct MPEGScanner {
    /// How far the first frame may lie behind the beginning, or behind the tags there.
    static let farthestStart = 1 << 16
    /// The longest frame, free format included.
    private static let longestFrame = 1 << 13

    private let file: FileBytes
    private let start: Int
    private let end: Int
    private var plan = MPEGPlan()
    private var freeLength: Int?

    /// Takes the bytes of the stream, tags and junk included.
    init(_ file: FileBytes, range: Range<Int>) throws {
        self.file = file
        start = range.lowerBound
        end = try MPEGTags.end(of: file, range: range)
    }

    /// Finds all frames.
    ///
    /// - Returns: `nil` if there is no frame where one could begin.
    mutating func scan() throws -> MPEGPlan? {
        guard let first = try firstFrame() else { return nil }
        var offset = first
        /// Whether the last frame ended just here, and what it was.
        var previous: MPEGHeader?
        /// Whether something other than a frame has come since.
        var isBroken = true
        while offset < end {
            let header = try header(at: offset)
            if let header, let length = self.length(of: header),
                try previous?.stream == header.stream || isConfirmed(at: offset, strict: offset != first)
            {
                if offset + length > end {
                    plan.cutFrame = (end - offset, length)
                    return plan
                }
                let frame = try file.view(at: offset, count: length)
                if let information = MPEGInformation(frame: frame, header) {
                    plan.streams.append(MPEGPlan.Stream(information: information))
                    isBroken = true
                } else {
                    add(header, at: offset, isBroken: isBroken)
                    isBroken = false
                }
                previous = header
                offset += length
            } else if case let next = try MPEGTags.skip(file, at: offset), next > offset {
                previous = nil
                isBroken = true
                offset = next
            } else {
                let next = try nextFrame(from: offset + 1) ?? end
                if next < end {
                    plan.innerJunk += next - offset
                    plan.innerGaps += 1
                } else {
                    plan.trailingJunk += next - offset
                }
                previous = nil
                isBroken = true
                offset = next
            }
        }
        return plan
    }

    private mutating func add(_ header: MPEGHeader, at offset: Int, isBroken: Bool) {
        var isNewStream = plan.streams.isEmpty
        if isBroken, let last = plan.streams.last, let declared = last.information.frames,
            last.frames >= declared
        {
            isNewStream = true
        }
        if isNewStream { plan.streams.append(MPEGPlan.Stream()) }
        let stream = plan.streams.count - 1
        plan.streams[stream].frames += 1
        plan.streams[stream].samples += header.samples
        let run = plan.streams[stream].runs.count - 1
        if !isBroken, run >= 0, case let last = plan.streams[stream].runs[run].header,
            last.stream == header.stream, last.channels == header.channels
        {
            plan.streams[stream].runs[run].frames += 1
        } else {
            plan.streams[stream].runs.append(
                MPEGPlan.Run(offset: offset, frames: 1, header: header, freeLength: freeLength))
        }
    }

    private func header(at offset: Int) throws -> MPEGHeader? {
        guard offset + 4 <= end else { return nil }
        return try file.number(at: offset, bytes: 4, bigEndian: true).flatMap(MPEGHeader.init)
    }

    private func length(of header: MPEGHeader) -> Int? {
        header.byteCount ?? freeLength.map { $0 + header.padding }
    }

    /// The first frame: right behind the tags, or at most 64 KiB behind them or behind the beginning.
    private mutating func firstFrame() throws -> Int? {
        var begin = start
        while case let next = try MPEGTags.skip(file, at: begin), next > begin, next < end { begin = next }
        if let header = try header(at: begin), header.byteCount == nil {
            freeLength = try freeLength(at: begin, header)
        }
        if try isConfirmed(at: begin, strict: false) { return begin }
        for origin in begin == start ? [start] : [begin, start] {
            if let found = try nextFrame(from: origin, to: min(end, origin + Self.farthestStart)) {
                plan.leadingJunk = found - origin
                return found
            }
        }
        return nil
    }

    private func nextFrame(from offset: Int, to last: Int? = nil) throws -> Int? {
        var offset = offset
        while let found = try file.firstPlace(of: 0xFF, from: offset, to: last ?? end) {
            if try isConfirmed(at: found, strict: true) { return found }
            offset = found + 1
        }
        return nil
    }

    /// Whether a frame here is followed by more of its kind: two bytes that look like a header are frequent.
    ///
    /// Two frames must follow each other, or three if `strict`. Fewer do if they reach the end exactly.
    private func isConfirmed(at offset: Int, strict: Bool) throws -> Bool {
        guard let first = try header(at: offset) else { return false }
        var offset = offset
        var header = first
        for count in 1... {
            guard let length = length(of: header) else { return false }
            offset += length
            if count == (strict ? 3 : 2) { return true }
            if offset == end { return true }
            if offset > end { return count > (strict ? 2 : 1) }
            if count > 1 || !strict, try MPEGTags.skip(file, at: offset) > offset { return true }
            guard let next = try self.header(at: offset), next.stream == first.stream else { return false }
            header = next
        }
        return false
    }

    /// The distance of frames of the free format, without padding: that from the first header to one of its kind, if the
    /// same distance leads to a third.
    private func freeLength(at offset: Int, _ first: MPEGHeader) throws -> Int? {
        for next in (offset + 24)..<max(offset + 24, min(end, offset + Self.longestFrame)) {
            guard let second = try header(at: next), second.byteCount == nil, second.stream == first.stream
            else {
                continue
            }
            let length = next - offset - first.padding
            if let third = try header(at: next + length + second.padding), third.byteCount == nil,
                third.stream == first.stream
            {
                return length
            }
        }
        return nil
    }
}

/// The tags around and between the frames of an MP3.
enum MPEGTags {
    /// The place behind an ID3v2 or APE tag, an ID3v1 tag or Lyrics3 text that begins here; the same place if none does.
    static func skip(_ file: FileBytes, at offset: Int) throws -> Int {
        let head = try file.bytes(at: offset, count: 32)
        if head.count >= 10, head.starts(with: "ID3".utf8), head[3] < 0xFF, head[4] < 0xFF,
            head[6..<10].allSatisfy({ $0 < 0x80 })
        {
            // ID3v2.4, 3.1: the size is in four times seven bits and counts neither header nor footer.
            return offset + 10 + head[6..<10].reduce(0) { $0 << 7 | Int($1) } + (head[5] & 0x10 != 0 ? 10 : 0)
        }
        if head.count == 32, head.starts(with: "APETAGEX".utf8) {
            let size = head[12..<16].reversed().reduce(0) { $0 << 8 | Int($1) }
            return head[23] & 0x20 != 0 ? offset + 32 + size : offset + 32
        }
        if head.starts(with: "TAG+".utf8), try file.holds("TAG", at: offset + 227) { return offset + 227 }
        if head.starts(with: "TAG".utf8), offset + 128 <= file.count { return offset + 128 }
        return offset
    }

    /// Where the tags at the end of a range begin.
    static func end(of file: FileBytes, range: Range<Int>) throws -> Int {
        var end = range.upperBound
        for _ in 0..<16 {
            var begin = end
            if try file.holds("TAG", at: end - 128) {
                begin = end - 128
                if try file.holds("TAG+", at: begin - 227) { begin -= 227 }
            } else if try file.holds("APETAGEX", at: end - 32),
                let size = try file.number(at: end - 20, bytes: 4),
                let flags = try file.number(at: end - 12, bytes: 4), flags & 1 << 29 == 0
            {
                begin = end - size - (flags & 1 << 31 != 0 ? 32 : 0)
            } else if try file.holds("LYRICS200", at: end - 9),
                let size = Int(String(decoding: try file.bytes(at: end - 15, count: 6), as: UTF8.self)),
                size >= 0
            {
                begin = end - 15 - size
            } else if try file.holds("3DI", at: end - 10) {
                begin =
                    end - 20 - (try file.bytes(at: end - 4, count: 4)).reduce(0) { $0 << 7 | Int($1 & 0x7F) }
            }
            guard begin < end, begin >= range.lowerBound else { break }
            end = begin
        }
        return end
    }
}
