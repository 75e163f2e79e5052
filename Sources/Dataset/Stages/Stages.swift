import Audio
import Build

/// Every stage there is.
///
/// A version is raised whenever the same inputs would give other bytes; CHANGELOG.md then says what is rebuilt.
enum Stages {
    /// MIDI bytes → the notes of its segments, and the facts about the file.
    static let read = Stage("read", version: 2)
    /// Audio bytes → the features of its segments at unity gain, and the facts about the file.
    static let spectrum = Stage("spectrum", version: 3, numerics: Numerics.tag)
    /// One source's feature, with its gain, scaled and compressed → each band's moments.
    static let bandMoments = Stage("band-moments", version: 2, numerics: Numerics.tag)
    /// Some of the inputs of `fit` or `shard` → a list of them.
    static let list = Stage("list", version: 1)
    /// The train split's moments → normalisation statistics.
    static let fit = Stage("fit", version: 2, numerics: Numerics.tag)
    /// A bucket's segments → shard.
    static let shard = Stage("shard", version: 2, numerics: Numerics.tag)
    /// Some of the entries → a table of the snapshot.
    static let sources = Stage("sources", version: 1)
    /// A snapshot's own bytes, so that the journals name them.
    static let snapshot = Stage("snapshot", version: 2)

    /// The stages whose versions every snapshot states, in the order of the data flow.
    static let all = [read, spectrum, bandMoments, fit, shard]

    /// All stages, those too that only store what others list.
    static let inOrder = [read, spectrum, bandMoments, list, fit, shard, sources, snapshot]
}
