#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The bytes of an open file, read at any place through one window of memory.
///
/// The descriptor's own position is neither used nor moved.
final class FileBytes {
    let path: String
    let descriptor: Int32
    /// The file's size when it was opened.
    let count: Int

    private static let windowSize = 1 << 16
    /// How much of the window lies before the byte asked for, so that a short step back costs nothing.
    private static let windowMargin = 1 << 12

    private let window = UnsafeMutableRawPointer.allocate(byteCount: windowSize, alignment: 16)
    private var windowStart = 0
    private var windowCount = 0

    /// Opens a regular file.
    ///
    /// - Throws: `AudioAccessError` if it is missing, forbidden, or no regular file.
    init(path: String) throws(AudioAccessError) {
        // A FIFO must not keep the opening waiting for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AudioAccessError(path: path, number: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            throw AudioAccessError(path: path, number: number)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw AudioAccessError(path: path, number: EINVAL, message: "not a regular file")
        }
        self.path = path
        self.descriptor = descriptor
        count = Int(status.st_size)
    }

    deinit {
        window.deallocate()
        close(descriptor)
    }

    /// Reads bytes into memory of the caller's; fewer than `count` only at the end of the file.
    func read(into target: UnsafeMutableRawPointer, at offset: Int, count: Int) throws(AudioAccessError)
        -> Int
    {
        guard offset >= 0, count > 0 else { return 0 }
        var total = 0
        while total < count {
            let got = pread(descriptor, target + total, count - total, off_t(offset + total))
            if got < 0 {
                if errno == EINTR { continue }
                throw AudioAccessError(path: path, number: errno)
            }
            if got == 0 { break }
            total += got
        }
        return total
    }

    /// Lends bytes until the next call; fewer than `count` (at most 32 KiB) only at the end of the file.
    func view(at offset: Int, count: Int) throws(AudioAccessError) -> UnsafeRawBufferPointer {
        let count = min(count, Self.windowSize / 2)
        guard offset >= 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        if offset < windowStart || offset + count > windowStart + windowCount {
            let start = max(0, offset - Self.windowMargin)
            windowCount = 0
            windowCount = try read(into: window, at: start, count: Self.windowSize)
            windowStart = start
        }
        let available = windowStart + windowCount - offset
        guard available > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: window + (offset - windowStart), count: min(count, available))
    }

    /// A copy of up to 32 KiB; fewer than `count` bytes only at the end of the file.
    func bytes(at offset: Int, count: Int) throws(AudioAccessError) -> [UInt8] {
        Array(try view(at: offset, count: count))
    }

    /// A whole number of 1 to 8 bytes; `nil` beyond the end.
    ///
    /// Eight bytes may give a negative one.
    func number(at offset: Int, bytes count: Int, bigEndian: Bool = false) throws(AudioAccessError) -> Int? {
        let view = try view(at: offset, count: count)
        guard view.count == count else { return nil }
        var value: UInt64 = 0
        for index in 0..<count { value = value << 8 | UInt64(view[bigEndian ? index : count - 1 - index]) }
        return Int(truncatingIfNeeded: value)
    }

    /// Whether these characters are at a place.
    func holds(_ text: StaticString, at offset: Int) throws(AudioAccessError) -> Bool {
        let count = text.utf8CodeUnitCount
        let view = try view(at: offset, count: count)
        guard view.count == count, let start = view.baseAddress else { return false }
        return memcmp(start, text.utf8Start, count) == 0
    }

    /// The first place of a byte from `offset` up to, not with, `end`.
    func firstPlace(of byte: UInt8, from offset: Int, to end: Int) throws(AudioAccessError) -> Int? {
        var offset = offset
        while offset < end {
            let view = try view(at: offset, count: min(Self.windowSize / 2, end - offset))
            guard let start = view.baseAddress, view.count > 0 else { return nil }
            if let found = memchr(start, Int32(byte), view.count) {
                return offset + (UnsafeRawPointer(found) - start)
            }
            offset += view.count
        }
        return nil
    }
}

extension AudioAccessError {
    init(path: String, number: Int32) {
        self.init(path: path, number: number, message: String(cString: strerror(number)))
    }
}
