/// One segment with rows of its own: what a network's output becomes before it is written as MIDI.
public struct RollSegment: Hashable, Sendable {
    /// A note on the segment's grid.
    public struct Row: Hashable, Sendable {
        /// The first step, from the segment's start.
        public var start: Int
        /// In steps, at least 1.
        public var length: Int
        /// 0 to 127.
        public var pitch: UInt8
        /// 1 to 127.
        public var velocity: UInt8
        /// 0 to 127; 128 is drums.
        public var program: UInt8
        /// The voice; 255 is none.
        public var voice: UInt8
        /// Whether the note begins here; else, at step 0, it sounds on from the segment before.
        public var isOnset: Bool

        /// A row by its numbers.
        public init(
            start: Int, length: Int, pitch: UInt8, velocity: UInt8, program: UInt8 = 0, voice: UInt8 = 0,
            isOnset: Bool = true
        ) {
            self.start = start
            self.length = length
            self.pitch = pitch
            self.velocity = velocity
            self.program = program
            self.voice = voice
            self.isOnset = isOnset
        }
    }

    /// The segment's true length in steps.
    public var length: Int
    /// Its notes.
    public var rows: [Row]
    /// [steps, 3]: sustain, sostenuto and soft pedal down, 0 or 1; empty: none.
    public var pedal: [UInt8]
    /// [steps]: BPM; empty: not said.
    public var tempo: [Float]

    /// A segment of its parts.
    public init(length: Int, rows: [Row], pedal: [UInt8] = [], tempo: [Float] = []) {
        self.length = length
        self.rows = rows
        self.pedal = pedal
        self.tempo = tempo
    }
}

extension RollSegments {
    /// A segment's rows, pedals and tempi, copied out.
    public func segment(_ index: Int) -> RollSegment {
        let range = Int(notesOffset[index])..<Int(notesOffset[index + 1])
        let rows = range.map { row in
            RollSegment.Row(
                start: Int(start[row]), length: Int(length[row]), pitch: pitch[row], velocity: velocity[row],
                program: program[row], voice: voice[row], isOnset: flags[row] & RollFlags.onset != 0)
        }
        return RollSegment(
            length: Int(segmentLength[index]), rows: rows,
            pedal: Array(pedal[index * steps * 3..<(index + 1) * steps * 3]),
            tempo: Array(tempo[index * steps..<(index + 1) * steps]))
    }
}

extension DenseRolls {
    /// The notes that a dense roll shows: one for each run of sounding cells, split where an onset stands.
    ///
    /// - Parameters:
    ///   - piano: U8 [steps, pitches]: not 0 where a note sounds.
    ///   - velocity: U8 [steps, pitches], of which a note takes the value at its first step (1 to 127, others are
    ///     brought into that range); nil: 100.
    ///   - onset: U8 [steps, pitches]: not 0 where a note begins. A run that begins without one at step 0 sounds
    ///     on from before, elsewhere it begins there. nil: every run begins where it begins.
    ///   - steps: The number of steps.
    ///   - pitches: The pitches of the columns.
    ///   - program: The notes' program, 128 for drums.
    ///   - voice: The notes' voice.
    /// - Returns: The rows in the order of start, then pitch.
    public static func rows(
        piano: [UInt8], velocity: [UInt8]? = nil, onset: [UInt8]? = nil, steps: Int,
        pitches: ClosedRange<UInt8> = 0...127, program: UInt8 = 0, voice: UInt8 = 0
    ) -> [RollSegment.Row] {
        let width = pitches.count
        precondition(
            [piano.count, velocity?.count, onset?.count].allSatisfy { $0 ?? piano.count == steps * width },
            "rolls of \(steps) steps and \(width) pitches")
        var rows: [RollSegment.Row] = []
        var open = [Int?](repeating: nil, count: width)
        for step in 0..<steps {
            for column in 0..<width {
                let cell = step * width + column
                guard piano[cell] != 0 else {
                    open[column] = nil
                    continue
                }
                let isOnset = onset.map { $0[cell] != 0 } ?? false
                if let row = open[column], !isOnset {
                    rows[row].length += 1
                } else {
                    open[column] = rows.count
                    rows.append(
                        RollSegment.Row(
                            start: step, length: 1, pitch: pitches.lowerBound + UInt8(column),
                            velocity: min(max(velocity?[cell] ?? 100, 1), 127), program: program,
                            voice: voice,
                            isOnset: isOnset || step > 0 || onset == nil))
                }
            }
        }
        return rows
    }
}
