import Files
import Tensors

/// Writes NumPy's `.npz`: a ZIP archive of `.npy` members, each streamed through once.
///
/// Members are stored as they are, as `numpy.savez` does, or compressed as by `numpy.savez_compressed`.
///
/// Formats: NumPy enhancement proposal 1 (version 1.0 headers) and PKWARE APPNOTE 6.3.3; members and archives
/// past 4 GiB use ZIP64. All time stamps are 1980-01-01, so that equal arrays give equal bytes. The file appears when it
/// is closed.
final class NPZFile {
    private let file: OutputFile
    private var position: UInt64 = 0
    private var members: [Member] = []
    private let isCompressed: Bool

    private struct Member {
        let name: String
        let offset: UInt64
        let byteCount: UInt64
        /// The bytes in the archive.
        var storedCount: UInt64
        var checksum: UInt32
    }

    /// Begins a file that takes the path's place when it is closed.
    ///
    /// - Throws: `BuildError`.
    init(path: String, isCompressed: Bool = false) throws(BuildError) {
        file = try OutputFile(path)
        self.isCompressed = isCompressed
    }

    /// Adds an array; the body hands over its elements in row-major order, piece by piece.
    func add(
        _ name: String, _ type: ElementType, shape: [Int],
        _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        try add(name, NPYFormat.descriptor(type), shape, width: type.byteCount, body)
    }

    /// Adds texts, an element each.
    func add(_ name: String, texts: [String]) throws {
        let (descriptor, bytes) = NPYFormat.texts(texts)
        let width = texts.isEmpty ? 0 : bytes.count / texts.count
        try add(name, descriptor, [texts.count], width: width) { try bytes.withUnsafeBytes($0) }
    }

    private func add(
        _ name: String, _ descriptor: String, _ shape: [Int], width: Int,
        _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let header = NPYFormat.header(descriptor, shape)
        let byteCount = UInt64(header.count + shape.reduce(width, *))
        var member = Member(
            name: name + ".npy", offset: position, byteCount: byteCount, storedCount: byteCount, checksum: 0)
        try write(localHeader(member))
        let start = position
        var checksum = CRC32()
        var count: UInt64 = 0
        let store = { (bytes: UnsafeRawBufferPointer) throws in
            try self.file.write(bytes)
            self.position += UInt64(bytes.count)
        }
        let deflater = isCompressed ? Deflater(.none) : nil
        let sink = { (bytes: UnsafeRawBufferPointer) throws in
            checksum.update(bytes)
            count += UInt64(bytes.count)
            if let deflater { try deflater.write(bytes, to: store) } else { try store(bytes) }
        }
        try header.withUnsafeBytes(sink)
        try body(sink)
        try deflater?.finish(to: store)
        precondition(count == byteCount, "array '\(name)' of shape \(shape) got \(count) bytes")
        member.checksum = checksum.value
        member.storedCount = position - start
        members.append(member)
        try file.overwrite(localHeader(member), at: member.offset)
    }

    /// Adds an array that is in memory.
    func add<Element: TensorElement>(_ name: String, _ tensor: Tensor<Element>) throws {
        try add(name, Element.elementType, shape: tensor.shape) { write in
            try tensor.elements.withUnsafeBytes(write)
        }
    }

    /// Writes the archive's directory and closes the file.
    func close() throws {
        let directory = position
        for member in members { try write(directoryEntry(member)) }
        let size = position - directory
        let end = position
        var tail = Bytes()
        tail.append(0x0606_4B50 as UInt32)  // ZIP64 end of central directory
        tail.append(44 as UInt64)
        tail.append(45 as UInt16)
        tail.append(45 as UInt16)
        tail.append(0 as UInt32)
        tail.append(0 as UInt32)
        tail.append(UInt64(members.count))
        tail.append(UInt64(members.count))
        tail.append(size)
        tail.append(directory)
        tail.append(0x0706_4B50 as UInt32)  // its locator
        tail.append(0 as UInt32)
        tail.append(end)
        tail.append(1 as UInt32)
        tail.append(0x0605_4B50 as UInt32)  // end of central directory: all in the ZIP64 record
        tail.append(0 as UInt32)
        tail.append(UInt16.max)
        tail.append(UInt16.max)
        tail.append(UInt32.max)
        tail.append(UInt32.max)
        tail.append(0 as UInt16)
        try write(tail.bytes)
        try file.commit()
    }

    private func write(_ bytes: [UInt8]) throws {
        try file.write(bytes)
        position += UInt64(bytes.count)
    }

    private func localHeader(_ member: Member) -> [UInt8] {
        var header = Bytes()
        header.append(0x0403_4B50 as UInt32)
        appendCommon(member, to: &header)
        header.append(20 as UInt16)
        header.append(contentsOf: member.name)
        header.append(1 as UInt16)  // ZIP64 sizes
        header.append(16 as UInt16)
        header.append(member.byteCount)
        header.append(member.storedCount)
        return header.bytes
    }

    private func directoryEntry(_ member: Member) -> [UInt8] {
        var entry = Bytes()
        entry.append(0x0201_4B50 as UInt32)
        entry.append(45 as UInt16)
        appendCommon(member, to: &entry)
        entry.append(28 as UInt16)
        entry.append(0 as UInt16)  // comment
        entry.append(0 as UInt16)  // disk
        entry.append(0 as UInt16)  // attributes
        entry.append(0 as UInt32)
        entry.append(UInt32.max)  // offset: in the extra field
        entry.append(contentsOf: member.name)
        entry.append(1 as UInt16)
        entry.append(24 as UInt16)
        entry.append(member.byteCount)
        entry.append(member.storedCount)
        entry.append(member.offset)
        return entry.bytes
    }

    /// What local header and directory entry share, up to the length of the name.
    private func appendCommon(_ member: Member, to bytes: inout Bytes) {
        bytes.append(45 as UInt16)  // needs ZIP64
        bytes.append(0x0800 as UInt16)  // names are UTF-8
        bytes.append(isCompressed ? 8 : 0 as UInt16)  // deflated, or stored
        bytes.append(0 as UInt16)
        bytes.append(0x0021 as UInt16)  // 1980-01-01
        bytes.append(member.checksum)
        bytes.append(UInt32.max)
        bytes.append(UInt32.max)
        bytes.append(UInt16(member.name.utf8.count))
    }
}

/// Little-endian fields, one behind the other.
private struct Bytes {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(contentsOf text: String) { bytes.append(contentsOf: text.utf8) }
}

/// The checksum of ZIP (ISO 3309, reflected polynomial EDB88320), eight bytes a step.
struct CRC32 {
    private var state = UInt32.max

    var value: UInt32 { ~state }

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<8 * 256 {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
        }
        return tables
    }()

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        Self.tables.withUnsafeBufferPointer { tables in
            var index = 0
            while index + 8 <= bytes.count {
                let low = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self).littleEndian ^ state
                let high = bytes.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self).littleEndian
                state =
                    tables[7 * 256 + Int(low & 0xFF)] ^ tables[6 * 256 + Int(low >> 8 & 0xFF)]
                    ^ tables[5 * 256 + Int(low >> 16 & 0xFF)] ^ tables[4 * 256 + Int(low >> 24)]
                    ^ tables[3 * 256 + Int(high & 0xFF)] ^ tables[2 * 256 + Int(high >> 8 & 0xFF)]
                    ^ tables[256 + Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
                index += 8
            }
            while index < bytes.count {
                state = state >> 8 ^ tables[Int((state ^ UInt32(bytes[index])) & 0xFF)]
                index += 1
            }
        }
    }
}
