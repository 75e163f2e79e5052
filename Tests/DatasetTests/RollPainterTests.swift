import Symbolic
import Testing

@testable import Dataset
@testable import Loading

/// What a shard's columns may say that no build of ours writes.
struct RollPainterTests {
    /// A row that ends where it begins would have its last step in the row of cells before the roll.
    @Test func rowWithoutLengthPaintsNothing() {
        var memory: [UnsafeMutableRawPointer] = []
        defer { for place in memory { place.deallocate() } }
        func column<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
            let place = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
            place.initialize(from: elements, count: elements.count)
            memory.append(UnsafeMutableRawPointer(place))
            return UnsafePointer(place)
        }
        let flags = RollFlags.onset | RollFlags.ends
        // Four steps of 128 pitches, with as much before them.
        var cells = [UInt8](repeating: 0, count: 8 * 128)
        let values = (0..<128).map { UInt8($0) }
        let painter = RollPainter()
        painter.load(
            LoaderShard.Notes(
                offset: column([0, 2]), start: column([0, 0]), length: column([0, 2]),
                pitch: column([60, 61]), velocity: column([64, 64]), program: column([0, 0]),
                voice: column([0, 0]), flags: column([flags, flags]), pedal: column([]), tempo: column([]),
                rows: 2, steps: 4),
            0..<2, start: 0, steps: 4, transposition: 0, stretch: 1)
        values.withUnsafeBytes { values in
            cells.withUnsafeMutableBytes { cells in
                guard let values = values.baseAddress, let cells = cells.baseAddress else { return }
                let target = RollPainter.Target(
                    kind: .offset, isFloat: false, families: 15, low: 0, pitches: 128, width: 128,
                    values: values, cells: cells + 4 * 128)
                withUnsafePointer(to: target) { painter.paint(UnsafeBufferPointer(start: $0, count: 1)) }
            }
        }
        #expect(cells.indices.filter { cells[$0] != 0 } == [(4 + 1) * 128 + 61])
    }
}
