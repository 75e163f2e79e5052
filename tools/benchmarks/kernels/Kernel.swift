import CAllocations
import Foundation

/// A piece of work over real music, and what one unit of it is.
struct Kernel {
    /// What one pass did.
    struct Work {
        /// How often the kernel was called.
        var calls = 0
        /// Notes, rows, samples or bytes.
        var units = 0
    }

    let name: String
    /// What is counted: `note`, `byte`.
    let unit: String
    /// What one call takes: `file`, `segment`.
    let call: String
    /// Makes ready, untimed, and gives one pass over all the music.
    let prepare: () throws -> () throws -> Work

    /// Passes that are timed.
    private static let passes = 3

    /// The pass, repeated: once to warm up, once with its allocations counted, then timed.
    func measured() throws -> Measurement {
        let pass = try prepare()
        _ = try pass()
        allocations_begin()
        let counted = try pass()
        let allocations = allocations_end()
        let times = try (0..<Self.passes).map { _ in try timed(pass).time }.sorted { $0.seconds < $1.seconds }
        return Measurement(
            kernel: self, work: counted, time: times[Self.passes / 2],
            allocations: allocations_are_counted() ? (allocations.calls, allocations.bytes) : nil)
    }

    /// The first pass alone, timed; nothing is counted.
    func once() throws -> Measurement {
        let (time, work) = try timed(prepare())
        return Measurement(kernel: self, work: work, time: time, allocations: nil)
    }

    private func timed(_ pass: () throws -> Work) throws -> (time: Time, work: Work) {
        let start = Time.now
        let work = try pass()
        let end = Time.now
        return (Time(seconds: end.seconds - start.seconds, cpu: end.cpu - start.cpu), work)
    }
}

/// On the wall's clock, and of the process on its processors, in seconds.
struct Time {
    let seconds: Double
    let cpu: Double

    static var now: Time {
        func read(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        return Time(seconds: read(CLOCK_MONOTONIC), cpu: read(CLOCK_PROCESS_CPUTIME_ID))
    }
}

/// What a kernel cost.
struct Measurement {
    let kernel: Kernel
    let work: Kernel.Work
    /// Of a pass: the median of some.
    let time: Time
    /// Of a pass, in the whole process; nil if not counted.
    let allocations: (calls: Int, bytes: Int)?

    static let heading = [
        "kernel", "units/s", "ns per unit", "a call takes", "allocations a call", "bytes a call",
    ]

    /// A line of the table.
    var cells: [String] {
        let perCall = { (count: Int) in Self.short(Double(count) / Double(max(work.calls, 1))) }
        return [
            kernel.name, Self.short(Double(work.units) / time.seconds) + " \(kernel.unit)s",
            Self.short(time.seconds * 1e9 / Double(max(work.units, 1))), "a \(kernel.call)",
            allocations.map { perCall($0.calls) } ?? "-", allocations.map { perCall($0.bytes) } ?? "-",
        ]
    }

    var json: [String: Any] {
        [
            "name": kernel.name, "unit": kernel.unit, "call": kernel.call, "calls": work.calls,
            "units": work.units, "seconds": time.seconds, "cpu": time.cpu,
            "allocations": allocations.map { $0.calls as Any } ?? NSNull(),
            "allocated_bytes": allocations.map { $0.bytes as Any } ?? NSNull(),
        ]
    }

    /// Three digits, and a letter for thousands.
    private static func short(_ value: Double) -> String {
        var (value, letters) = (value, ["", "k", "M", "G"][...])
        while value >= 999.5, letters.count > 1 {
            value /= 1000
            letters.removeFirst()
        }
        let digits = value >= 99.95 || value == 0 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3
        return String(format: "%.\(digits)f%@", value, letters.first ?? "")
    }
}
