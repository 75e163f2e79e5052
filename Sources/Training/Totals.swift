import Loading
internal import Tensors
public import Torch

/// Sums over the batches of a pass, by name.
public struct Totals {
    private var sums: [String: Double] = [:]

    /// No sum yet.
    public init() {}

    /// Adds a number to a sum.
    public mutating func add(_ name: String, _ value: Double) { sums[name, default: 0] += value }

    /// Adds all elements of a tensor to a sum, in double precision.
    public mutating func add(_ name: String, _ value: TorchTensor) throws(TorchError) {
        add(name, try value.to(.f64).sum().item())
    }

    /// A sum; 0 where nothing was added.
    public subscript(name: String) -> Double { sums[name] ?? 0 }

    /// One sum over another; NaN where there is nothing.
    public func ratio(_ name: String, _ count: String) -> Double { self[name] / self[count] }
}

extension Feed {
    /// Calls a body with every batch of an epoch, the first one.
    public func forEachBatch(_ body: (Batch) throws -> Void) throws {
        try seek(epoch: 0, batch: 0)
        for _ in 0..<batchesPerEpoch { try body(next()) }
    }
}

extension Batch {
    /// The examples whose label has a number, such as the segments of one style; nil where there is none.
    ///
    /// - Parameters:
    ///   - label: The view of the label, `i64`.
    ///   - number: The label's value.
    ///   - names: The views wanted; each has its examples along the first axis.
    /// - Returns: Copies of the views' rows.
    /// - Throws: `TorchError`.
    public func examples(
        where label: String, is number: Int64, of names: [String]
    ) throws(TorchError) -> Batch? {
        let labels = try self[label].elements(as: Int64.self)
        let own = labels.indices.filter { labels[$0] == number }.map { Int64($0) }
        guard !own.isEmpty else { return nil }
        let places = try TorchTensor(own, shape: [own.count], on: self[label].device)
        var tensors: [String: TorchTensor] = [:]
        for name in names { tensors[name] = try self[name].selected(0, at: places) }
        return Batch(count: own.count, tensors)
    }

    /// A view of one of several sets of segments that are fed side by side, from 0.
    ///
    /// - Precondition: the feed was asked for it.
    public subscript(name: String, set set: Int) -> TorchTensor { self[Self.name(name, set: set)] }

    /// The name of a view of one of several sets: `<name>`, `<name>.1`, `<name>.2`, ….
    static func name(_ name: String, set: Int) -> String { set == 0 ? name : "\(name).\(set)" }
}
