#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// memcpy from 256 MiB into 256 MiB that turn round, touched before: the least that a batch can cost.
final class MemoryCopy {
    private let bytes = 256 << 20
    private let source: UnsafeMutableRawPointer
    private let target: UnsafeMutableRawPointer
    private var place = 0

    init() {
        source = .allocate(byteCount: bytes, alignment: 64)
        target = .allocate(byteCount: bytes, alignment: 64)
        memset(source, 1, bytes)
        memset(target, 2, bytes)
    }

    deinit {
        source.deallocate()
        target.deallocate()
    }

    /// Copies batches of a size for a while.
    func secondsPerByte(batch: Int, _ clock: Clock, seconds: Double) -> Double {
        let start = clock.now
        var copied = 0
        var elapsed = 0.0
        repeat {
            if place + batch > bytes { place = 0 }
            memcpy(target + place, source + place, batch)
            place += batch
            copied += batch
            elapsed = clock.now - start
        } while elapsed < seconds
        return elapsed / Double(copied)
    }
}

/// What time is told by, in seconds.
enum Clock {
    /// The clock on the wall.
    case wall
    /// The processor time of the calling thread.
    case thread

    var now: Double {
        var time = timespec()
        clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
