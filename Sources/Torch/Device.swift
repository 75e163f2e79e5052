internal import CTorch
internal import Tensors

/// Where a tensor lies and is computed.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    /// The processor.
    case cpu
    /// The graphics card of this number, from 0.
    case cuda(Int)

    /// Reads `cpu`, `cuda` or `cuda:N`.
    ///
    /// - Throws: `torch.device` for any other name, or where libtorch sees no such device.
    public init(_ name: String) throws(TorchError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first.map(String.init), parts.count) {
        case ("cpu", 1): self = .cpu
        case ("cuda", 1): self = .cuda(0)
        case ("cuda", 2):
            guard let index = Int(parts[1]), index >= 0 else { fallthrough }
            self = .cuda(index)
        default:
            throw TorchError(.device, "device", "'\(name)' is no device; there are cpu and cuda:N")
        }
        if case .cuda(let index) = self {
            let count = try TorchRuntime.cudaDeviceCount()
            guard index < count else {
                throw TorchError(.device, "device", "no \(name): libtorch sees \(count) CUDA devices")
            }
        }
    }

    /// `cpu` or `cuda:N`.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    var number: ctorch_device {
        switch self {
        case .cpu: -1
        case .cuda(let index): ctorch_device(index)
        }
    }

    init(number: ctorch_device) { self = number < 0 ? .cpu : .cuda(Int(number)) }
}

extension ElementType {
    var torchType: ctorch_type {
        switch self {
        case .bool: CTORCH_BOOL
        case .u8: CTORCH_U8
        case .i8: CTORCH_I8
        case .u16: CTORCH_U16
        case .i16: CTORCH_I16
        case .f16: CTORCH_F16
        case .bf16: CTORCH_BF16
        case .u32: CTORCH_U32
        case .i32: CTORCH_I32
        case .f32: CTORCH_F32
        case .u64: CTORCH_U64
        case .i64: CTORCH_I64
        case .f64: CTORCH_F64
        }
    }

    init?(_ type: ctorch_type) {
        guard let match = Self.allCases.first(where: { $0.torchType == type }) else { return nil }
        self = match
    }
}

/// The library as a whole.
public enum TorchRuntime {
    /// The version of libtorch, such as `2.13.0`.
    public static func version() throws(TorchError) -> String {
        try perform("version") { ctorch_version($0) }
        return messageText()
    }

    /// The vector instructions that libtorch's own kernels use: `DEFAULT`, `AVX2`, `AVX512` or another.
    ///
    /// The CPU decides, or the variable `ATEN_CPU_CAPABILITY`. Results depend on it in their last bits.
    public static func processorCapability() throws(TorchError) -> String {
        try perform("processorCapability") { ctorch_cpu_capability($0) }
        return messageText()
    }

    /// How many threads one operation may use.
    public static func threadCount() -> Int {
        var count: Int32 = 0
        _ = ctorch_thread_count(&count)
        return Int(count)
    }

    /// Sets how many threads one operation may use; results may depend on it in their last bits.
    ///
    /// - Throws: `torch.operation` unless the count is positive.
    public static func setThreadCount(_ count: Int) throws(TorchError) {
        try perform("setThreadCount") { ctorch_set_thread_count(Int32(clamping: count), $0) }
    }

    /// How many CUDA devices libtorch sees; 0 without support for them.
    public static func cudaDeviceCount() throws(TorchError) -> Int {
        var count: Int32 = 0
        try perform("cudaDeviceCount") { ctorch_cuda_device_count(&count, $0) }
        return Int(count)
    }

    /// Waits until a device has done all its work; does nothing for the processor.
    public static func synchronise(_ device: Device) throws(TorchError) {
        try perform("synchronise") { ctorch_synchronize(device.number, $0) }
    }

    /// Makes every library below use algorithms that give the same bits in every run, as
    /// `torch.use_deterministic_algorithms` does together with cuDNN's and cuBLAS's own switches.
    ///
    /// An operation that has no such algorithm (CUDA has some) throws `torch.operation`. Set it before the first use
    /// of a CUDA device: cuBLAS looks only then.
    public static func setDeterministic(_ deterministic: Bool) throws(TorchError) {
        try perform("setDeterministic") { ctorch_set_deterministic(deterministic, $0) }
    }

    /// Whether `setDeterministic(true)` is in force.
    public static func isDeterministic() throws(TorchError) -> Bool {
        var deterministic = false
        try perform("isDeterministic") { ctorch_is_deterministic(&deterministic, $0) }
        return deterministic
    }
}

/// The generator behind dropout, `random` and the initialisers: one a device.
public enum RandomGenerator {
    /// Seeds the generators of all devices, as `torch.manual_seed` does.
    public static func seed(_ seed: UInt64) throws(TorchError) {
        try perform("seed") { ctorch_manual_seed(seed, $0) }
    }

    /// Runs a body from a seed, and puts the generators of the processor and of a device back: what follows draws as if
    /// it had not run.
    ///
    /// - Throws: `TorchError`, and what the body throws.
    public static func seeded<Outcome>(
        _ seed: UInt64, restoring device: Device = .cpu, _ body: () throws -> Outcome
    ) throws -> Outcome {
        // A seed is that of all devices.
        let states = try Set([.cpu, device]).map { ($0, try state(of: $0)) }
        try self.seed(seed)
        let outcome = Result { try body() }
        for (device, state) in states { try setState(state, of: device) }
        return try outcome.get()
    }

    /// The generator's whole state, to be put back later on the same kind of device.
    public static func state(of device: Device = .cpu) throws(TorchError) -> [UInt8] {
        try make("generator state") { ctorch_generator_state(device.number, $0, $1) }.elements()
    }

    /// Puts a state back, so that the same numbers follow.
    ///
    /// - Throws: `torch.operation` when the bytes are no such state.
    public static func setState(_ state: [UInt8], of device: Device = .cpu) throws(TorchError) {
        let bytes = try TorchTensor(state, shape: [state.count])
        try perform("generator state") { ctorch_set_generator_state(device.number, bytes.handle, $0) }
    }
}
