import Build
import Tensors

/// Writes NumPy's `.npz`: an uncompressed ZIP archive of `.npy` members, each streamed through once.
///
/// Formats: NumPy enhancement proposal 1 (version 1.0 headers) and PKWARE APPNOTE 6.3.3; members and archives
/// past 4 GiB use ZIP64. All time stamps are 1980-01-01, so that equal arrays give equal bytes. The file appears when it
/// is closed.
final class NPZFile {
    private let file: OutputFile
    private var position: UInt64 = 0
    private var members: [Member] = []

    private struct Member {
        let name: String
        let offset: UInt64
        let byteCount: UInt64
        var checksum: UInt32
    }

    /// Begins a file that takes the path's place when it is closed.
    ///
    /// - Throws: `BuildError`.
    init(path: String) throws(BuildError) { file = try OutputFile(path) }

    /// Adds an array; the body hands over its elements in row-major order, piece by piece.
    func add(
        _ name: String, _ type: ElementType, shape: [Int],
        _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let header = Self.header(type, shape)
        let byteCount = UInt64(header.count + shape.reduce(type.byteCount, *))
        var member = Member(name: name + ".npy", offset: position, byteCount: byteCount, checksum: 0)
        try write(localHeader(member))
        let start = position
        var checksum = CRC32()
        let sink = { (bytes: UnsafeRawBufferPointer) throws in
            checksum.update(bytes)
            try self.file.write(bytes)
            self.position += UInt64(bytes.count)
        }
        try header.withUnsafeBytes(sink)
        try body(sink)
        precondition(
            position - start == byteCount, "array '\(name)' of shape \(shape) got \(position - start) bytes")
        member.checksum = checksum.value
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
        header.append(member.byteCount)
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
        entry.append(member.byteCount)
        entry.append(member.offset)
        return entry.bytes
    }

    /// What local header and directory entry share, up to the length of the name.
    private func appendCommon(_ member: Member, to bytes: inout Bytes) {
        bytes.append(45 as UInt16)  // needs ZIP64
        bytes.append(0x0800 as UInt16)  // names are UTF-8
        bytes.append(0 as UInt16)  // stored
        bytes.append(0 as UInt16)
        bytes.append(0x0021 as UInt16)  // 1980-01-01
        bytes.append(member.checksum)
        bytes.append(UInt32.max)
        bytes.append(UInt32.max)
        bytes.append(UInt16(member.name.utf8.count))
    }

    private static func header(_ type: ElementType, _ shape: [Int]) -> [UInt8] {
        let descriptor =
            switch type {
            case .bool: "|b1"
            case .u8: "|u1"
            case .i8: "|i1"
            case .u16: "<u2"
            case .i16: "<i2"
            case .f16: "<f2"
            case .bf16: preconditionFailure("NumPy has no bfloat16")
            case .u32: "<u4"
            case .i32: "<i4"
            case .f32: "<f4"
            case .u64: "<u8"
            case .i64: "<i8"
            case .f64: "<f8"
            }
        let lengths = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(lengths)), }"
        let total = (10 + text.utf8.count + 1 + 63) / 64 * 64
        text += String(repeating: " ", count: total - 10 - text.utf8.count - 1) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [
            1, 0, UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8),
        ]
            + Array(text.utf8)
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
