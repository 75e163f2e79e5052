/// What a loader feeds: which segments, what of each, in which order, how many at once.
///
/// The plan and a `LoaderState` say every batch to the last bit; threads and buffers change no value.
public struct LoaderPlan: Sendable, Hashable {
    /// The split to read.
    public var split: Split
    /// The kind of segments to read.
    public var kind: SegmentKind
    /// What each segment becomes, in every set alike; names differ.
    public var views: [LoaderView]
    /// The sets of segments that are fed side by side: one, or two for pairs.
    ///
    /// Each set is a stream of its own that covers all its segments before it repeats one. An epoch is as long as
    /// the longest set; a shorter one begins again, in another order, and continues there in the next epoch.
    public var sets: [SegmentSet]
    /// Segments (or pairs) in a batch.
    public var batchSize: Int
    /// The seed of order and augmentation.
    public var seed: UInt64
    /// Whether each epoch has an order of its own; else the order is that of the snapshot.
    public var isShuffled: Bool
    /// Whether an epoch's last batch is left out when it isn't full.
    public var dropsLast: Bool
    /// How values of a label are brought to equal shares; nil: as they are.
    public var balance: Balance?
    /// Cuts shorter windows out of segments of notes; nil: whole segments.
    public var window: Window?
    /// Random changes.
    public var augmentation: Augmentation
    /// After how many epochs the batches end; nil: never.
    public var epochs: Int?
    /// Threads that fill batches ahead; 0: `next` fills them itself.
    public var threads: Int
    /// Batch buffers, those in use by the caller included; at least 1, and 1 more than are held at once.
    public var buffers: Int

    /// A plan for whole segments of a split, in one set.
    public init(
        split: Split = .train, kind: SegmentKind, views: [LoaderView], sets: [SegmentSet] = [SegmentSet()],
        batchSize: Int, seed: UInt64 = 0, isShuffled: Bool = true, dropsLast: Bool = false,
        balance: Balance? = nil, window: Window? = nil, augmentation: Augmentation = Augmentation(),
        epochs: Int? = nil, threads: Int = 1, buffers: Int = 4
    ) {
        self.split = split
        self.kind = kind
        self.views = views
        self.sets = sets
        self.batchSize = batchSize
        self.seed = seed
        self.isShuffled = isShuffled
        self.dropsLast = dropsLast
        self.balance = balance
        self.window = window
        self.augmentation = augmentation
        self.epochs = epochs
        self.threads = threads
        self.buffers = buffers
    }

    /// The segments that a stream covers.
    public struct SegmentSet: Sendable, Hashable {
        /// Only segments whose labels have these values; a segment without such a label is left out.
        public var labels: [String: String]
        /// Only these segments, by their numbers in the split (`train/12` is 12), in this order; nil: all.
        public var segments: [Int]?

        /// A set; without arguments, all segments of the plan's split and kind.
        public init(labels: [String: String] = [:], segments: [Int]? = nil) {
            self.labels = labels
            self.segments = segments
        }
    }

    /// How values of a label are brought to equal shares.
    public struct Balance: Sendable, Hashable {
        /// How many segments of each value an epoch has.
        public enum Share: Sendable, Hashable {
            /// As many as the most frequent value has: others repeat.
            case largest
            /// As many as the rarest value has: others take turns from epoch to epoch.
            case smallest
        }

        /// The label; segments without it are left out.
        public var label: String
        /// The share.
        public var share: Share

        /// Balances a label.
        public init(label: String, share: Share = .largest) {
            self.label = label
            self.share = share
        }
    }

    /// Windows of equal length out of each segment, from its start on; none lies in padding alone.
    public struct Window: Sendable, Hashable {
        /// The window's length in steps.
        public var steps: Int
        /// The distance of two starts in steps.
        public var hop: Int

        /// Windows of so many steps; by default each begins where the last ends.
        public init(steps: Int, hop: Int? = nil) {
            self.steps = steps
            self.hop = hop ?? steps
        }
    }

    /// Random changes, drawn from a hash of (seed, epoch, position in the epoch, set): equal for all views of a
    /// segment, and whatever was drawn before.
    public struct Augmentation: Sendable, Hashable {
        /// Semitones that a segment's notes move by, each equally likely; drums stay.
        ///
        /// Notes that leave 0 to 127, or a view's pitches, are gone.
        public var transposition: ClosedRange<Int>
        /// Factors that a segment's time is stretched by, their logarithm uniform.
        ///
        /// A note keeps at least one step; what leaves the end is gone, and what is missing there is silence.
        public var stretch: ClosedRange<Double>

        /// Changes; by default none.
        public init(transposition: ClosedRange<Int> = 0...0, stretch: ClosedRange<Double> = 1...1) {
            self.transposition = transposition
            self.stretch = stretch
        }
    }
}

/// Where a loader stands: everything that a run must keep to resume with the very next batch.
public struct LoaderState: Sendable, Hashable, Codable {
    /// The epoch, from 0.
    public var epoch: Int
    /// The segments (or pairs) of the epoch that were fed.
    public var position: Int

    /// A place in the order; by default the start.
    public init(epoch: Int = 0, position: Int = 0) {
        self.epoch = epoch
        self.position = position
    }
}
