public import Files

/// A dataset that others published: where its files are, and what is known about them.
public struct PublishedDataset: Sendable {
    /// The name on the command line, such as `maestro`.
    public let name: String
    /// The name that its authors give it.
    public let title: String
    /// Where it is described, and who must be cited.
    let (url, citation): (String, String)
    /// The terms of use, as its authors state them.
    public let licence: String
    /// What is known about its files: faults, versions, splits; one sentence each.
    let notes: [String]
    /// The number of files that were published, by the name of the edition.
    let published: [String: Int]
    /// The rate of most of its recordings in Hz.
    var sampleRate = 44_100
    /// Whether its MIDI files were played, and have no true beats.
    var isPlayed = false
    /// Finds the files.
    let find: @Sendable (PublishedTree) throws -> [Row]

    /// A file of the dataset.
    struct Row: Sendable {
        /// The path from the dataset's folder.
        var path: String
        /// The recording of this MIDI file, if it is there.
        var pair: String?
        /// The musical work.
        var piece: String?
        /// The official split: train, validation or test.
        var split: String?
        /// The labels, several values as `LabelText` has them.
        var labels: [String: String] = [:]
    }

    /// Every dataset that can be imported, by name.
    public static let all: [PublishedDataset] = [
        asap, fma, giantMIDI, groove, gtzan, lakh, maestro, maps, musicNet, nsynth, pop909, slakh,
    ]

    /// The dataset with a name.
    ///
    /// - Throws: `BuildError` with the nearest name if there is none.
    public static func named(_ name: String) throws(BuildError) -> PublishedDataset {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw BuildError(
            .noDataset, "'\(name)' cannot be imported; \(suggestion(for: name, among: all.map(\.name)))",
            canRetry: false)
    }
}

/// The folder of a published dataset.
struct PublishedTree: Sendable {
    let folder: String
    /// Every file below the folder, in the order of paths.
    let files: [String]
    private let known: Set<String>

    init(_ folder: String, files: [String]) {
        (self.folder, self.files, known) = (folder, files, Set(files))
    }

    func has(_ path: String) -> Bool { known.contains(path) }

    /// The folder in which a file of the dataset is, as it may have been unpacked one or two folders down: its path with a
    /// `/` at the end, empty for the folder itself; nil if there is no such file.
    func base(of path: String) -> String? {
        if has(path) { return "" }
        let found = files.filter { $0.hasSuffix("/" + path) }.min {
            ($0.utf8.count, $0) < ($1.utf8.count, $1)
        }
        return found.map { String($0.dropLast(path.utf8.count)) }
    }

    /// The files that have one of these endings.
    func files(_ endings: String...) -> [String] {
        files.filter { endings.contains(MusicFiles.ending(of: $0).lowercased()) }
    }

    /// The rows of those files that belong to the dataset, or a `BuildError` that says what is missing.
    func rows(
        of files: [String], orMissing what: String, _ row: (String) -> PublishedDataset.Row?
    ) throws(BuildError) -> [PublishedDataset.Row] {
        let rows = files.compactMap(row)
        guard !rows.isEmpty else { throw missing(what) }
        return rows
    }

    /// A folder's files, or a `BuildError` that says what is missing.
    func missing(_ what: String) -> BuildError {
        BuildError(
            .inputOutput,
            "\(folder) contains no \(what); name the folder into which the dataset was unpacked",
            canRetry: false)
    }
}
