public import SoundFiles
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Samples that may be too many for the memory: written in order to a file, read at any place.
///
/// The file has no name: it is unlinked as soon as it is open, so that nothing is left however the program ends. Memory: none
/// but the arrays that are handed out. Disk: 4 bytes a sample.
public final class SampleStore: Sendable {
    private let folder: String
    private let descriptor: Int32
    private let written = Mutex(0)

    /// The number of samples.
    public var count: Int { written.withLock { $0 } }

    /// Opens an empty store.
    ///
    /// - Parameter folder: Where the disk space is taken.
    /// - Throws: `audio.write-failed`.
    public init(in folder: String) throws(AudioOutputError) {
        self.folder = folder
        while true {
            let path = "\(folder)/.reprise.\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).part"
            let opened = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if opened >= 0 {
                descriptor = opened
                unlink(path)
                return
            }
            if errno != EEXIST {
                throw .system("cannot create a file in this folder", path: folder, number: errno)
            }
        }
    }

    deinit { close(descriptor) }

    /// Appends samples.
    ///
    /// - Throws: `audio.write-failed`, such as for a full disk.
    public func append(_ samples: UnsafeBufferPointer<Float>) throws(AudioOutputError) {
        let bytes = UnsafeRawBufferPointer(samples)
        let start = count * 4
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let got = pwrite(descriptor, base + done, bytes.count - done, off_t(start + done))
            if got < 0 {
                if errno == EINTR { continue }
                throw .system("cannot write to a file in this folder", path: folder, number: errno)
            }
            done += got
        }
        written.withLock { $0 += samples.count }
    }

    /// Keeps the first samples and forgets the others.
    public func truncate(to count: Int) {
        precondition((0...self.count).contains(count), "\(count) of \(self.count) samples")
        written.withLock { $0 = count }
    }

    /// Some of the samples.
    ///
    /// - Parameter range: Which; it must lie within `0..<count`.
    /// - Returns: The samples.
    /// - Throws: `audio.write-failed` if the disk does not give them back.
    public func samples(_ range: Range<Int>) throws(AudioOutputError) -> [Float] {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count, "samples \(range) are not among \(count)")
        var result = [Float](repeating: 0, count: range.count)
        let number: Int32? = result.withUnsafeMutableBytes { bytes in
            var done = 0
            while done < bytes.count, let base = bytes.baseAddress {
                let got = pread(
                    descriptor, base + done, bytes.count - done, off_t(range.lowerBound * 4 + done))
                if got < 0, errno == EINTR { continue }
                if got <= 0 { return got < 0 ? errno : EIO }
                done += got
            }
            return nil
        }
        if let number {
            throw .system("cannot read from a file in this folder", path: folder, number: number)
        }
        return result
    }
}
