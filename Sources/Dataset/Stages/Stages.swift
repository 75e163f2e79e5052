import Audio
import Build

/// Every stage there is.
///
/// A version is raised whenever the same inputs would give other bytes; CHANGELOG.md says then what is rebuilt.
enum Stages {
    /// MIDI bytes → score.
    static let score = Stage("score", version: 1)
    /// Score → segments on the grid.
    static let segments = Stage("segments", version: 2)
    /// Score → its stretches of twelve pitches, as hashes.
    static let shingles = Stage("shingles", version: 1)
    /// A source's mel spectrum → its landmarks, as hashes.
    static let landmarks = Stage("landmarks", version: 1, numerics: Numerics.tag)
    /// Audio bytes → features of each segment at unity gain, and what was measured on the way.
    static let spectrum = Stage("spectrum", version: 1, numerics: Numerics.tag)
    /// One source's feature → its moments, before the gain.
    static let moments = Stage("moments", version: 1, numerics: Numerics.tag)
    /// One source's feature, with its gain, scaled and compressed → each band's moments.
    static let bandMoments = Stage("band-moments", version: 1, numerics: Numerics.tag)
    /// The train split's moments → normalisation statistics.
    static let fit = Stage("fit", version: 1, numerics: Numerics.tag)
    /// A bucket's segments → shard.
    static let pack = Stage("pack", version: 2, numerics: Numerics.tag)
    /// A snapshot's own bytes, so that the journals name them.
    static let snapshot = Stage("snapshot", version: 1)

    /// Score → what statistics want to know of it.
    static let describe = Stage("describe", version: 1)
    /// A source's mel spectrum → each band's mean and deviation, and how it repeats.
    static let describeMel = Stage("describe-mel", version: 4, numerics: Numerics.tag)

    /// The stages that only look: no shard depends on them, so that no snapshot states their versions.
    static let looking = [describe, describeMel]
    /// The stages that a snapshot states only if its manifest asks for them: `near_duplicates: together`.
    static let asked = [landmarks]
    /// The stages whose versions every snapshot states.
    static let all = [score, segments, shingles, spectrum, moments, bandMoments, fit, pack]
}
