import Tensors

/// The peaks of a recording's mel spectrum, three at a time, as hashes: what copies of one recording share, whatever their
/// format, gain and beginning.
///
/// After Wang, "An industrial-strength audio search algorithm" (ISMIR 2003), with triples for pairs: chance agreement is
/// then so rare that no alignment in time is needed. Ordered and without repeats.
struct Landmarks: Sendable, Hashable {
    private var found: [UInt32] = []

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

    /// The hashes, rising, each once.
    var hashes: [UInt32] {
        found.sorted().reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// Of nothing yet.
    init() {}

    /// Forgets all but the smallest hashes, now and then: for those alone it may be called after every segment, and the
    /// memory is the same for any length.
    mutating func keepLeast(_ count: Int) {
        if found.count > 16 * count { found = Array(hashes.prefix(count)) }
    }

    /// Reads a feature's object: power, [segments, bands, frames].
    ///
    /// - Throws: `TensorFileError`.
    init(_ file: TensorFile, _ name: String) throws {
        let shape = try file.entry(name).shape
        guard shape.count == 3 else { return }
        let size = shape[1] * shape[2]
        let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: size)
        defer { scratch.deallocate() }
        for segment in 0..<shape[0] {
            try file.read(name, segment * size..<(segment + 1) * size, into: scratch)
            add(UnsafeBufferPointer(scratch), bands: shape[1], frames: shape[2])
        }
    }

    /// Adds a segment of power, [bands, frames].
    mutating func add(_ power: UnsafeBufferPointer<Float>, bands: Int, frames: Int) {
        guard bands > 0, frames > 4, power.count == bands * frames else { return }
        join(Self.peaks(power, bands: bands, frames: frames))
    }

    /// Peaks in the order of time, then row.
    private static func peaks(
        _ power: UnsafeBufferPointer<Float>, bands: Int, frames: Int
    ) -> [(frame: Int, row: Int)] {
        let rows = min(bands, mostRows)
        var drawn = [Float](repeating: 0, count: rows * frames)
        for band in 0..<bands {
            let row = band * rows / bands
            for frame in 0..<frames { drawn[row * frames + frame] += power[band * frames + frame] }
        }
        // The mean of three frames: a copy that begins between two frames has its peaks at the same ones.
        var smooth = drawn
        if frames > 2 {
            for row in 0..<rows {
                for frame in 1..<frames - 1 {
                    let place = row * frames + frame
                    smooth[place] = (drawn[place - 1] + drawn[place] + drawn[place + 1]) / 3
                }
            }
        }
        let least = (smooth.max() ?? 0) * floor
        guard least > 0 else { return [] }
        // The greatest of a rectangle is the greatest over time, then over rows.
        var wide = smooth
        for row in 0..<rows {
            for frame in 0..<frames {
                let low = row * frames + max(0, frame - reachFrames)
                let high = row * frames + min(frames - 1, frame + reachFrames)
                var greatest = smooth[low]
                for place in low...high { greatest = max(greatest, smooth[place]) }
                wide[row * frames + frame] = greatest
            }
        }
        var peaks: [(frame: Int, row: Int)] = []
        for frame in 2..<max(2, frames - 2) {
            for row in 0..<rows {
                let value = smooth[row * frames + frame]
                guard value > least, value == wide[row * frames + frame] else { continue }
                let near = max(0, row - reachRows)...min(rows - 1, row + reachRows)
                if near.allSatisfy({ wide[$0 * frames + frame] <= value }) { peaks.append((frame, row)) }
            }
        }
        return peaks
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
