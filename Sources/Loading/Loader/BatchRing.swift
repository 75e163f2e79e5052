import Foundation

/// Hands out the batches of an endless or limited number of epochs.
struct BatchCursor: Sendable {
    let epochCount: Int
    let batchSize: Int
    let dropsLast: Bool
    let epochs: Int?
    private(set) var state: LoaderState

    init(epochCount: Int, batchSize: Int, dropsLast: Bool, epochs: Int?, state: LoaderState) {
        self.epochCount = epochCount
        self.batchSize = batchSize
        self.dropsLast = dropsLast
        self.epochs = epochs
        self.state = state
        settle()
    }

    /// Goes to another place.
    mutating func seek(_ state: LoaderState) {
        self.state = state
        settle()
    }

    /// The place and the size of the next batch; nil after the last epoch.
    mutating func next() -> (state: LoaderState, count: Int, after: LoaderState)? {
        if let epochs, state.epoch >= epochs { return nil }
        let first = state
        let count = min(batchSize, epochCount - first.position)
        state.position += count
        settle()
        return (first, count, state)
    }

    /// Leaves an epoch that has no batch left.
    private mutating func settle() {
        let left = epochCount - state.position
        if left == 0 || (dropsLast && left < batchSize) { state = LoaderState(epoch: state.epoch + 1) }
    }
}

/// A ring of buffers between the threads that fill and the caller that reads.
final class BatchRing: @unchecked Sendable {
    private let layout: BatchLayout
    private let makeFiller: @Sendable () -> BatchFiller
    private let lock = NSCondition()
    // All below is guarded by `lock`.
    private var cursor: BatchCursor
    private var free: [BatchBuffer]
    /// Filled batches by their tickets.
    private var ready: [Int: LoaderBatch] = [:]
    private var dealt = 0
    private var taken = 0
    private var hasEnded = false
    private var isClosed = false
    /// Counts seeks: what was begun before the last is dropped.
    private var generation = 0
    private var last: LoaderState
    /// Tickets that are being filled.
    private var underWay = 0
    /// What ended the filling.
    private var failure: (any Error)?
    private var waited = Duration.zero
    private var begin: ContinuousClock.Instant?
    private var end: ContinuousClock.Instant?
    /// Fills in the caller's own thread, without threads.
    private let ownFiller: BatchFiller?

    init(
        _ layout: BatchLayout, _ cursor: BatchCursor, sets: Int, buffers: Int, threads: Int,
        makeFiller: @escaping @Sendable () -> BatchFiller
    ) {
        self.layout = layout
        self.cursor = cursor
        self.makeFiller = makeFiller
        last = cursor.state
        free = BatchBuffer.ring(buffers, byteCount: sets * layout.setBytes)
        ownFiller = threads == 0 ? makeFiller() : nil
        for _ in 0..<threads { Thread { self.work() }.start() }
    }

    private struct Ticket {
        let number: Int
        let generation: Int
        let batch: (state: LoaderState, count: Int, after: LoaderState)
        let buffer: BatchBuffer
    }

    /// The next batch to fill and a buffer for it; nil if there is none.
    ///
    /// The lock is held.
    private func deal() -> Ticket? {
        guard !hasEnded, failure == nil, let buffer = free.last else { return nil }
        guard let batch = cursor.next() else {
            hasEnded = true
            lock.broadcast()
            return nil
        }
        free.removeLast()
        dealt += 1
        underWay += 1
        return Ticket(number: dealt - 1, generation: generation, batch: batch, buffer: buffer)
    }

    /// Fills a ticket's buffer and puts the batch where it is looked for.
    ///
    /// The lock is held, but not while it fills.
    private func fill(_ ticket: Ticket, _ filler: BatchFiller) {
        lock.unlock()
        let result = Result {
            try filler.fill(ticket.buffer, ticket.batch.state, count: ticket.batch.count)
        }
        lock.lock()
        underWay -= 1
        let isWanted = ticket.generation == generation && !isClosed
        if isWanted, case .failure(let error) = result { failure = failure ?? error }
        if isWanted, case .success = result {
            ready[ticket.number] = LoaderBatch(
                count: ticket.batch.count, state: ticket.batch.state, after: ticket.batch.after,
                buffer: ticket.buffer, layout: layout, recycle: { self.recycle($0) })
        } else {
            free.append(ticket.buffer)
        }
        lock.broadcast()
    }

    private func work() {
        let filler = makeFiller()
        lock.lock()
        while !isClosed {
            if let ticket = deal() { fill(ticket, filler) } else { lock.wait() }
        }
        lock.unlock()
    }

    func next() throws -> LoaderBatch? {
        let start = ContinuousClock.now
        lock.lock()
        defer { lock.unlock() }
        while ready[taken] == nil, !(hasEnded && taken == dealt) {
            // What was filled before a failure is still given out.
            if let failure, underWay == 0 { throw failure }
            if let ownFiller, let ticket = deal() {
                fill(ticket, ownFiller)
            } else if !hasEnded || taken < dealt {
                precondition(
                    !free.isEmpty || taken < dealt || underWay > 0 || hasEnded,
                    "every buffer is held; give batches back, or plan more buffers")
                lock.wait()
            }
        }
        let now = ContinuousClock.now
        if begin == nil { begin = now } else { waited += now - start }
        end = now
        guard let batch = ready.removeValue(forKey: taken) else { return nil }
        taken += 1
        last = batch.after
        return batch
    }

    private func recycle(_ buffer: BatchBuffer) {
        lock.lock()
        free.append(buffer)
        lock.broadcast()
        lock.unlock()
    }

    func seek(_ state: LoaderState) {
        lock.lock()
        let dropped = ready
        ready = [:]
        generation += 1
        cursor.seek(state)
        (dealt, taken, hasEnded, failure) = (0, 0, false, nil)
        last = cursor.state
        (begin, end, waited) = (nil, nil, .zero)
        lock.broadcast()
        lock.unlock()
        withExtendedLifetime(dropped) {}
    }

    var state: LoaderState {
        lock.lock()
        defer { lock.unlock() }
        return last
    }

    var times: (waited: Duration, elapsed: Duration) {
        lock.lock()
        defer { lock.unlock() }
        guard let begin, let end else { return (.zero, .zero) }
        return (waited, end - begin)
    }

    func close() {
        lock.lock()
        isClosed = true
        let dropped = ready
        ready = [:]
        lock.broadcast()
        lock.unlock()
        withExtendedLifetime(dropped) {}
    }
}
