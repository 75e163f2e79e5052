public import Symbolic

extension Manifest {
    /// The `midi` block: how MIDI sources become segments.
    ///
    /// ```yaml
    /// grid: {steps_per_beat: 4}      # or {steps_per_second: 20 | 86.1328125 | 44100/512},
    ///                                # {frames: mel}, or {steps_per_first_beat: 8}; each with rounding: half_up (=) | floor
    /// segment: {steps: 64, hop: 64, drop_last: false, align: none}  # or {beats: 16}, {bars: 4}, {seconds: 8}; the hop in
    ///                                # the same unit, = the length; align: none | bar
    /// pitches: [0, 127]              # inclusive
    /// drums: separate                # separate | include | exclude
    /// sustain: ignore                # ignore | extend
    /// voices: 4                      # ?, a voice a track if absent
    /// controls: [64, 66, 67]         # numbers 0 to 127; true: all; false: none
    /// window: all                    # all | longest_constant_tempo
    /// require: {time_signature: 4/4, constant_time_signature: true}  # ?; = false
    /// ```
    public struct MIDI: Hashable, Sendable {
        /// The time grid.
        public var grid = Grid.stepsPerBeat(4)
        /// Whether the manifest says `frames: mel`: step t is frame t of the audio block's mel, and `grid` its rate.
        public var followsFrames = false
        /// How positions between steps are rounded.
        public var rounding = Rounding.halfUp
        /// The length of a segment in the manifest's unit, 1 to 65535 steps.
        public var segmentLength = SegmentLength.steps(64)
        /// From one segment's start to the next, in the unit of `segmentLength`, 1 to 65535 steps.
        public var segmentHop = SegmentLength.steps(64)
        /// Whether a last segment that is not full is left out.
        public var dropLast = false
        /// Where segments may start.
        public var align = RollParameters.Alignment.none
        /// The lowest and highest pitch kept, inclusive.
        public var pitches: ClosedRange<UInt8> = 0...127
        /// What becomes of channel 10.
        public var drums = RollParameters.Drums.separate
        /// What CC 64 does to notes.
        public var sustain = RollParameters.Sustain.ignore
        /// Monophonic voices to allot, 1 to 255; nil: a voice a track.
        public var voices: Int?
        /// Control changes to store.
        public var controls = Controls.numbers([64, 66, 67])
        /// The stretch of a piece that is used.
        public var window = RollParameters.Window.all
        /// The time signature that a piece must have, if any.
        public var requiredTimeSignature: TimeSignature?
        /// Whether a piece's time signature must not change.
        public var requiresConstantTimeSignature = false

        /// A time grid.
        public enum Grid: Hashable, Sendable {
            /// So many steps a quarter note.
            case stepsPerBeat(Int)
            /// An exact rate in lowest terms: `numerator / denominator` steps per second.
            case stepsPerSecond(numerator: Int, denominator: Int)
            /// So many steps a beat of the first tempo, in real seconds.
            case stepsPerFirstBeat(Int)
        }

        /// Which control changes are stored.
        public enum Controls: Hashable, Sendable {
            /// These numbers, ascending; empty: none.
            case numbers([UInt8])
            /// All.
            case all
        }

        /// A time signature.
        public struct TimeSignature: Hashable, Sendable {
            /// The one that MIDI files have if they say nothing.
            static let common = TimeSignature(numerator: 4, denominator: 4)
            /// Beats a bar, 1 to 255.
            public var numerator: Int
            /// The note value of a beat, a power of two from 1 to 128.
            public var denominator: Int
        }
    }
}

extension Manifest.MIDI {
    /// Steps of a segment, 1 to 65535.
    public var steps: Int { steps(segmentLength) ?? 64 }
    /// Steps from one segment's start to the next, 1 to 65535.
    public var hop: Int { steps(segmentHop) ?? 64 }

    /// A length in steps of the grid; nil where it would not be the same whole number everywhere.
    ///
    /// A bar is one of the required time signature.
    func steps(_ length: SegmentLength) -> Int? {
        let bar = requiredTimeSignature ?? .common
        return length.steps(
            on: Symbolic.Grid(grid),
            timeSignature: Symbolic.TimeSignature(
                tick: 0, numerator: bar.numerator, denominator: bar.denominator))
    }
}
