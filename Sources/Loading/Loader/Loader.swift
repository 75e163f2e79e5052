internal import Foundation

/// Feeds a trainer from a snapshot's shards, ahead of its steps.
///
/// Threads copy segments, or rasterise their notes, from the mapped shards straight into a ring of buffers; shards
/// never become tensors. Batches come in the order of the plan whatever the number of threads, and any place in that
/// order can be gone to at once.
public final class Loader: Sendable {
    /// The plan.
    public let plan: LoaderPlan
    /// The segments (or pairs) of an epoch.
    public let epochCount: Int
    /// The distinct examples of each set, windows counted one by one.
    public let setCounts: [Int]
    private let ring: BatchRing

    /// Opens the shards of a plan and begins to fill batches.
    ///
    /// - Parameters:
    ///   - reader: The dataset.
    ///   - plan: What to feed.
    ///   - state: Where to begin; as a batch's `after` said it.
    /// - Throws: `LoaderError` if the snapshot can't be fed so, or a shard is truncated; `BuildError` if a shard is
    ///   gone; `TensorFileError`.
    public convenience init(
        _ reader: DatasetReader, _ plan: LoaderPlan, from state: LoaderState = LoaderState()
    ) throws {
        try self.init(LoaderShards(reader, plan.split, plan.kind), reader.snapshot, plan, from: state)
    }

    /// Feeds a shard that is in memory, such as one file that was prepared for use, as those of a snapshot are fed.
    ///
    /// - Parameters:
    ///   - shard: The shard; its segments are numbered from 0.
    ///   - snapshot: The snapshot that it was prepared for.
    ///   - plan: What to feed, of the shard's kind; its split is not asked.
    /// - Throws: `LoaderError` if the shard can't be fed so; `TensorFileError`.
    public convenience init(_ shard: Shard, of snapshot: Snapshot, _ plan: LoaderPlan) throws {
        precondition(
            plan.kind == (shard.holdsNotes ? .midi : .audio), "a plan for \(plan.kind) of another shard")
        try self.init(LoaderShards(shard, of: snapshot), snapshot, plan, from: LoaderState())
    }

    private init(
        _ shards: LoaderShards, _ snapshot: Snapshot, _ plan: LoaderPlan, from state: LoaderState
    ) throws {
        precondition(plan.batchSize >= 1 && plan.buffers >= 1 && plan.threads >= 0, "sizes of at least 1")
        precondition(!plan.sets.isEmpty && !plan.views.isEmpty, "at least one set and one view")
        precondition(Set(plan.views.map(\.name)).count == plan.views.count, "names of views differ")
        precondition(plan.window.map { $0.steps >= 1 && $0.hop >= 1 } ?? true, "a window of at least 1 step")
        precondition(plan.augmentation.stretch.lowerBound > 0, "time is stretched by a positive factor")
        guard !shards.places.isEmpty else {
            throw LoaderError(
                .empty,
                "the \(plan.split.rawValue) split of \(snapshot.dataset) has no \(plan.kind.rawValue) segments"
            )
        }
        let layout = try BatchLayout(
            plan, shards.map(0), snapshot, paintsDrums: snapshot.paintsDrums)
        let selection = ItemSelection(plan: plan, shards: shards, vocabularies: snapshot.vocabularies)
        let orders = try plan.sets.enumerated().map { number, set in
            ItemOrder(
                try selection.groups(set), balance: plan.balance?.share,
                seed: Draw.hash(plan.seed, UInt64(number)), isShuffled: plan.isShuffled)
        }
        self.plan = plan
        let epochCount = orders.map(\.count).max() ?? 0
        self.epochCount = epochCount
        setCounts = orders.map { $0.groups.reduce(0) { $0 + $1.count } }
        guard !plan.dropsLast || epochCount >= plan.batchSize else {
            throw LoaderError(
                .empty,
                "an epoch of \(epochCount) has no whole batch of \(plan.batchSize); keep the last, or take smaller ones"
            )
        }
        let cursor = BatchCursor(
            epochCount: epochCount, batchSize: plan.batchSize, dropsLast: plan.dropsLast, epochs: plan.epochs,
            state: try Self.checked(state, epochCount))
        ring = BatchRing(
            layout, cursor, sets: plan.sets.count, buffers: plan.buffers, threads: plan.threads
        ) { BatchFiller(plan, layout, shards, orders) }
    }

    deinit { ring.close() }

    /// The next batch; waits for it where it isn't filled yet.
    ///
    /// For one caller at a time. Its memory is lent until it is given back or no longer held; with as many batches
    /// held as there are buffers, the call would wait for ever, and stops the program instead.
    ///
    /// - Returns: the batch; nil after the plan's last epoch.
    /// - Throws: what the first use of a shard found: `BuildError` (`build.object-corrupt`), `LoaderError`.
    public func next() throws -> LoaderBatch? { try ring.next() }

    /// Goes to another place in the order; batches filled ahead are dropped.
    ///
    /// - Throws: `loader.bad-state` if the plan's epochs have no such place.
    public func seek(_ state: LoaderState) throws {
        ring.seek(try Self.checked(state, epochCount))
    }

    /// Where the loader stands: what the last batch given out said of the place after it.
    public var state: LoaderState { ring.state }

    /// What `next` waited for, the first batch of a start or `seek` left out, and all the time since then.
    public var times: (waited: Duration, elapsed: Duration) { ring.times }

    private static func checked(_ state: LoaderState, _ epochCount: Int) throws(LoaderError) -> LoaderState {
        guard state.epoch >= 0, state.position >= 0, state.position <= epochCount else {
            throw LoaderError(
                .badState,
                "epoch \(state.epoch), position \(state.position) is outside an epoch of \(epochCount)")
        }
        return state
    }
}
