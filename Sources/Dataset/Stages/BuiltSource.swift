import Audio
import Build

/// What the stages of one source made: all that the dataset-wide stages need to know of it.
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
    /// `segments` for MIDI; the name of each feature for audio.
    let objects: [String: ObjectReference]
    /// What decides its gain, for audio.
    let levels: AudioLevels?
    /// Why it gives no segments though it can be read.
    let exclusion: String?
    /// What was read leniently, as `code: message`.
    let warnings: [String]
    /// Its score, for MIDI.
    var score: ObjectReference?
    /// Whether the stages have run; when planning, a source may have to be reckoned with before.
    var isKnown = true

    /// A source whose stages would have to run first; it is taken to have one segment.
    static func unknown(_ source: SourceFile, _ kind: SegmentKind) -> BuiltSource {
        BuiltSource(
            sha256: source.digest, kind: kind, segments: 1, samples: 0, rows: RollShard.RowCounts(),
            objects: [:],
            levels: nil, exclusion: nil, warnings: [], isKnown: false)
    }
}

/// What the per-source stages made of an entry.
enum SourceOutcome: Sendable {
    /// It can be used.
    case built(BuiltSource)
    /// Its bytes can't be used.
    case quarantined(BuildSummary.Problem)
    /// It could not be read this time.
    case unreadable(BuildSummary.Problem)
}
