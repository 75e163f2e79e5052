import CZlib

/// Compresses a stream of bytes with zlib: DEFLATE (RFC 1951), bare or in gzip's wrapper (RFC 1952).
///
/// No time and no name goes into the wrapper, so that equal bytes compress to equal bytes by one version of zlib.
final class Deflater {
    /// What stands around the compressed bytes.
    enum Wrapper {
        /// Nothing, as in ZIP archives.
        case none
        /// A gzip header and trailer.
        case gzip
    }

    /// On the heap: zlib remembers where its stream lies.
    private let stream: UnsafeMutablePointer<z_stream>
    private var output = [UInt8](repeating: 0, count: 64 << 10)

    /// Begins a stream.
    init(_ wrapper: Wrapper) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let windowBits: Int32 =
            switch wrapper {
            case .none: -15
            case .gzip: 15 + 16
            }
        let status = deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot begin a stream: \(status)")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses bytes; hands over what is ready.
    func write(_ bytes: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        var rest = bytes
        while !rest.isEmpty {
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            try run(part, Z_NO_FLUSH, sink)
            rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
        }
    }

    /// Ends the stream and hands over the rest; nothing can be written after that.
    func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        try run(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, sink)
    }

    private func run(
        _ bytes: UnsafeRawBufferPointer, _ flush: Int32, _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        var isDone = false
        while !isDone {
            let count = output.withUnsafeMutableBufferPointer { buffer in
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                let status = deflate(stream, flush)
                precondition(status != Z_STREAM_ERROR, "zlib's stream is broken")
                // Room that is left says that nothing waits.
                isDone = flush == Z_FINISH ? status == Z_STREAM_END : stream.pointee.avail_out > 0
                return buffer.count - Int(stream.pointee.avail_out)
            }
            if count > 0 { try output.withUnsafeBytes { try sink(.init(rebasing: $0[..<count])) } }
        }
    }

    /// Bytes in memory as a whole gzip file.
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        let deflater = Deflater(.gzip)
        var result: [UInt8] = []
        bytes.withUnsafeBytes { deflater.write($0) { result.append(contentsOf: $0) } }
        deflater.finish { result.append(contentsOf: $0) }
        return result
    }
}
