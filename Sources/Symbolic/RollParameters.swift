/// How a score is cut into segments of a roll: the manifest's `midi` section.
public struct RollParameters: Hashable, Sendable {
    /// What may start a segment.
    public enum Alignment: String, Hashable, Sendable, CaseIterable {
        /// Any multiple of `hop`.
        case none
        /// A bar line: the first at or after the last segment's start + `hop`.
        case bar
    }

    /// What becomes of drum notes.
    public enum Drums: String, Hashable, Sendable, CaseIterable {
        /// Stored, and counted in the instrument roll, but not painted in the others.
        case separate
        /// Stored and painted like other notes.
        case include
        /// Not stored.
        case exclude
    }

    /// What the sustain pedal does.
    public enum Sustain: String, Hashable, Sendable, CaseIterable {
        /// Nothing.
        case ignore
        /// Lengthens the notes of its channel, but never drums.
        case extend
    }

    /// Which control changes are stored.
    public enum Controls: Hashable, Sendable {
        /// None.
        case none
        /// Those of these numbers.
        case numbers([UInt8])
        /// All.
        case all

        func contains(_ number: UInt8) -> Bool {
            switch self {
            case .none: false
            case .numbers(let numbers): numbers.contains(number)
            case .all: true
            }
        }
    }

    /// Which part of a timeline is cut.
    public enum Window: String, Hashable, Sendable, CaseIterable {
        /// The whole.
        case all
        /// The longest stretch, in seconds, without a change of tempo; the first of equals.
        case longestConstantTempo = "longest_constant_tempo"
    }

    /// The step.
    public var grid: Grid
    /// How ticks become steps.
    public var rounding: Rounding
    /// The length of a segment in steps, 1 to 65,535.
    public var steps: Int
    /// Steps from the start of one segment to the next, at least 1.
    public var hop: Int
    /// Whether a last segment that the music does not fill is left out.
    public var dropLast: Bool
    /// Where segments may start.
    public var align: Alignment
    /// The pitches that are stored, drums' too.
    public var pitches: ClosedRange<UInt8>
    /// What becomes of drums.
    public var drums: Drums
    /// What the sustain pedal does.
    public var sustain: Sustain
    /// How many monophonic voices to allot, 1 to 255; nil: a voice a track.
    public var voices: Int?
    /// Which control changes are stored.
    public var controls: Controls
    /// Which part of a timeline is cut.
    public var window: Window
    /// The only time signature a piece may have, its tick is ignored; nil: any.
    public var requiredTimeSignature: TimeSignature?
    /// Whether a piece must keep one time signature.
    public var requiresConstantTimeSignature: Bool
    /// The recording whose segments the score's are to be; nil: the score is cut for itself.
    ///
    /// Then only the first timeline is cut, `hop` is not used unless steps are frames, and `align` and `window` are
    /// `none` and `all`.
    public var recording: RecordingCut?

    /// Parameters with the manifest's defaults.
    public init(
        grid: Grid = .stepsPerBeat(4), rounding: Rounding = .halfUp, steps: Int = 64, hop: Int? = nil,
        dropLast: Bool = false, align: Alignment = .none, pitches: ClosedRange<UInt8> = 0...127,
        drums: Drums = .separate, sustain: Sustain = .ignore, voices: Int? = nil, controls: Controls = .none,
        window: Window = .all, requiredTimeSignature: TimeSignature? = nil,
        requiresConstantTimeSignature: Bool = false
    ) {
        self.grid = grid
        self.rounding = rounding
        self.steps = steps
        self.hop = hop ?? steps
        self.dropLast = dropLast
        self.align = align
        self.pitches = pitches
        self.drums = drums
        self.sustain = sustain
        self.voices = voices
        self.controls = controls
        self.window = window
        self.requiredTimeSignature = requiredTimeSignature
        self.requiresConstantTimeSignature = requiresConstantTimeSignature
    }

    /// Stops at values out of their ranges: the manifest's reader has checked them.
    func check() {
        precondition((1...65_535).contains(steps), "a segment has 1 to 65,535 steps, not \(steps)")
        precondition(hop >= 1, "hop is at least 1, not \(hop)")
        precondition(pitches.upperBound <= 127, "pitches end at 127, not \(pitches.upperBound)")
        precondition((1...255).contains(voices ?? 1), "there are 1 to 255 voices, not \(voices ?? 0)")
        recording?.check()
        precondition(
            recording == nil || align == .none && window == .all,
            "a score cut as its recording is, aligned to \(align) in the window \(window)")
        switch grid {
        case .stepsPerBeat(let steps), .stepsPerFirstBeat(let steps):
            precondition((1...10_000).contains(steps), "a beat has 1 to 10,000 steps, not \(steps)")
        case .stepsPerSecond(let rate):
            precondition(
                rate.numerator <= 1_000_000 && rate.denominator <= 1_000_000,
                "both numbers of steps per second are at most 1,000,000, not \(rate)")
        }
    }
}
