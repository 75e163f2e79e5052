public import Loading
public import Symbolic

/// What goes into a transfer, prepared as a snapshot's files were.
public enum PreparedContent: Sendable {
    /// A piece of notes.
    case score(PreparedScore)
    /// A piece of sound.
    case recording(PreparedRecording)
}

/// A MIDI file on the grid of a snapshot.
public struct PreparedScore: Sendable {
    /// Its path, for messages.
    public let path: String
    /// Its segments, in order.
    public let shard: Shard
    /// Its timelines, in ticks; one but for format 2.
    public let timelines: [Timeline]
    /// What a step is.
    public let grid: Grid
    /// How ticks become steps.
    public let rounding: Rounding
    /// The steps of a segment.
    public let segmentSteps: Int
    /// The true length of all segments together, in steps: the piece's, where segments neither overlap nor leave
    /// anything out.
    public let length: Int

    /// The first timeline: the only one of a file whose whole is covered.
    public var timeline: Timeline { timelines[0] }
}

/// An audio file as features of a snapshot.
public struct PreparedRecording: Sendable {
    /// Its path, for messages.
    public let path: String
    /// Its segments, in order.
    public let shard: Shard
    /// Samples per second.
    public let sampleRate: Int
    /// The samples of the whole at that rate.
    public let samples: Int
    /// The samples of a segment.
    public let segmentSamples: Int
    /// The factor of amplitude that its features have.
    public let gain: Double
}
