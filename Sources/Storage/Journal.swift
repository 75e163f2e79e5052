package import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Why a record was dropped.
package enum DropReason: String, Sendable {
    /// An output's bytes were not those of its name.
    case corrupt
    /// An output was gone.
    case missing
    /// It was run again on demand.
    case forced
    /// Nothing reached it any more.
    case collected
}

/// One line of a journal.
///
/// Times are milliseconds since 1970; within one writer they never go back. A drop removes the records of its
/// key that are not younger than itself, so that journals can be read in any order.
package enum JournalEntry: Sendable {
    case record(ActionRecord, at: Int64)
    case drop(Digest, DropReason, at: Int64)
    /// Where a small object lies; of several places of one object the youngest counts.
    case place(PlacedObject, at: Int64)
    /// What a worker hashed a source to, so that a build need not read it again.
    case source(String, Index.SourceRow, at: Int64)

    /// The key of the action, or the name of the object or source.
    package var key: Digest {
        switch self {
        case .record(let record, _): record.key
        case .drop(let key, _, _): key
        case .place(let object, _): object.digest
        case .source(_, let row, _): row.digest
        }
    }

    /// The line with its end: JSON whose last member, `sha`, is the start of the SHA-256 of all before.
    package var line: [UInt8] {
        var line: [UInt8] = []
        switch self {
        case .record(let record, let at):
            line += "{\"at\":\(at),\"record\":".utf8
            record.appendCanonical(to: &line)
        case .drop(let key, let reason, let at):
            line += "{\"at\":\(at),\"drop\":\"\(key.hex)\",\"reason\":\"\(reason.rawValue)\"".utf8
        case .place(let object, let at):
            line.reserveCapacity(256)
            line += "{\"at\":\(at),\"place\":\"".utf8
            line += object.digest.hex.utf8
            line += "\",\"pack\":\"".utf8
            line += object.place.pack.description.utf8
            line += "\",\"offset\":\(object.place.offset),\"length\":\(object.place.length)".utf8
        case .source(let path, let row, let at):
            let stat = row.stat
            line += "{\"at\":\(at),\"source\":".utf8
            JSONValue.string(path).appendCanonical(to: &line)
            line += ",\"size\":\(stat.size),\"modified\":\(stat.modified),\"changed\":\(stat.changed)".utf8
            line += ",\"inode\":\(Int64(bitPattern: stat.inode)),\"digest\":\"\(row.digest.hex)\"".utf8
        }
        let sum = Digest(of: line).short
        line += ",\"sha\":\"\(sum)\"}\n".utf8
        return line
    }

    /// The times that a line may have: up to the year 9999, so that the next one never overflows.
    static let times: ClosedRange<Int64> = 0...253_402_300_799_999

    /// The present, or the next moment after a time that is not past yet; a line of the far future, which only damage or
    /// malice makes, does not end time.
    package static func time(after time: Int64) -> Int64 {
        min(max(FileStat.now / 1_000_000, time + 1), times.upperBound)
    }

    /// The length of `,"sha":"…"}`.
    private static let sumLength = 22

    /// Reads a line without its end; nil when it is not whole.
    package init?(line: UnsafeRawBufferPointer) {
        guard line.count > Self.sumLength else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: line[..<(line.count - Self.sumLength)])
        let sum = line[(line.count - Self.sumLength)...]
        guard sum.elementsEqual(",\"sha\":\"\(Digest(of: text).short)\"}".utf8),
            let entry = try? JournalEntry(whole: line)
        else { return nil }
        self = entry
    }

    /// Reads a line whose sum is right; nil when it is no record, drop, place or source.
    private init?(whole line: UnsafeRawBufferPointer) throws(JSONError) {
        var (at, record): (Int64?, ActionRecord?)
        var (key, reason): (Digest?, DropReason?)
        var (object, pack, offset, length): (Digest?, PackName?, Int?, Int?)
        var (path, digest): (String?, Digest?)
        var (size, modified, changed, inode): (Int?, Int64?, Int64?, Int64?)
        var reader = JSONReader(line)
        try reader.members { (reader, name) throws(JSONError) in
            switch name {
            case "at": at = Int64(try reader.integer())
            case "record": record = try ActionRecord(reading: &reader)
            case "drop": key = Digest(hex: try reader.string())
            case "reason": reason = DropReason(rawValue: try reader.string())
            case "place": object = Digest(hex: try reader.string())
            case "pack": pack = PackName(try reader.string())
            case "offset": offset = try reader.integer()
            case "length": length = try reader.integer()
            case "source": path = try reader.string()
            case "size": size = try reader.integer()
            case "modified": modified = Int64(try reader.integer())
            case "changed": changed = Int64(try reader.integer())
            case "inode": inode = Int64(try reader.integer())
            case "digest": digest = Digest(hex: try reader.string())
            default: try reader.skip()
            }
        }
        try reader.end()
        guard let at, Self.times.contains(at) else { return nil }
        if let record {
            self = .record(record, at: at)
        } else if let key, let reason {
            self = .drop(key, reason, at: at)
        } else if let object, let pack, let offset, let length,
            let place = Place(pack: pack, offset: offset, length: length)
        {
            self = .place(PlacedObject(digest: object, place: place), at: at)
        } else if let path, let size, let modified, let changed, let inode, let digest {
            let stat = FileStat(
                size: size, modified: modified, changed: changed, inode: UInt64(bitPattern: inode))
            self = .source(path, Index.SourceRow(stat: stat, digest: digest), at: at)
        } else {
            return nil
        }
    }
}

/// A journal as it lies on the disk.
package struct Journal: Sendable {
    /// Its file's name.
    package let name: String
    package let path: String

    /// What reading to the end found beside the entries.
    package struct Scan {
        /// The end of the last line that has an end.
        package var end = 0
        /// Bytes after that: a line whose writer was killed.
        package var tornBytes = 0
        /// Lines with an end that are not whole.
        package var damaged: [Range<Int>] = []
        /// How many lines are whole.
        package var entries = 0
    }

    /// The longest line that is read: more than the largest record of a million sources has.
    let lineLimit: Int

    package init(name: String, path: String, lineLimit: Int = 256 << 20) {
        self.name = name
        self.path = path
        self.lineLimit = lineLimit
    }

    /// Reads the entries from an offset on, in parts of a few megabytes.
    package func scan(
        _ disk: Disk, from start: Int = 0,
        _ body: (JournalEntry, Range<Int>) throws(BuildError) -> Void
    ) throws(BuildError) -> Scan {
        let descriptor = try disk.open(path, O_RDONLY)
        defer { disk.close(descriptor) }
        var scan = Scan(end: start)
        var part = [UInt8](repeating: 0, count: 4 << 20)
        var filled = 0
        while true {
            var span = part.mutableSpan
            let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
                try disk.read(
                    descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]),
                    at: scan.end + filled, path: path)
            }
            filled += count
            let isLast = filled < part.count
            let used = try part.span.withUnsafeBytes { (buffer) throws(BuildError) in
                var used = 0
                while let base = buffer.baseAddress, used < filled,
                    let found = memchr(base + used, 0x0A, filled - used)
                {
                    let next = UnsafeRawPointer(found) - base + 1
                    let place = (scan.end + used)..<(scan.end + next)
                    if let entry = JournalEntry(
                        line: UnsafeRawBufferPointer(rebasing: buffer[used..<(next - 1)]))
                    {
                        scan.entries += 1
                        try body(entry, place)
                    } else {
                        scan.damaged.append(place)
                    }
                    used = next
                }
                return used
            }
            scan.end += used
            filled -= used
            if isLast {
                scan.tornBytes = filled
                return scan
            }
            if used == 0 {
                // A hole in the file, or what a power cut left of its end: nothing that follows is read.
                if part.span.withUnsafeBytes({ $0.baseAddress.map { memchr($0, 0, filled) != nil } ?? false })
                {
                    scan.tornBytes = max(0, (FileStat(descriptor: descriptor)?.size ?? 0) - scan.end)
                    return scan
                }
                // A line longer than the part: make room for it.
                guard part.count < lineLimit else {
                    throw .foreign(path, "has a line of more than \(part.count) bytes")
                }
                part.append(contentsOf: repeatElement(0, count: part.count))
            } else {
                part.withUnsafeMutableBytes { buffer in
                    guard let base = buffer.baseAddress else { return }
                    memmove(base, base + used, filled)
                }
            }
        }
    }

    /// Reads one entry whose place is known; nil when there is none any more.
    package func entry(_ disk: Disk, at place: Range<Int>) -> JournalEntry? {
        guard place.count <= lineLimit, let descriptor = try? disk.open(path, O_RDONLY) else { return nil }
        defer { disk.close(descriptor) }
        guard let size = FileStat(descriptor: descriptor)?.size, place.upperBound <= size else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: place.count, alignment: 1) { buffer in
            guard (try? disk.read(descriptor, into: buffer, at: place.lowerBound, path: path)) == place.count,
                buffer.last == 0x0A
            else { return nil }
            return JournalEntry(line: UnsafeRawBufferPointer(rebasing: buffer.dropLast()))
        }
    }
}

/// The end of one writer's own journal; used by one thread at a time.
package final class JournalWriter {
    package let journal: Journal
    private let disk: Disk
    private var descriptor: Int32 = -1
    private var end = 0

    package init(_ journal: Journal, disk: Disk) {
        self.journal = journal
        self.disk = disk
    }

    deinit {
        if descriptor >= 0 { disk.close(descriptor) }
    }

    /// Appends entries and flushes; gives each entry's place.
    ///
    /// After a failure the file is cut back to what it was, as far as the disk allows; what is left is a torn
    /// line, which readers drop.
    package func append(_ entries: [JournalEntry]) throws(BuildError) -> [Range<Int>] {
        if descriptor < 0 { try openAtEnd() }
        var lines: [UInt8] = []
        var places: [Range<Int>] = []
        for entry in entries {
            let start = end + lines.count
            lines += entry.line
            places.append(start..<(end + lines.count))
        }
        do throws(BuildError) {
            try lines.span.withUnsafeBytes { (raw) throws(BuildError) in
                if FailPoint.isDue("journal.torn") {
                    let half = UnsafeRawBufferPointer(rebasing: raw[..<(raw.count * 2 / 3)])
                    try disk.write(half, to: descriptor, at: end, path: journal.path)
                    FailPoint.die()
                }
                try disk.write(raw, to: descriptor, at: end, path: journal.path)
            }
            FailPoint.pass("journal.appended")
            try disk.synchronise(descriptor, path: journal.path)
        } catch {
            _ = disk.calls.truncate(descriptor, to: end)
            throw error
        }
        FailPoint.pass("journal.flushed")
        end += lines.count
        return places
    }

    /// Opens the file, cutting off a line that a killed writer left without an end.
    private func openAtEnd() throws(BuildError) {
        let isNew = FileStat(withoutFollowing: journal.path) == nil
        let opened = try disk.open(journal.path, O_RDWR | O_CREAT)
        do throws(BuildError) {
            let size = FileStat(descriptor: opened)?.size ?? 0
            end = try lastLineEnd(opened, size: size)
            if end < size {
                guard disk.calls.truncate(opened, to: end) >= 0 else {
                    throw .system("cut", journal.path, errno)
                }
            }
            if isNew, let slash = journal.path.lastIndex(of: "/") {
                try disk.synchronise(String(journal.path[..<slash]))
            }
        } catch {
            disk.close(opened)
            throw error
        }
        descriptor = opened
    }

    private func lastLineEnd(_ descriptor: Int32, size: Int) throws(BuildError) -> Int {
        var part = [UInt8](repeating: 0, count: 64 << 10)
        var at = size
        while at > 0 {
            let start = max(0, at - part.count)
            var span = part.mutableSpan
            let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
                try disk.read(
                    descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<(at - start)]),
                    at: start,
                    path: journal.path)
            }
            if let newline = part[..<count].lastIndex(of: 0x0A) { return start + newline + 1 }
            at = start
            guard size - at < journal.lineLimit else {
                throw .foreign(journal.path, "has a line of more than \(journal.lineLimit) bytes")
            }
        }
        return 0
    }
}

extension JournalEntry {
    /// The time of the line.
    package var at: Int64 {
        switch self {
        case .record(_, let at): at
        case .drop(_, _, let at): at
        case .place(_, let at): at
        case .source(_, _, let at): at
        }
    }
}
