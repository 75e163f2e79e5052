import Synchronization
public import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A batch, lent by the loader: its memory is filled again once it is given back, or no longer held.
public final class LoaderBatch: Sendable {
    /// The segments (or pairs) that it holds, N; the buffers have room for `batchSize`.
    public let count: Int
    /// Where it stands: the epoch, and the segments of the epoch before it.
    public let state: LoaderState
    /// Where the loader stands after it; to be saved with what was learned from it.
    public let after: LoaderState

    private let buffer: BatchBuffer
    private let layout: BatchLayout
    private let recycle: @Sendable (BatchBuffer) -> Void
    private let isLent = Atomic<Bool>(true)

    init(
        count: Int, state: LoaderState, after: LoaderState, buffer: BatchBuffer, layout: BatchLayout,
        recycle: @escaping @Sendable (BatchBuffer) -> Void
    ) {
        self.count = count
        self.state = state
        self.after = after
        self.buffer = buffer
        self.layout = layout
        self.recycle = recycle
    }

    deinit { giveBack() }

    /// Whether the epoch ends with it.
    public var endsEpoch: Bool { after.epoch != state.epoch }

    /// The names of its views, in the order of the plan.
    public var names: [String] { layout.views.map(\.view.name) }

    /// A view's shape, N in front.
    public func shape(of name: String) -> [Int] { [count] + view(name).shape }

    /// A view's element type.
    public func elementType(of name: String) -> ElementType { view(name).type }

    /// Lends a view's elements, N segments one behind the other; the memory begins on a 64-byte boundary.
    ///
    /// - Parameters:
    ///   - name: The view.
    ///   - set: The set, by its number in the plan.
    ///   - type: The view's element type.
    ///   - body: Uses the elements. To use them after it returns, keep the batch and do not give it back.
    /// - Returns: What the body returns.
    public func withElements<Element: TensorElement, Result>(
        of name: String, set: Int = 0, as type: Element.Type = Element.self,
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        let view = view(name)
        precondition(
            view.type == Element.elementType,
            "view '\(name)' is of \(view.type.rawValue), not \(Element.elementType.rawValue)")
        return try withBytes(of: name, set: set) { try body($0.assumingMemoryBound(to: Element.self)) }
    }

    /// Lends a view's bytes; see `withElements`.
    public func withBytes<Result>(
        of name: String, set: Int = 0, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(isLent.load(ordering: .relaxed), "the batch was given back")
        let view = view(name)
        let start = buffer.base + set * layout.setBytes + view.offset
        precondition(set >= 0 && (set + 1) * layout.setBytes <= buffer.byteCount, "no set \(set)")
        return try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: start, count: count * view.stride))
        }
    }

    /// Copies a view out.
    public func tensor<Element: TensorElement>(
        _ name: String, set: Int = 0, as type: Element.Type = Element.self
    ) -> Tensor<Element> {
        withElements(of: name, set: set, as: type) {
            Tensor(shape: shape(of: name), elements: Array($0))
        }
    }

    /// Gives the memory back to the loader; the batch can't be read any more.
    public func giveBack() {
        if isLent.exchange(false, ordering: .acquiringAndReleasing) { recycle(buffer) }
    }

    private func view(_ name: String) -> PlacedView {
        guard let index = layout.byName[name] else {
            preconditionFailure("no view '\(name)'; there are \(names)")
        }
        return layout.views[index]
    }
}

/// The memory of one batch.
final class BatchBuffer: Sendable {
    private let memory: BatchMemory
    private let offset: Int
    let byteCount: Int
    var base: UnsafeMutableRawPointer { memory.base + offset }

    private init(_ memory: BatchMemory, offset: Int, byteCount: Int) {
        self.memory = memory
        self.offset = offset
        self.byteCount = byteCount
    }

    /// Buffers of a size, a multiple of 64, side by side.
    static func ring(_ count: Int, byteCount: Int) -> [BatchBuffer] {
        let memory = BatchMemory(byteCount: count * byteCount)
        return (0..<count).map { BatchBuffer(memory, offset: $0 * byteCount, byteCount: byteCount) }
    }
}

/// The memory of a ring: touched once when it is made, so that no fill meets a page fault.
private final class BatchMemory: @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    init(byteCount: Int) {
        let hugePage = 2 << 20
        base = .allocate(byteCount: max(64, byteCount), alignment: byteCount < hugePage ? 64 : hugePage)
        #if os(Linux)
            // Large pages spare the look-ups that many tensors, each written somewhere else, would cost.
            if byteCount >= hugePage { _ = madvise(base, byteCount, MADV_HUGEPAGE) }
        #endif
        base.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, byteCount))
    }

    deinit { base.deallocate() }
}
