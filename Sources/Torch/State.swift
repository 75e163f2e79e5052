internal import CTorch
public import Tensors

/// Tensors as files know them: safetensors, by PyTorch's names.
extension Module {
    /// All parameters and buffers, copied into plain memory, to be written with `TensorFile`.
    ///
    /// `torch.nn.Module.load_state_dict` takes the file as it is.
    public func state() throws(TorchError) -> [NamedTensor] {
        try copies(of: parameters + buffers)
    }

    /// Copies parameters and buffers from a file.
    ///
    /// - Parameters:
    ///   - file: Holds each of them by name and shape; the element type may differ.
    ///   - prefix: Precedes the names in the file; tensors without it are skipped.
    /// - Throws: `torch.state` when a tensor is missing, has another shape, or is not this module's; nothing is
    ///   changed then.
    public func load(_ file: TensorFile, prefix: String = "") throws(TorchError) {
        try replace(parameters + buffers, from: file, prefix: prefix)
    }
}

extension Optimiser {
    /// The optimiser's own tensors by the names of the parameters, such as `conv1.weight.exp_avg`.
    public func state() throws(TorchError) -> [NamedTensor] {
        try copies(of: stateTensors)
    }

    /// Copies the state from a file that holds it under `prefix`.
    ///
    /// - Throws: `torch.state` when a tensor is missing, has another shape, or is not this optimiser's.
    public func load(_ file: TensorFile, prefix: String = "") throws(TorchError) {
        try replace(stateTensors, from: file, prefix: prefix)
    }
}

extension TorchTensor {
    /// Copies a tensor of a file, whatever its element type.
    ///
    /// - Throws: `torch.state` when there is none of that name.
    public convenience init(
        reading name: String, from file: TensorFile, on device: Device = .cpu
    ) throws(TorchError) {
        let outcome: Result<OpaquePointer, TorchError>
        do {
            let entry = try file.entry(name)
            outcome = try file.withBytes(of: name) { bytes in
                Result { () throws(TorchError) in
                    try makeHandle("read") {
                        ctorch_copy_in(
                            bytes.baseAddress, entry.type.torchType, entry.shape, Int32(entry.shape.count),
                            device.number, $0, $1)
                    }
                }
            }
        } catch {
            throw TorchError(.state, "read", "\(error)")
        }
        self.init(owning: try outcome.get())
    }

    /// This tensor in plain memory, with a name; `bool` becomes `u8`.
    ///
    /// - Throws: `torch.operation` for `bf16`, which Swift has no type for.
    public func named(_ name: String) throws(TorchError) -> NamedTensor {
        switch type {
        case .u8: NamedTensor(name, try plain(as: UInt8.self))
        case .i8: NamedTensor(name, try plain(as: Int8.self))
        case .u16: NamedTensor(name, try plain(as: UInt16.self))
        case .i16: NamedTensor(name, try plain(as: Int16.self))
        case .u32: NamedTensor(name, try plain(as: UInt32.self))
        case .i32: NamedTensor(name, try plain(as: Int32.self))
        case .u64: NamedTensor(name, try plain(as: UInt64.self))
        case .i64: NamedTensor(name, try plain(as: Int64.self))
        case .f16: NamedTensor(name, try plain(as: Float16.self))
        case .f32: NamedTensor(name, try plain(as: Float.self))
        case .f64: NamedTensor(name, try plain(as: Double.self))
        case .bool: NamedTensor(name, try to(.u8).plain(as: UInt8.self))
        case .bf16: throw TorchError(.operation, "named", "bf16 has no Swift type; convert it first")
        }
    }
}

func copies(of items: [NamedParameter]) throws(TorchError) -> [NamedTensor] {
    var tensors: [NamedTensor] = []
    for item in items { tensors.append(try item.tensor.named(item.name)) }
    return tensors
}

private func replace(_ items: [NamedParameter], from file: TensorFile, prefix: String) throws(TorchError) {
    var faults: [String] = []
    for item in items {
        switch file.entries[prefix + item.name] {
        case nil: faults.append("'\(prefix + item.name)' is missing")
        case let entry? where entry.shape != item.tensor.shape:
            faults.append("'\(prefix + item.name)' is \(entry.shape) in the file, \(item.tensor.shape) here")
        default: break
        }
    }
    let known = Set(items.map { prefix + $0.name })
    let strangers = file.entries.keys.filter { $0.hasPrefix(prefix) && !known.contains($0) }.sorted()
    faults += strangers.map { "'\($0)' is in the file and not here" }
    guard faults.isEmpty else { throw TorchError(.state, "load", faults.joined(separator: "; ")) }
    for item in items { try item.tensor.assign(TorchTensor(reading: prefix + item.name, from: file)) }
}
