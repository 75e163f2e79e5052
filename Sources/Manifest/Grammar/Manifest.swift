import Files
public import Listing
import Storage

/// A dataset as its YAML manifest declares it, checked and with defaults filled in.
///
/// The grammar is this, with each default (an absent key takes it) after `=`; keys marked `?` have none:
///
/// ```yaml
/// version: 1
/// dataset: piano-styles          # letters, digits, '-', '_'
/// sources: [...]                 # at least one item; see SourceItem
/// midi: {...}                    # see Manifest.MIDI
/// audio: {...}                   # see Manifest.Audio
/// splits: {...}                  # see Manifest.Splits; = {train: 0.8, validation: 0.1, test: 0.1}
/// shards: {target_bytes: 64MiB}  # a number of bytes, or one with B, KiB, MiB, GiB, kB, MB, GB
/// statistics: fit                # fit | exact | {from: <snapshot's full hash>}
/// dedupe: false                  # true: of entries with equal bytes only the first by path is kept
/// about: {title?, licence?, citation?, url?}  # texts for the dataset's card; see Manifest.About
/// ```
///
/// At least one of `midi` and `audio` is required; `midi: {}` takes all its defaults. A source of a kind whose
/// block is absent cannot be built. Unknown and repeated keys are faults.
public struct Manifest: Sendable {
    /// The dataset's name: letters, digits, `-` and `_`.
    public var dataset: String
    /// Where entries come from, in the manifest's order.
    public var sources: [SourceItem]
    /// How MIDI sources become segments; nil if the manifest has no `midi` block.
    public var midi: MIDI?
    /// How audio sources become segments; nil if the manifest has no `audio` block.
    public var audio: Audio?
    /// How pieces are assigned to train, validation and test.
    public var splits: Splits
    /// The size in bytes over which a shard's bucket of more than one piece splits.
    public var targetBytes: Int
    /// Where normalisation statistics come from.
    public var statistics: Statistics
    /// Whether entries with equal bytes are reduced to the first by path.
    public var dedupe: Bool
    /// What the dataset's card says of it.
    public var about = About()

    /// What was read though it should be changed, such as an old name of a key: `file:line: message` each.
    public internal(set) var warnings: [String] = []

    /// The line of `audio.dtype`, or of the block.
    public var elementTypeLine = 1
    /// The labels that other keys name.
    public var namedLabels: [NamedLabel] = []

    /// A label that a key such as `splits.by` names.
    public struct NamedLabel: Sendable {
        /// The key, with the keys above it.
        public let key: String
        /// The label.
        public let name: String
        /// The key's line.
        public let line: Int
        /// The words that the key takes beside labels.
        let words: [String]

        /// What is wrong if the label is none of those known; else nil.
        func fault(among known: Set<String>) -> String? {
            guard !known.contains(name) else { return nil }
            return
                "\(key) names the label '\(name)', which no item of sources has; \(suggestion(for: name, among: known.sorted() + words))"
        }
    }

    /// Where normalisation statistics come from.
    public enum Statistics: Hashable, Sendable {
        /// Fitted on the train split, each σ rounded to a power of 2^(1/64).
        case fit
        /// Fitted on the train split, not rounded.
        case exact
        /// Taken from the snapshot with this hash (64 lower-case hexadecimal digits).
        case from(String)
    }

    /// The largest manifest that is read, in bytes.
    public static let maximumByteCount = 1 << 20
}

/// An item of the manifest's `sources`.
///
/// A glob item:
///
/// ```yaml
/// path: data/classical/**/*.mid                  # relative to the manifest's folder; see GlobPattern
/// labels: {style: classical, composer: "{dir}"}  # = {}; name: pattern, or a list of patterns for several values
/// piece: "{stem}"                                # = the source itself
/// ```
///
/// A table item:
///
/// ```yaml
/// table: maestro/maestro-v3.0.0.csv  # relative to the manifest's folder; CSV, TSV or JSON lines
/// header_rows: 1                     # FMA has 3: their cells that are not empty are joined by '.'
/// path: "{midi_filename}"            # = "{path}"; relative to the table's folder
/// labels: [canonical_composer]       # columns, or {name: pattern}; = every column that no pattern names
/// piece: "{canonical_composer}/{canonical_title}"  # = the source itself
/// ```
///
/// An empty cell leaves the label unknown. For the patterns see ``LabelPattern``.
///
/// Both may name the recording of each MIDI file, or the MIDI file of each recording:
///
/// ```yaml
/// pair: "{audio_filename}"      # ?; relative to the table's folder, or for a glob to the manifest's
/// offset_seconds: delay         # = 0; a column or a number: when the score begins in the recording
/// ```
///
/// and may leave out files and rename values:
///
/// ```yaml
/// exclude: [drafts/**]          # = []; patterns of paths from the manifest's folder
/// limit: 50                     # ?; at most so many files
/// map: {style: {hard bop: jazz, unknown: null}}   # = {}; by label, then by value; null drops the value
/// ```
public struct SourceItem: Sendable {
    /// Where an item's paths come from.
    public enum Place: Sendable {
        /// The files that a pattern matches.
        case glob(GlobPattern)
        /// The rows of a table.
        case table(path: String, headerRows: Int, entryPath: LabelPattern)
    }

    /// What labels the item's entries carry.
    public enum Labels: Sendable {
        /// Each named label by its patterns, sorted by name.
        case patterns([NamedPattern])
        /// The table's columns of these names.
        case columns([String])
        /// Every column of the table that neither path nor piece nor split takes.
        case otherColumns
    }

    /// A label's name and patterns.
    public struct NamedPattern: Sendable {
        /// The label's name.
        public let name: String
        /// What makes its values: one pattern for each.
        public let patterns: [LabelPattern]
    }

    /// Where the paths come from.
    public let place: Place
    /// The labels.
    public let labels: Labels
    /// What makes the piece string; nil: each source is its own piece.
    public let piece: LabelPattern?
    /// What makes the path of each entry's other half: the recording of a MIDI file, or the other way round; nil: none.
    public let pair: LabelPattern?
    /// When the score of a pair begins in its recording.
    public let offset: Offset
    /// Paths that are left out, from the manifest's folder.
    public let exclude: [GlobPattern]
    /// How many files are taken at most, other halves of pairs not counted; nil: all.
    public let limit: Int?
    /// By label, what each value becomes; nil: the value is dropped.
    ///
    /// Other values stay.
    public let map: [String: [String: String?]]
    /// The item's line in the manifest.
    public let line: Int

    /// When the scores of an item begin in their recordings, in seconds.
    public enum Offset: Hashable, Sendable {
        /// The same for all, in microseconds.
        case microseconds(Int)
        /// What a column of the table says; an empty cell is 0.
        case column(String)
    }

    /// The label names if the manifest alone tells them; nil if a table's header must be read.
    public var labelNames: [String]? {
        switch labels {
        case .patterns(let named): named.map(\.name)
        case .columns(let names): names
        case .otherColumns: nil
        }
    }
}
