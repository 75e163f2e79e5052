import Files
import Loading
import Storage
import Synchronization

/// Converts one feature of one source to binary16 and counts what does not survive.
struct HalfConverter {
    /// Values that are not 0.
    private(set) var nonzero = 0
    /// Values that are not 0 and became 0.
    private(set) var lost = 0
    /// The largest magnitude; NaN if there was a NaN.
    private(set) var largest: Float = 0
    private(set) var halves: [Float16] = []

    /// Converts values, rounding to nearest; `halves` has the result.
    mutating func convert(_ values: UnsafeMutableBufferPointer<Float>) {
        var (nonzero, lost, largest) = (0, 0, largest)
        halves = [Float16](unsafeUninitializedCapacity: values.count) { halves, count in
            for index in values.indices {
                let value = values[index]
                let half = Float16(value)
                halves.initializeElement(at: index, to: half)
                nonzero += value != 0 ? 1 : 0
                lost += value != 0 && half == 0 ? 1 : 0
                // A NaN stays once it is met.
                if !(value.magnitude <= largest) { largest = largest.isNaN ? largest : value.magnitude }
            }
            count = values.count
        }
        self.nonzero += nonzero
        self.lost += lost
        self.largest = largest
    }

    /// Stops the build if a value has no finite binary16.
    ///
    /// - Throws: `features.float16-range`.
    func check(_ feature: String, of path: String) throws(BuildError) {
        guard !(Float16(largest).isFinite) else { return }
        let reached = largest.isNaN ? "is not a number" : "reaches \(largest)"
        throw BuildError(
            .halfRange,
            "'\(feature)' of \(path) \(reached), and float16 ends at \(HalfFloats.greatest); set audio.dtype: float32, or audio.normalize",
            canRetry: false)
    }
}

/// What float16 made 0 in all shards of a build, from the facts of their records.
final class HalfLosses: Sendable {
    /// The share of values that became 0 above which a build warns.
    private static let warnedShare = 0.1

    private let counts = Mutex<[String: (lost: Double, nonzero: Double)]>([:])

    /// The facts of a shard's record.
    static func facts(_ converters: [String: HalfConverter]) -> JSONValue {
        [
            "float16": .object(
                converters.mapValues { ["lost": JSONValue($0.lost), "nonzero": JSONValue($0.nonzero)] })
        ]
    }

    /// Adds a shard's record.
    func add(_ record: ActionRecord) {
        guard let features = record.facts["float16"]?.object else { return }
        counts.withLock { counts in
            for (name, count) in features {
                counts[name, default: (0, 0)].lost += count["lost"]?.double ?? 0
                counts[name, default: (0, 0)].nonzero += count["nonzero"]?.double ?? 0
            }
        }
    }

    /// A warning for each feature of which a large share became 0.
    var warnings: [String] {
        counts.withLock { counts in
            counts.sorted { $0.key < $1.key }.compactMap { name, count in
                guard count.nonzero > 0, count.lost > Self.warnedShare * count.nonzero else {
                    return nil
                }
                let percent = Int((count.lost / count.nonzero * 100).rounded())
                return
                    "\(percent) % of the values of '\(name)' that are not 0 are too small for float16 and become 0; set audio.dtype: float32, or audio.normalize"
            }
        }
    }
}
