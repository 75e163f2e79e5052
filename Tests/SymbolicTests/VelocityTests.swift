import Testing

@testable import Symbolic

struct VelocityTests {
    /// A file that no writer of ours would write: a longer header, a chunk of another kind, padded numbers, running
    /// status here and not there, a tempo, bytes behind the end; note-ons at the given offsets.
    private static func file() -> (bytes: [UInt8], velocities: [Int: UInt8]) {
        var bytes = Array("MThd".utf8) + [0, 0, 0, 8, 0, 1, 0, 2, 0, 100, 7, 7]
        bytes += Array("XFIH".utf8) + [0, 0, 0, 3, 1, 2, 3]
        var velocities: [Int: UInt8] = [:]
        func track(_ parts: [(bytes: [UInt8], velocity: UInt8?)]) {
            let body = parts.reduce(0) { $0 + $1.bytes.count + ($1.velocity == nil ? 0 : 1) }
            bytes += Array("MTrk".utf8) + [0, 0, 0, UInt8(body)]
            for part in parts {
                bytes += part.bytes
                if let velocity = part.velocity {
                    velocities[bytes.count] = velocity
                    bytes.append(velocity)
                }
            }
        }
        track([
            ([0, 0xFF, 0x51, 3, 7, 0xA1, 0x20], nil), ([0x80, 0x00, 0x90, 60], 10), ([12, 61], 20),
            ([0, 0xB0, 64, 127], nil), ([0x81, 0x80, 0x0D, 0x90, 62], 40), ([0, 60, 0], nil),
            ([5, 0x80, 61, 64], nil), ([0, 0xF0, 3, 0x7E, 0x09, 0xF7], nil), ([0, 0xFF, 0x2F, 0], nil),
        ])
        track([([60, 0x99, 36], 30), ([0, 0x91, 60], 50), ([0, 0xFF, 0x2F, 0], nil)])
        bytes += [1, 2, 3]
        return (bytes, velocities)
    }

    @Test func noOtherByteChanges() throws {
        let (before, velocities) = Self.file()
        let timeline = try #require(try Score(midi: before).timelines.first)
        var asked: [UInt8] = []
        let after = try MIDIFile.replacingVelocities(
            in: before, grid: .stepsPerBeat(4), rounding: .halfUp, timeline: timeline
        ) { step, pitch, current in
            asked.append(current)
            return pitch == 62 ? 200 : pitch == 61 ? 0 : 77
        }
        // Neither the drum nor the note-on of velocity 0.
        #expect(asked.sorted() == [10, 20, 40, 50])
        #expect(after.count == before.count)
        let changed = before.indices.filter { before[$0] != after[$0] }
        #expect(changed == velocities.filter { $0.value != 30 }.keys.sorted())
        #expect(changed.map { after[$0] } == [77, 1, 127, 77])
        // The event-level writer gives another form, so that the bytes above can tell.
        #expect(try MIDIFile.read(before).write() != before)
    }

    @Test func stepsAreThoseOfTheGrid() throws {
        let (before, _) = Self.file()
        let timeline = try #require(try Score(midi: before).timelines.first)
        var asked: [[Int]] = []
        let after = try MIDIFile.replacingVelocities(
            in: before, grid: .stepsPerBeat(4), rounding: .halfUp, timeline: timeline
        ) {
            asked.append([$0, Int($1), Int($2)])
            return $2
        }
        // 100 ticks a quarter, so steps of 25 ticks: 0, 12, 12 + 16,397, and 60 in the second track.
        #expect(asked == [[0, 60, 10], [0, 61, 20], [656, 62, 40], [2, 60, 50]])
        #expect(after == before)
    }

    @Test func aVelocityByteThatIsTooLargeStaysUnlessItIsReplaced() throws {
        let bytes: [UInt8] =
            Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 100] + Array("MTrk".utf8)
            + [0, 0, 0, 8, 0, 0x90, 60, 0xFF, 0, 0xFF, 0x2F, 0]
        let timeline = try #require(try Score(midi: bytes).timelines.first)
        func replaced(by velocity: UInt8) throws -> [UInt8] {
            try MIDIFile.replacingVelocities(
                in: bytes, grid: .stepsPerBeat(4), rounding: .halfUp, timeline: timeline
            ) { _, _, _ in velocity }
        }
        #expect(try replaced(by: 127) == bytes)
        #expect(try replaced(by: 5)[25] == 5)
    }
}
