import Audio
import Files
import Loading
import Storage

/// What the stage of one source found: all that the dataset-wide stages need to know of it.
struct BuiltSource: Sendable {
    /// SHA-256 of the source.
    let sha256: Digest
    /// What it holds.
    let kind: SegmentKind
    /// Its segments.
    let segments: Int
    /// The samples of its audio after resampling; 0 for MIDI.
    let samples: Int
    /// The rows of all its segments, for MIDI.
    let rows: RollShard.RowCounts
    /// The object of its stage; nil while a plan does not know it.
    let object: ObjectReference?
    /// The levels that decide its gain, for audio.
    let levels: AudioLevels?
    /// Why it gives no segments though it can be read.
    let exclusion: String?
    /// Its warnings, as `code: message`.
    let warnings: [String]
    /// Each normalised feature's moments at unity gain, over all segments; for audio.
    var moments: [String: Audio.Moments] = [:]

    /// Whether its stage has run; a plan has to reckon with sources whose stage has not.
    var isKnown: Bool { object != nil }

    /// A source whose stage would have to run first; it is taken to have one segment.
    static func unknown(_ source: Digest, _ kind: SegmentKind) -> BuiltSource {
        BuiltSource(
            sha256: source, kind: kind, segments: 1, samples: 0, rows: RollShard.RowCounts(), object: nil,
            levels: nil, exclusion: nil, warnings: [])
    }
}

/// What became of an entry's source.
enum SourceOutcome: Sendable {
    /// It can be used.
    case built(BuiltSource)
    /// Its bytes can't be used.
    case quarantined(BuildSummary.Problem)
    /// It could not be read this time.
    case unreadable(BuildSummary.Problem)
}
