public import Tensors

/// One tensor of a batch: what of each segment it shows, N segments in front.
public struct LoaderView: Sendable, Hashable {
    /// Its name in the batch.
    public var name: String
    /// What it shows.
    public var content: Content

    /// Names what a view shows.
    public init(_ name: String, _ content: Content) {
        self.name = name
        self.content = content
    }

    /// What a view shows of a segment.
    public enum Content: Sendable, Hashable {
        /// A roll: U8 or F32 [N, steps, pitches + pedal columns].
        case roll(RollView)
        /// A roll of a transcription: F32 [N, steps, pitches]; nil: the manifest's pitches.
        case transcription(TranscriptionRoll, pitches: ClosedRange<UInt8>? = nil)
        /// Control changes: F32 [N, steps, numbers], the new value plus 1 in the step of a change (the last one's, where
        /// a step has several), else 0; nil: a column for each of the 128 numbers, 0 for those that are not stored.
        case controls([UInt8]? = nil)
        /// The program of each of the first so many voices: I64 [N, voices], that of its first note in the window; 128 for
        /// drums, −1 for a voice that is silent there.
        case voicePrograms(Int)
        /// Notes that sound by family: U8 or F32 [N, steps, 17], the 16 of General MIDI, then drums; at most 255.
        case instrument(ElementType)
        /// Sustain, sostenuto and soft pedal: U8 or F32 [N, steps, 3], 0 or 1.
        case pedal(ElementType)
        /// BPM at each step: F32 [N, steps]; where time is stretched, those of the step that is shown.
        case tempo
        /// A feature of audio: F32 [N, bands, frames] or [N, samples], whatever the shard stores it as.
        ///
        /// `frames`: a window of so many frames (samples, for the waveform); nil: all.
        case feature(String, frames: FrameWindow? = nil)
        /// The step of each frame, from the window's start: I64 [N, frames]; −1 for frames outside its steps.
        ///
        /// Only of pairs. With `grid: {frames: mel}` step t is frame t.
        case frameSteps
        /// A label: I64 [N], its index in the snapshot's vocabulary; −1 where it is unknown.
        case label(String)
        /// A number of the segment: I64 [N].
        case segment(SegmentColumn)
    }

    /// A number of a segment.
    public enum SegmentColumn: Sendable, Hashable {
        /// Its number in the split, as in `train/12`.
        case number
        /// Where the window begins, in steps or samples from the timeline's start.
        case start
        /// How much of the window is no padding, in steps or samples.
        case length
    }

    /// A window of a feature's frames.
    public struct FrameWindow: Sendable, Hashable {
        /// Its length.
        public var count: Int
        /// Whether it begins at random, drawn as augmentations are; else at the first frame.
        public var isRandom: Bool

        /// A window of so many frames.
        public init(_ count: Int, isRandom: Bool = false) {
            self.count = count
            self.isRandom = isRandom
        }
    }
}

/// A view of notes: time first, pitch p in column p − `pitches.lowerBound`, pedals behind the pitches.
public struct RollView: Sendable, Hashable {
    /// What a roll shows of a note.
    public enum Kind: Sendable, Hashable {
        /// 1 while a note sounds.
        case piano
        /// The velocity, 1 to 127, while a note sounds; the larger where notes meet.
        case velocity
        /// 1 where a note begins.
        case onset
        /// The velocity where a note begins; the larger where notes meet.
        case onsetVelocity
        /// 1 in the last step of a note that ends in the window.
        case offset
    }

    /// A pedal, by its place in a shard's `pedal`.
    public enum Pedal: Int, Sendable, Hashable {
        /// CC 64.
        case sustain
        /// CC 66.
        case sostenuto
        /// CC 67.
        case soft
    }

    /// What pedal columns hold.
    public enum PedalCells: Sendable, Hashable {
        /// 1 while the pedal is down.
        case states
        /// 1 where the pedal goes down, and at the first step where it is down.
        case presses
        /// 0.
        case zeros
    }

    /// What is shown.
    public var kind: Kind
    /// `.u8` or `.f32`.
    public var element: ElementType
    /// What all values are multiplied by, such as 1/127; only of `.f32`.
    public var scale: Float
    /// The pitches; nil: the manifest's.
    public var pitches: ClosedRange<UInt8>?
    /// The pedals, a column each; paper 001's 59 columns are pitches 32...88, sustain and soft.
    public var pedals: [Pedal]
    /// What pedal columns hold.
    public var pedalCells: PedalCells
    /// The only voice whose notes are shown, 0 to 254, as `midi.voices` allotted them; nil: all notes.
    public var voice: UInt8?

    /// A roll; by default of F32, with the manifest's pitches and no pedals.
    public init(
        _ kind: Kind, as element: ElementType = .f32, scale: Float = 1, pitches: ClosedRange<UInt8>? = nil,
        pedals: [Pedal] = [], pedalCells: PedalCells = .states, voice: UInt8? = nil
    ) {
        self.kind = kind
        self.element = element
        self.scale = scale
        self.pitches = pitches
        self.pedals = pedals
        self.pedalCells = pedalCells
        self.voice = voice
    }
}

extension LoaderView {
    /// A roll; see `RollView`.
    public static func roll(
        _ name: String, _ kind: RollView.Kind, as element: ElementType = .f32, scale: Float = 1,
        pitches: ClosedRange<UInt8>? = nil, pedals: [RollView.Pedal] = [],
        pedalCells: RollView.PedalCells = .states, voice: UInt8? = nil
    ) -> LoaderView {
        LoaderView(
            name,
            .roll(
                RollView(
                    kind, as: element, scale: scale, pitches: pitches, pedals: pedals,
                    pedalCells: pedalCells, voice: voice)))
    }

    /// A feature of audio, named as in the shard; see `Content.feature`.
    public static func feature(_ name: String, frames: FrameWindow? = nil) -> LoaderView {
        LoaderView(name, .feature(name, frames: frames))
    }

    /// A label, named as in the manifest; see `Content.label`.
    public static func label(_ name: String) -> LoaderView {
        LoaderView(name, .label(name))
    }
}
