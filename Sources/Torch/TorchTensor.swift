internal import CTorch
public import Tensors

/// An array on a device, that autograd can differentiate: a reference to one of libtorch's.
///
/// Shapes, types and gradients follow PyTorch's rules, and so do the operations, under their PyTorch names in
/// camel case; those that cannot be found here can be composed. An instance may only be used on the Torch thread
/// (see `TorchThread`).
public final class TorchTensor {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { _ = ctorch_release(handle) }

    // MARK: What it is

    private func facts() -> ctorch_facts {
        var facts = ctorch_facts()
        do { try perform("describe") { ctorch_describe(handle, &facts, $0) } } catch {
            preconditionFailure("a tensor that cannot be described: \(error)")
        }
        return facts
    }

    /// The length of each axis, first the slowest; empty for a scalar.
    public var shape: [Int] {
        let facts = facts()
        return withUnsafeBytes(of: facts.sizes) { Array($0.bindMemory(to: Int.self).prefix(Int(facts.rank))) }
    }
    /// The number of axes.
    public var rank: Int { Int(facts().rank) }
    /// The number of elements.
    public var count: Int { facts().count }
    /// The element type.
    public var type: ElementType {
        guard let type = ElementType(facts().type) else {
            preconditionFailure("a tensor of a type that no operation here makes: \(facts().type)")
        }
        return type
    }
    /// Where it lies.
    public var device: Device { Device(number: facts().device) }
    /// Whether autograd records what is done to it.
    public var requiresGradient: Bool { facts().requires_grad }

    // MARK: Making one

    /// Copies elements that lie row by row.
    public convenience init<Element: TensorElement>(
        copying elements: UnsafeBufferPointer<Element>, shape: [Int], on device: Device = .cpu
    ) throws(TorchError) {
        precondition(
            shape.reduce(1, *) == elements.count,
            "shape \(shape) wants \(shape.reduce(1, *)) elements, got \(elements.count)")
        self.init(
            owning: try makeHandle("tensor") {
                ctorch_copy_in(
                    elements.baseAddress, Element.elementType.torchType, shape, Int32(shape.count),
                    device.number,
                    $0, $1)
            })
    }

    /// Copies the elements of an array that lie row by row.
    public convenience init<Element: TensorElement>(
        _ elements: [Element], shape: [Int], on device: Device = .cpu
    ) throws(TorchError) {
        try self.init(Tensor(shape: shape, elements: elements), on: device)
    }

    /// Copies a tensor of plain memory.
    public convenience init<Element: TensorElement>(
        _ tensor: Tensor<Element>, on device: Device = .cpu
    ) throws(TorchError) {
        self.init(
            owning: try makeHandle("tensor") { result, message in
                tensor.elements.withUnsafeBufferPointer {
                    ctorch_copy_in(
                        $0.baseAddress, Element.elementType.torchType, tensor.shape,
                        Int32(tensor.shape.count),
                        device.number, result, message)
                }
            })
    }

    /// A tensor of the processor over memory that is the caller's, without a copy.
    ///
    /// The memory must neither move nor change, nor be freed, while this tensor, a view of it, or a graph that was
    /// recorded over it, lives. Where it is aligned to 64 bytes, as libtorch's own is, results are the same bit for
    /// bit wherever it lies.
    public convenience init<Element: TensorElement>(
        borrowing memory: UnsafeMutableBufferPointer<Element>, shape: [Int]
    ) throws(TorchError) {
        precondition(
            shape.reduce(1, *) == memory.count,
            "shape \(shape) wants \(shape.reduce(1, *)) elements, got \(memory.count)")
        self.init(
            owning: try makeHandle("borrow") {
                ctorch_borrow(
                    memory.baseAddress, Element.elementType.torchType, shape, Int32(shape.count), $0, $1)
            })
    }

    /// The same value everywhere.
    public static func full(
        _ value: Double, _ shape: [Int], type: ElementType = .f32, on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try make("full") {
            ctorch_full(value, type.torchType, shape, Int32(shape.count), device.number, $0, $1)
        }
    }

    /// Zeros.
    public static func zeros(
        _ shape: [Int], type: ElementType = .f32, on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try full(0, shape, type: type, on: device)
    }

    /// Ones.
    public static func ones(
        _ shape: [Int], type: ElementType = .f32, on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try full(1, shape, type: type, on: device)
    }

    /// A scalar.
    public static func scalar(
        _ value: Double, type: ElementType = .f32, on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try full(value, [], type: type, on: device)
    }

    /// `start`, `start + step`, … up to but without `end`.
    public static func range(
        from start: Double = 0, to end: Double, step: Double = 1, type: ElementType = .i64,
        on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try make("range") { ctorch_arange(start, end, step, type.torchType, device.number, $0, $1) }
    }

    /// The same value everywhere, in this tensor's shape, type and place.
    public func fullLike(_ value: Double) throws(TorchError) -> TorchTensor {
        try make("fullLike") { ctorch_full_like(handle, value, $0, $1) }
    }

    /// A distribution to draw from.
    public enum Distribution: Sendable {
        /// Evenly from [0, 1).
        case uniform
        /// The normal distribution of mean 0 and deviation 1.
        case normal

        var kind: ctorch_distribution { self == .uniform ? CTORCH_UNIFORM : CTORCH_NORMAL }
    }

    /// Draws every element from a distribution, with the device's generator.
    public static func random(
        _ distribution: Distribution, _ shape: [Int], type: ElementType = .f32, on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try make("random") {
            ctorch_random(
                distribution.kind, type.torchType, shape, Int32(shape.count), device.number, $0, $1)
        }
    }

    /// Draws whole numbers evenly from a range, as `i64`.
    public static func random(
        in range: Range<Int>, _ shape: [Int], on device: Device = .cpu
    ) throws(TorchError) -> TorchTensor {
        try make("random") {
            ctorch_randint(
                Int64(range.lowerBound), Int64(range.upperBound), shape, Int32(shape.count), device.number,
                $0, $1)
        }
    }

    /// Draws from a distribution, in this tensor's shape, type and place.
    public func randomLike(_ distribution: Distribution) throws(TorchError) -> TorchTensor {
        try make("randomLike") { ctorch_random_like(handle, distribution.kind, $0, $1) }
    }

    /// Draws 1 with the probability that this tensor gives for each element, else 0.
    public func bernoulli() throws(TorchError) -> TorchTensor {
        try make("bernoulli") { ctorch_bernoulli(handle, $0, $1) }
    }

    // MARK: Copying out

    /// Copies all elements into memory, row by row.
    ///
    /// - Throws: `torch.operation` unless they have exactly this type and count.
    public func copy<Element: TensorElement>(
        into memory: UnsafeMutableBufferPointer<Element>
    ) throws(TorchError) {
        guard type == Element.elementType else {
            throw TorchError(
                .operation, "copy", "the tensor holds \(type.rawValue), not \(Element.elementType.rawValue)")
        }
        try perform("copy") {
            ctorch_copy_out(handle, memory.baseAddress, memory.count * MemoryLayout<Element>.stride, $0)
        }
    }

    /// Copies all elements out, row by row.
    ///
    /// - Throws: `torch.operation` unless they have this type.
    public func elements<Element: TensorElement>(
        as type: Element.Type = Element.self
    ) throws(TorchError) -> [Element] {
        let count = count
        var fault: TorchError?
        let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initialised in
            do throws(TorchError) {
                try copy(into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                initialised = count
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
        return elements
    }

    /// Copies the whole tensor into plain memory.
    ///
    /// - Throws: `torch.operation` unless it has this element type.
    public func plain<Element: TensorElement>(
        as type: Element.Type = Element.self
    ) throws(TorchError) -> Tensor<Element> {
        Tensor(shape: shape, elements: try elements())
    }

    /// The only element, as a number.
    ///
    /// - Throws: `torch.operation` unless there is exactly one.
    public func item() throws(TorchError) -> Double {
        var value = 0.0
        try perform("item") { ctorch_item(handle, &value, $0) }
        return value
    }

    // MARK: Type, place, and writing in place

    /// This tensor in another type; itself where it has that type already.
    public func to(_ type: ElementType) throws(TorchError) -> TorchTensor {
        try make("to") { ctorch_to(handle, type.torchType, facts().device, $0, $1) }
    }

    /// This tensor on another device; itself where it lies there already.
    public func to(_ device: Device) throws(TorchError) -> TorchTensor {
        try make("to") { ctorch_to(handle, facts().type, device.number, $0, $1) }
    }

    /// A copy.
    public func clone() throws(TorchError) -> TorchTensor {
        try make("clone") { ctorch_clone(handle, $0, $1) }
    }

    /// The same memory, outside autograd.
    public func detach() throws(TorchError) -> TorchTensor {
        try make("detach") { ctorch_detach(handle, $0, $1) }
    }

    /// Copies another tensor's values into this one, outside autograd; its shape must broadcast to this one's.
    public func assign(_ source: TorchTensor) throws(TorchError) {
        try perform("assign") { ctorch_assign(handle, source.handle, $0) }
    }

    /// Writes one value everywhere, outside autograd.
    public func fill(_ value: Double) throws(TorchError) {
        try perform("fill") { ctorch_fill(handle, value, $0) }
    }

    /// Draws every element evenly from a range, outside autograd.
    public func fillUniform(from low: Double, to high: Double) throws(TorchError) {
        try perform("fillUniform") { ctorch_fill_uniform(handle, low, high, $0) }
    }

    /// Draws every element from a normal distribution, outside autograd.
    public func fillNormal(mean: Double = 0, deviation: Double = 1) throws(TorchError) {
        try perform("fillNormal") { ctorch_fill_normal(handle, mean, deviation, $0) }
    }

    /// Adds another tensor, scaled, outside autograd: for optimisers.
    public func add(_ other: TorchTensor, scale: Double = 1) throws(TorchError) {
        try perform("add") { ctorch_add_scaled_in_place(handle, other.handle, scale, $0) }
    }

    /// Adds a number, outside autograd; a tensor of whole numbers takes whole ones only.
    public func add(_ number: Double) throws(TorchError) {
        try perform("add") { ctorch_add_number_in_place(handle, number, $0) }
    }

    /// Multiplies by a number, outside autograd: for optimisers.
    public func multiply(by factor: Double) throws(TorchError) {
        try perform("multiply") { ctorch_multiply_in_place(handle, factor, $0) }
    }

    /// Becomes the data of another tensor, of whatever type and device: how a module moves.
    func setData(_ source: TorchTensor) throws(TorchError) {
        try perform("setData") { ctorch_set_data(handle, source.handle, $0) }
    }
}
