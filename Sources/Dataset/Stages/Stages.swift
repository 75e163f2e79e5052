import Storage

/// Every stage there is.
///
/// A version is raised whenever the same inputs would give other bytes; CHANGELOG.md then says what is rebuilt.
enum Stages {
    /// MIDI bytes → the notes of its segments, and the facts about the file.
    static let read = stage("read", version: 3)
    /// Audio bytes → the features of its segments at unity gain, and the facts about the file.
    static let spectrum = stage("spectrum", version: 3, numerics: Numerics.tag)
    /// One source's feature, with its gain, scaled and compressed → each band's moments.
    static let bandMoments = stage("band-moments", version: 2, numerics: Numerics.tag)
    /// Some of the inputs of `fit` or `shard` → a list of them.
    static let list = stage("list", version: 1)
    /// The train split's moments → normalisation statistics.
    static let fit = stage("fit", version: 2, numerics: Numerics.tag)
    /// A bucket's segments → shard.
    static let shard = stage("shard", version: 2, numerics: Numerics.tag)
    /// Some of the entries → a table of the snapshot.
    static let sources = stage("sources", version: 1)
    /// A snapshot's own bytes, so that the journals name them.
    static let snapshot = stage("snapshot", version: 2)

    /// The stages whose versions every snapshot states, in the order of the data flow.
    static let all = [read, spectrum, bandMoments, fit, shard]

    /// All stages, those too that only store what others list.
    static let inOrder = [read, spectrum, bandMoments, list, fit, shard, sources, snapshot]

    /// A stage with one version more in this process.
    ///
    /// A test sets it before any stage is used, to build as a later release would.
    nonisolated(unsafe) static var raised: String?

    private static func stage(_ name: String, version: Int, numerics: String? = nil) -> Stage {
        Stage(name, version: name == raised ? version + 1 : version, numerics: numerics)
    }
}
