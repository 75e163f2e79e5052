public import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A new object being written: into a temporary file, hashed on the way, named when it is whole.
///
/// One that may be put into a pack stays in memory for as long as it is small enough. Used by one thread at a time. One
/// that is released unsealed leaves nothing behind.
public final class ObjectWriter {
    private let disk: Disk
    private let path: String
    private let cancellation: Cancellation
    private let mode: UInt16
    /// Below 0 while the object is in memory, and after it was sealed.
    private var descriptor: Int32 = -1
    private var hasher = Digest.Hasher()
    private var buffer: [UInt8] = []
    private var flushed = 0
    private var wasOverwritten = false
    private var unstarted = 0

    private static let bufferSize = 128 << 10
    /// The disk is set to work whenever so many bytes were written, so that the flush at the end finds little left to do.
    static let startSize = 8 << 20

    /// Begins an object; its file is read-only from the start, so that only this writer ever changes it.
    package init(
        _ disk: Disk, path: String, mode: UInt16 = 0o444, mayBePacked: Bool = false,
        cancellation: Cancellation
    ) throws(BuildError) {
        self.disk = disk
        self.path = path
        self.mode = mode
        self.cancellation = cancellation
        if !mayBePacked { try makeFile() }
    }

    private func makeFile() throws(BuildError) {
        descriptor = try disk.open(path, O_RDWR | O_CREAT | O_EXCL, mode: mode)
    }

    /// Whether the object stays in memory with so many bytes; one that has grown too large gets its file.
    private func staysInMemory(with count: Int) throws(BuildError) -> Bool {
        guard descriptor < 0 else { return false }
        if count < PackFile.objectLimit { return true }
        try makeFile()
        return false
    }

    deinit {
        guard descriptor >= 0 else { return }
        disk.close(descriptor)
        _ = disk.calls.unlink(path)
    }

    /// How many bytes were written so far.
    public var byteCount: Int { flushed + buffer.count }

    /// Appends bytes.
    ///
    /// - Throws: `build.disk-full`, `build.io`, `build.interrupted`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(BuildError) {
        if try staysInMemory(with: buffer.count + bytes.count) {
            buffer.append(contentsOf: bytes)
            return
        }
        // What is worth a call of its own is not copied first, unless something waits before it.
        let isLong = buffer.isEmpty && bytes.count >= Self.bufferSize / 8
        if !isLong, buffer.count + bytes.count <= Self.bufferSize {
            buffer.append(contentsOf: bytes)
            return
        }
        try flush()
        if isLong || bytes.count >= Self.bufferSize {
            try put(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends bytes.
    ///
    /// - Throws: `build.disk-full`, `build.io`, `build.interrupted`.
    public func write(_ bytes: [UInt8]) throws(BuildError) {
        if buffer.isEmpty, try staysInMemory(with: bytes.count) {
            buffer = bytes
            return
        }
        try bytes.span.withUnsafeBytes { (raw) throws(BuildError) in try write(raw) }
    }

    /// Writes bytes anywhere, so that an object of a known layout can grow at several places at once.
    ///
    /// What lies between is zero until it is written. The object is read once more when it is sealed, to hash it.
    ///
    /// - Throws: `build.disk-full`, `build.io`, `build.interrupted`.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(BuildError) {
        precondition(offset >= 0, "byte \(offset) of an object")
        wasOverwritten = true
        let end = offset + bytes.count
        if try staysInMemory(with: max(buffer.count, end)) {
            if end > buffer.count { buffer.append(contentsOf: repeatElement(0, count: end - buffer.count)) }
            buffer.replaceSubrange(offset..<end, with: bytes)
            return
        }
        try flush()
        try cancellation.check()
        try disk.write(bytes, to: descriptor, at: offset, path: path)
        flushed = max(flushed, end)
        startWriting(bytes.count)
    }

    /// Replaces bytes that were written before, such as a header whose place was kept with zeros.
    ///
    /// The object is then read once more when it is sealed, to hash it.
    ///
    /// - Precondition: the bytes lie within what was written.
    /// - Throws: `build.disk-full`, `build.io`, `build.interrupted`.
    public func overwrite(_ bytes: [UInt8], at offset: Int) throws(BuildError) {
        precondition(
            offset >= 0 && offset + bytes.count <= byteCount,
            "bytes \(offset)..<\(offset + bytes.count) of an object that has \(byteCount)")
        if flushed == 0 {
            buffer.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
            return
        }
        try flush()
        wasOverwritten = true
        try bytes.span.withUnsafeBytes { (raw) throws(BuildError) in
            try disk.write(raw, to: descriptor, at: offset, path: path)
        }
    }

    /// Ends the object and names it; its file, if it has one, is closed but not yet flushed.
    package func seal() throws(BuildError) -> SealedObject {
        if descriptor < 0 {
            let reference = ObjectReference(digest: Digest(of: buffer), size: buffer.count)
            return SealedObject(reference: reference, contents: .bytes(buffer))
        }
        let (reference, path) = try sealFile()
        return SealedObject(reference: reference, contents: .file(path))
    }

    /// Ends the object, which has a file, and names it.
    package func sealFile() throws(BuildError) -> (reference: ObjectReference, path: String) {
        try flush()
        let digest = wasOverwritten ? try disk.digest(descriptor, path: path) : hasher.finish()
        disk.close(descriptor)
        descriptor = -1
        FailPoint.pass("object.written")
        return (ObjectReference(digest: digest, size: flushed), path)
    }

    private func flush() throws(BuildError) {
        guard !buffer.isEmpty else { return }
        var full: [UInt8] = []
        swap(&full, &buffer)
        try full.span.withUnsafeBytes { (raw) throws(BuildError) in try put(raw) }
        full.removeAll(keepingCapacity: true)
        buffer = full
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(BuildError) {
        try cancellation.check()
        try disk.write(bytes, to: descriptor, at: flushed, path: path)
        if !wasOverwritten { hasher.update(bytes) }
        flushed += bytes.count
        startWriting(bytes.count)
    }

    private func startWriting(_ count: Int) {
        unstarted += count
        guard unstarted >= Self.startSize else { return }
        disk.startWriting(descriptor)
        unstarted = 0
    }
}

/// A whole object that has no place yet.
package struct SealedObject: Sendable {
    package let reference: ObjectReference
    package let contents: ObjectContents
}

/// A whole object in its temporary file.
package struct SealedFile: Sendable {
    package let reference: ObjectReference
    package let path: String

    package init(reference: ObjectReference, path: String) {
        self.reference = reference
        self.path = path
    }
}

/// The bytes of an object, or a path at which its file can be opened.
public enum ObjectContents: Sendable {
    /// All of its bytes.
    case bytes([UInt8])
    /// The path of a file that holds them.
    case file(String)
}

extension Disk {
    /// Hashes an open file from its start to its end.
    package func digest(_ descriptor: Int32, path: String) throws(BuildError) -> Digest {
        var hasher = Digest.Hasher()
        var offset = 0
        // No more room than the file fills: most objects are small.
        let size = FileStat(descriptor: descriptor)?.size ?? 0
        var part = [UInt8](repeating: 0, count: min(max(size + 1, 64), 1 << 20))
        while true {
            var span = part.mutableSpan
            let count = try span.withUnsafeMutableBytes { (buffer) throws(BuildError) in
                try read(descriptor, into: buffer, at: offset, path: path)
            }
            part.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += count
            if count < part.count { return hasher.finish() }
        }
    }
}

extension Digest {
    /// Hashes a regular file, of any size.
    ///
    /// - Throws: `source.unreadable`.
    public init(ofFileAt path: String) throws(BuildError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw BuildError(
                .sourceUnreadable, "cannot read \(path): \(String(cString: strerror(errno)))", canRetry: true)
        }
        defer { close(descriptor) }
        self = try Disk().digest(descriptor, path: path)
    }
}
