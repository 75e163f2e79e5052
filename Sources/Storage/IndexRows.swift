package import Files
internal import Foundation
internal import GRDB

/// Something in an index that Reprise never writes.
struct IndexFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The checksum of a row: the first eight bytes of the SHA-256 of the table's name and all other columns.
enum RowSum {
    static func action(
        _ key: Digest, _ at: Int64, _ outputs: [UInt8]?, _ facts: [UInt8]?, _ remarks: [UInt8]?
    ) -> Int64 {
        var row = Bytes("action")
        row.append(key)
        row.append(at)
        for part in [outputs, facts, remarks] { row.append(part) }
        return row.sum
    }

    static func latest(_ subject: Int64, _ at: Int64, _ journal: Int64, _ start: Int64, _ length: Int64)
        -> Int64
    {
        var row = Bytes("latest")
        for number in [subject, at, journal, start, length] { row.append(number) }
        return row.sum
    }

    static func dropped(_ key: Digest, _ at: Int64, _ reason: String?) -> Int64 {
        var row = Bytes("dropped")
        row.append(key)
        row.append(at)
        row.append(reason.map { Array($0.utf8) })
        return row.sum
    }

    static func place(_ digest: Digest, _ at: Int64, _ place: Place) -> Int64 {
        var row = Bytes("place")
        row.append(digest)
        for number in [at, place.pack.number, Int64(place.offset), Int64(place.length)] {
            row.append(number)
        }
        return row.sum
    }

    static func journal(_ id: Int64, _ name: String, _ bytes: Int64, _ youngest: Int64) -> Int64 {
        var row = Bytes("journal")
        row.append(Array(name.utf8))
        for number in [id, bytes, youngest] { row.append(number) }
        return row.sum
    }

    static func source(_ path: String, _ row: Index.SourceRow) -> Int64 {
        var bytes = Bytes("source")
        bytes.append(Array(path.utf8))
        bytes.append(row.digest)
        for number in [
            Int64(row.stat.size), row.stat.modified, row.stat.changed, Int64(bitPattern: row.stat.inode),
        ] { bytes.append(number) }
        return bytes.sum
    }

    /// The columns one after another, those of varying length preceded by it.
    private struct Bytes {
        private var bytes: [UInt8]

        init(_ table: StaticString) {
            bytes = table.withUTF8Buffer { Array($0) }
            bytes.reserveCapacity(512)
        }

        mutating func append(_ number: Int64) {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }

        mutating func append(_ digest: Digest) { digest.withBytes { bytes += $0 } }

        mutating func append(_ part: [UInt8]?) {
            append(Int64(part?.count ?? -1))
            bytes += part ?? []
        }

        var sum: Int64 { Int64(bitPattern: Digest(of: bytes).prefix) }
    }
}

/// The columns of a row, whatever types a damaged file gives them.
struct Columns {
    let row: Row
    /// The column that counts as the first.
    private let first: Int

    init(_ row: Row, from first: Int = 0) {
        self.row = row
        self.first = first
    }

    func integer(_ index: Int) throws -> Int64 {
        guard let value = Int64.fromDatabaseValue(row[first + index] as DatabaseValue) else {
            throw IndexFault("a row has no number where one belongs")
        }
        return value
    }

    /// Nil for NULL.
    func text(_ index: Int) throws -> String? {
        let value = row[first + index] as DatabaseValue
        if value.isNull { return nil }
        guard let text = String.fromDatabaseValue(value) else {
            throw IndexFault("a row has no text where one belongs")
        }
        return text
    }

    /// Nil for NULL.
    func bytes(_ index: Int) throws -> [UInt8]? {
        try row.withUnsafeData(atIndex: first + index) { $0.map { Array($0) } }
    }

    func digest(_ index: Int) throws -> Digest {
        let digest = try row.withUnsafeData(atIndex: first + index) { Digest(bytes: $0 ?? Data()) }
        guard let digest else { throw IndexFault("a row has no hash where one belongs") }
        return digest
    }

    /// Of `at, journal, start, length, sum`.
    func latest(of subject: Int64) throws -> (journal: Int64, place: Range<Int>) {
        let (at, journal) = (try integer(0), try integer(1))
        let (start, length) = (try integer(2), try integer(3))
        let (end, overflows) = start.addingReportingOverflow(length)
        guard try integer(4) == RowSum.latest(subject, at, journal, start, length), start >= 0, length >= 0,
            !overflows
        else { throw IndexFault("the row of subject \(subject) does not match its checksum") }
        return (journal, Int(start)..<Int(end))
    }

    /// Of `at, reason, sum`.
    func dropped(_ key: Digest) throws -> (at: Int64, reason: DropReason?) {
        let (at, reason) = (try integer(0), try text(1))
        guard try integer(2) == RowSum.dropped(key, at, reason) else {
            throw IndexFault("the row of dropped action \(key) does not match its checksum")
        }
        return (at, reason.flatMap(DropReason.init(rawValue:)))
    }

    /// Of `at, pack, start, length, sum`.
    func place(of digest: Digest) throws -> Place {
        let at = try integer(0)
        guard let pack = PackName(number: try integer(1)),
            let place = Place(pack: pack, offset: Int(try integer(2)), length: Int(try integer(3))),
            try integer(4) == RowSum.place(digest, at, place)
        else { throw IndexFault("the row of object \(digest) does not match its checksum") }
        return place
    }

    /// Of `size, modified, changed, inode, digest, sum`.
    func source(_ path: String) throws -> Index.SourceRow {
        let stat = FileStat(
            size: Int(try integer(0)), modified: try integer(1), changed: try integer(2),
            inode: UInt64(bitPattern: try integer(3)))
        let source = Index.SourceRow(stat: stat, digest: try digest(4))
        guard try integer(5) == RowSum.source(path, source) else {
            throw IndexFault("the row of source \(path) does not match its checksum")
        }
        return source
    }
}

extension Digest {
    /// The 32 bytes as a column holds them.
    var data: Data { withBytes { Data($0) } }
}

extension Index {
    /// A row's worth of a source that was hashed before.
    package struct SourceRow: Sendable {
        package let stat: FileStat
        package let digest: Digest

        package init(stat: FileStat, digest: Digest) {
            self.stat = stat
            self.digest = digest
        }
    }
}
