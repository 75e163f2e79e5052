import Tensors

/// The peaks of a recording's mel spectrum or constant-Q transform, three at a time, as hashes: what copies of one recording share, whatever their
/// format, gain and beginning.
///
/// After Wang, "An industrial-strength audio search algorithm" (ISMIR 2003), with triples for pairs: chance agreement is
/// then so rare that no alignment in time is needed. Ordered and without repeats.
public struct Landmarks: Sendable, Hashable {
    private var found: [UInt32] = []
    /// How many of them, at the front, are in order and without repeats.
    private var sorted = 0

    /// Bands are drawn together to at most this many.
    private static let mostRows = 64
    /// A peak is the greatest within this many frames and rows to each side.
    private static let (reachFrames, reachRows) = (8, 2)
    /// A peak is joined with pairs of this many that come after it.
    private static let followers = 4
    /// Frames between two joined peaks, exclusive.
    private static let (nearest, farthest) = (2, 64)
    /// A peak that has less of the segment's greatest power is noise.
    private static let floor: Float = 1e-7

    /// The hashes, ascending, each once.
    public var hashes: [UInt32] {
        found.sorted().reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// Drops repeats whenever the hashes have doubled, so that a long loop costs no more memory than a short one.
    private mutating func dropRepeats() {
        guard found.count > 2 * sorted + 1 << 14 else { return }
        found = hashes
        sorted = found.count
    }

    /// Of nothing yet.
    init() {}

    /// Adds a segment of power, [bands, frames].
    mutating func add(_ power: UnsafeBufferPointer<Float>, bands: Int, frames: Int) {
        guard bands > 0, frames > 4, power.count == bands * frames else { return }
        join(Self.peaks(power, bands: bands, frames: frames))
        dropRepeats()
    }

    /// Peaks in the order of time, then row.
    private static func peaks(
        _ power: UnsafeBufferPointer<Float>, bands: Int, frames: Int
    ) -> [(frame: Int, row: Int)] {
        let rows = min(bands, mostRows)
        // Nothing beside a row, so that all windows are whole; what is drawn, what is smooth, what is greatest.
        let width = frames + 2 * reachFrames
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * rows * width) { scratch in
            scratch.update(repeating: 0)
            guard let drawn = scratch.baseAddress, let power = power.baseAddress else { return [] }
            let (smooth, wide) = (drawn + rows * width, drawn + 2 * rows * width)
            for band in 0..<bands {
                let to = drawn + band * rows / bands * width + reachFrames
                let from = power + band * frames
                for frame in 0..<frames { to[frame] += from[frame] }
            }
            var greatest: Float = 0
            for row in 0..<rows {
                let from = drawn + row * width + reachFrames
                let to = smooth + row * width + reachFrames
                let (before, after) = (from - 1, from + 1)
                // The mean of three frames: a copy that begins between two frames has its peaks at the same ones.
                to[0] = from[0]
                to[frames - 1] = from[frames - 1]
                for frame in 1..<frames - 1 { to[frame] = (before[frame] + from[frame] + after[frame]) / 3 }
                greatest = max(
                    greatest, Self.greatestInReach(smooth + row * width, frames, wide + row * width))
            }
            let least = greatest * floor
            guard least > 0 else { return [] }
            var peaks: [(frame: Int, row: Int)] = []
            for row in 0..<rows {
                let values = smooth + row * width + reachFrames
                for frame in 2..<frames - 2
                where values[frame] > least && values[frame] == wide[row * width + frame] {
                    // The greatest of a rectangle is the greatest over time, then over rows.
                    let near = max(0, row - reachRows)...min(rows - 1, row + reachRows)
                    if near.allSatisfy({ wide[$0 * width + frame] <= values[frame] }) {
                        peaks.append((frame, row))
                    }
                }
            }
            return peaks.sorted { $0 < $1 }
        }
    }

    /// Writes for each frame the greatest value within reach of it.
    ///
    /// - Parameters:
    ///   - row: [frames + 2·reach] values of at least 0.
    ///   - frames: their number.
    ///   - greatest: [frames] values, with room for as many as in the row.
    /// - Returns: the greatest of all.
    private static func greatestInReach(
        _ row: UnsafeMutablePointer<Float>, _ frames: Int, _ greatest: UnsafeMutablePointer<Float>
    ) -> Float {
        // Of two values, then of four, eight and sixteen; the seventeenth comes last.
        var length = frames + 2 * reachFrames - 1
        let second = row + 1
        for place in 0..<length { greatest[place] = row[place] > second[place] ? row[place] : second[place] }
        var reach = 2
        while reach < 2 * reachFrames {
            length -= reach
            let ahead = greatest + reach
            for place in 0..<length {
                greatest[place] = greatest[place] > ahead[place] ? greatest[place] : ahead[place]
            }
            reach *= 2
        }
        let last = row + reach
        var most: Float = 0
        for place in 0..<frames {
            greatest[place] = greatest[place] > last[place] ? greatest[place] : last[place]
            most = most > greatest[place] ? most : greatest[place]
        }
        return most
    }

    private mutating func join(_ peaks: [(frame: Int, row: Int)]) {
        for (index, first) in peaks.enumerated() {
            var after: [(frame: Int, row: Int)] = []
            for next in peaks[(index + 1)...] {
                let distance = next.frame - first.frame
                if distance >= Self.farthest || after.count == Self.followers { break }
                if distance >= Self.nearest { after.append(next) }
            }
            for (place, second) in after.enumerated() {
                for third in after[(place + 1)...] where third.frame > second.frame {
                    let code =
                        UInt64(first.row) << 32 | UInt64(second.row) << 24 | UInt64(third.row) << 16
                        | UInt64(second.frame - first.frame) / 2 << 8
                        | UInt64(third.frame - second.frame) / 2
                    found.append(Shingles.spread(code))
                }
            }
        }
    }
}
