package import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The layout of a pack: the bytes of its objects one after another, then, once it is closed, its table of contents.
///
/// The table has 48 bytes for each object: its name (32 bytes), offset and length (64-bit, little-endian). It ends with
/// 48 bytes more: `RPRPACK1`, the number of objects, and the SHA-256 of all of the table before it. The table serves
/// only to find objects whose lines in the journals are lost; a pack whose writer was killed has none.
package enum PackFile {
    /// An object of so many bytes or more is a file of its own.
    package static let objectLimit = 256 << 10
    /// A pack is closed before it grows beyond this.
    package static let sizeLimit = 64 << 20

    private static let rowSize = 48
    private static let mark = Array("RPRPACK1".utf8)

    /// The bytes of the table of contents of so many objects.
    package static func tableSize(_ count: Int) -> Int { (count + 1) * rowSize }

    /// The table of contents of some objects of one pack.
    package static func table(of objects: [PlacedObject]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((objects.count + 1) * rowSize)
        func append(_ number: Int) {
            withUnsafeBytes(of: UInt64(number).littleEndian) { bytes += $0 }
        }
        for object in objects {
            object.digest.withBytes { bytes += $0 }
            append(object.place.offset)
            append(object.place.length)
        }
        bytes += mark
        append(objects.count)
        Digest(of: bytes).withBytes { bytes += $0 }
        return bytes
    }

    /// The objects that a pack's table of contents lists; nil when it has no whole one.
    package static func objects(_ disk: Disk, _ path: String, _ name: PackName) -> [PlacedObject]? {
        guard let descriptor = try? disk.open(path, O_RDONLY) else { return nil }
        defer { disk.close(descriptor) }
        let size = FileStat(descriptor: descriptor)?.size ?? 0
        func read(_ count: Int, at offset: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            let found = bytes.withUnsafeMutableBytes {
                try? disk.read(descriptor, into: $0, at: offset, path: path)
            }
            return found == count ? bytes : nil
        }
        func number(_ bytes: ArraySlice<UInt8>) -> Int? {
            Int(exactly: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        guard size >= rowSize, let end = read(rowSize, at: size - rowSize), Array(end[..<8]) == mark,
            let count = number(end[8..<16]), count < size / rowSize,
            let table = read((count + 1) * rowSize, at: size - (count + 1) * rowSize),
            Digest(of: table[..<(table.count - 32)]) == Digest(bytes: end[16...])
        else { return nil }
        let start = size - table.count
        var objects: [PlacedObject] = []
        objects.reserveCapacity(count)
        for row in stride(from: 0, to: count * rowSize, by: rowSize) {
            guard let digest = Digest(bytes: table[row..<(row + 32)]),
                let offset = number(table[(row + 32)..<(row + 40)]),
                let length = number(table[(row + 40)..<(row + 48)]),
                let place = Place(pack: name, offset: offset, length: length), place.end <= start
            else { return nil }
            objects.append(PlacedObject(digest: digest, place: place))
        }
        return objects
    }
}
