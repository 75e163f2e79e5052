public import Tensors

/// All segments of one score, note by note on the grid: the shard's columns, for one source.
///
/// N segments, M note rows, K control rows. A note is in each segment that it overlaps, clipped to it. Rows
/// of a segment are sorted by (start, pitch, program, voice, velocity, length, flags).
public struct RollSegments: Hashable, Sendable {
    /// The length of every segment in steps.
    public internal(set) var steps: Int
    /// Why the score does not meet what the parameters require; then there are no segments.
    public internal(set) var exclusion: String?

    /// [N+1]: segment i's notes are rows `notesOffset[i]..<notesOffset[i + 1]`.
    public internal(set) var notesOffset: [Int64] = [0]
    /// [M]: the first step, from the segment's start.
    public internal(set) var start: [UInt16] = []
    /// [M]: in steps, at least 1.
    public internal(set) var length: [UInt16] = []
    /// [M]: 0 to 127.
    public internal(set) var pitch: [UInt8] = []
    /// [M]: 1 to 127.
    public internal(set) var velocity: [UInt8] = []
    /// [M]: 0 to 127; 128 is drums.
    public internal(set) var program: [UInt8] = []
    /// [M]: the voice; 255 is none.
    public internal(set) var voice: [UInt8] = []
    /// [M]: `RollFlags`.
    public internal(set) var flags: [UInt8] = []

    /// [N+1]: segment i's control changes are rows `controlsOffset[i]..<controlsOffset[i + 1]`, in the order of
    /// the score.
    public internal(set) var controlsOffset: [Int64] = [0]
    /// [K]: the step it falls in, from the segment's start.
    public internal(set) var controlsStep: [UInt16] = []
    /// [K]: 0 to 127.
    public internal(set) var controlsNumber: [UInt8] = []
    /// [K]: 0 to 127.
    public internal(set) var controlsValue: [UInt8] = []
    /// [K]: 0 to 15.
    public internal(set) var controlsChannel: [UInt8] = []

    /// [N, steps, 3]: whether sustain (CC 64), sostenuto (66) and soft (67) are down, 0 or 1, at the step's
    /// start on any channel but drums; 0 after the segment's true length.
    public internal(set) var pedal: [UInt8] = []
    /// [N, steps]: BPM at the step's start; the last tempo also after the end.
    public internal(set) var tempo: [Float] = []
    /// [N]: the timeline a segment is cut from; 0 but for format 2.
    public internal(set) var timeline: [Int16] = []
    /// [N]: steps from the timeline's start; below 0 if a recording begins before its score.
    public internal(set) var segmentStart: [Int64] = []
    /// [N]: the true length in steps, 1 to `steps`.
    public internal(set) var segmentLength: [Int64] = []

    /// The step of each frame of the recording that the score was cut by; nil where there is none, or steps are frames.
    public internal(set) var frameSteps: FrameSteps?

    /// The number of segments, N.
    public var count: Int { segmentStart.count }

    /// No segments of a length.
    init(steps: Int, exclusion: String? = nil) {
        self.steps = steps
        self.exclusion = exclusion
    }
}

/// In which step of its segment each frame of a recording lies.
public struct FrameSteps: Hashable, Sendable {
    /// The frames of a segment.
    public let frames: Int
    /// [N, frames]: steps from the segment's start; `RecordingCut.noStep` outside its steps.
    public let steps: [UInt16]
}

/// The bits of a row's flags.
public enum RollFlags {
    /// The note begins in this segment; else it sounds on from before.
    public static let onset: UInt8 = 1
    /// The pedal lengthened it.
    public static let lengthened: UInt8 = 2
    /// It ends in this segment.
    public static let ends: UInt8 = 4
}

extension RollSegments {
    /// The columns, named as in a shard.
    public var tensors: [NamedTensor] {
        [
            NamedTensor("notes.offset", notesOffset),
            NamedTensor("notes.start", start),
            NamedTensor("notes.length", length),
            NamedTensor("notes.pitch", pitch),
            NamedTensor("notes.velocity", velocity),
            NamedTensor("notes.program", program),
            NamedTensor("notes.voice", voice),
            NamedTensor("notes.flags", flags),
            NamedTensor("controls.offset", controlsOffset),
            NamedTensor("controls.step", controlsStep),
            NamedTensor("controls.number", controlsNumber),
            NamedTensor("controls.value", controlsValue),
            NamedTensor("controls.channel", controlsChannel),
            NamedTensor("pedal", Tensor(shape: [count, steps, 3], elements: pedal)),
            NamedTensor("tempo", Tensor(shape: [count, steps], elements: tempo)),
            NamedTensor("segment.timeline", timeline),
            NamedTensor("segment.start", segmentStart),
            NamedTensor("segment.length", segmentLength),
        ]
            + (frameSteps.map { found in
                [NamedTensor("frame.step", Tensor(shape: [count, found.frames], elements: found.steps))]
            } ?? [])
    }

    /// The columns as a small safetensors file; equal values give equal bytes.
    public func encode() -> [UInt8] {
        TensorFile.encode(tensors, metadata: exclusion.map { ["exclusion": $0] } ?? [:])
    }

    /// Reads what `encode` wrote.
    ///
    /// - Throws: `TensorFileError` (`tensors.missing`, `tensors.mismatch`) if the columns are not there or do
    ///   not fit each other.
    public init(decoding file: TensorFile) throws {
        func column<Element: TensorElement>(_ name: String) throws -> [Element] {
            try file.tensor(name, as: Element.self).elements
        }
        let pedalShape = try file.entry("pedal").shape
        self.init(steps: pedalShape.count == 3 ? pedalShape[1] : 0, exclusion: file.metadata["exclusion"])
        notesOffset = try column("notes.offset")
        start = try column("notes.start")
        length = try column("notes.length")
        pitch = try column("notes.pitch")
        velocity = try column("notes.velocity")
        program = try column("notes.program")
        voice = try column("notes.voice")
        flags = try column("notes.flags")
        controlsOffset = try column("controls.offset")
        controlsStep = try column("controls.step")
        controlsNumber = try column("controls.number")
        controlsValue = try column("controls.value")
        controlsChannel = try column("controls.channel")
        pedal = try column("pedal")
        tempo = try column("tempo")
        timeline = try column("segment.timeline")
        segmentStart = try column("segment.start")
        segmentLength = try column("segment.length")
        if let entry = file.entries["frame.step"], entry.shape.count == 2 {
            frameSteps = FrameSteps(frames: entry.shape[1], steps: try column("frame.step"))
        }
        try checkShapes()
    }

    private func checkShapes() throws(TensorFileError) {
        let rows = [length.count, pitch.count, velocity.count, program.count, voice.count, flags.count]
        let controls = [controlsNumber.count, controlsValue.count, controlsChannel.count]
        // Divisions, since a shape may claim any number of steps.
        let cells = tempo.count
        let fits =
            steps > 0 && rows.allSatisfy { $0 == start.count }
            && controls.allSatisfy { $0 == controlsStep.count } && pedal.count == cells * 3
            && cells % steps == 0 && cells / steps == count && timeline.count == count
            && segmentLength.count == count
            && isPartition(notesOffset, of: start.count)
            && isPartition(controlsOffset, of: controlsStep.count)
        guard fits else {
            throw TensorFileError(.mismatch, "the columns of the \(count) segments do not fit each other")
        }
    }

    private func isPartition(_ offsets: [Int64], of total: Int) -> Bool {
        offsets.count == count + 1 && offsets.first == 0 && offsets.last == Int64(total)
            && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }
    }
}
