public import Loading
internal import Tensors
public import Torch

/// A loader's batches as tensors on a device.
///
/// Views are named as in the plan; those of further sets `<name>.1`, `<name>.2`, ….
public final class LoaderFeed: Feed {
    private let loader: Loader
    private let device: Device

    /// Opens a loader.
    ///
    /// - Throws: what `Loader` throws.
    public init(_ reader: DatasetReader, _ plan: LoaderPlan, on device: Device = .cpu) throws {
        loader = try Loader(reader, plan)
        self.device = device
    }

    /// The split that the plan reads.
    public var split: Split? { loader.plan.split }

    /// How many examples an epoch has.
    var epochCount: Int { loader.epochCount }

    /// How many batches an epoch has.
    public var batchesPerEpoch: Int {
        let size = loader.plan.batchSize
        return loader.plan.dropsLast
            ? loader.epochCount / size : (loader.epochCount + size - 1) / size
    }

    /// Goes to a batch of an epoch.
    public func seek(epoch: Int, batch: Int) throws {
        let place = LoaderState(epoch: epoch, position: min(batch * loader.plan.batchSize, loader.epochCount))
        if loader.state != place { try loader.seek(place) }
    }

    /// The next batch: on the processor its tensors lie in the loader's ring, elsewhere they are copied there.
    public func next() throws -> Batch {
        guard let batch = try loader.next() else { preconditionFailure("the plan has an end") }
        var tensors: [String: TorchTensor] = [:]
        for name in batch.names {
            for set in loader.plan.sets.indices {
                tensors[Batch.name(name, set: set)] = try tensor(batch, name, set)
            }
        }
        return Batch(count: batch.count, tensors, lentBy: device == .cpu ? batch : nil)
    }

    private func tensor(_ batch: LoaderBatch, _ name: String, _ set: Int) throws -> TorchTensor {
        device == .cpu
            ? try batch.tensor(of: name, set: set, on: nil)
            : try batch.tensor(of: name, set: set, on: device)
    }
}

extension LoaderBatch {
    /// A copy of a view as a tensor on a device.
    ///
    /// - Throws: `TorchError`.
    public func tensor(copying name: String, on device: Device = .cpu) throws -> TorchTensor {
        try tensor(of: name, set: 0, on: device)
    }

    /// A copy of a view on a device; nil: the view itself, where it lies in the ring.
    fileprivate func tensor(of name: String, set: Int, on device: Device?) throws -> TorchTensor {
        func make<Element: TensorElement>(_ type: Element.Type) throws -> TorchTensor {
            let shape = shape(of: name)
            return try withElements(of: name, set: set, as: type) { elements in
                guard let device else {
                    return try TorchTensor(
                        borrowing: UnsafeMutableBufferPointer(mutating: elements), shape: shape)
                }
                return try TorchTensor(copying: elements, shape: shape, on: device)
            }
        }
        switch elementType(of: name) {
        case .u8: return try make(UInt8.self)
        case .i64: return try make(Int64.self)
        default: return try make(Float.self)
        }
    }
}
