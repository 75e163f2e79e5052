internal import CTorch

/// Why an operation of libtorch, or of a layer above it, failed.
public struct TorchError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, as a stable dotted code.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The code itself, such as `torch.operation`.
        public let rawValue: String
        /// Names a code.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// libtorch refused an operation: shapes, types or devices that do not fit.
        public static let operation = Code(rawValue: "torch.operation")
        /// The machine or the device has no memory left.
        public static let outOfMemory = Code(rawValue: "torch.out-of-memory")
        /// No such device in this machine, or this libtorch has no support for it.
        public static let device = Code(rawValue: "torch.device")
        /// A file of weights or optimiser state does not fit the module.
        public static let state = Code(rawValue: "torch.state")
    }

    /// What is wrong.
    public let code: Code
    /// What was being done, such as `matmul`.
    public let operation: String
    /// libtorch's own words, or ours.
    public let message: String

    /// Describes a fault.
    public init(_ code: Code, _ operation: String, _ message: String) {
        self.code = code
        self.operation = operation
        self.message = message
    }

    /// The operation and the message.
    public var description: String { "\(operation): \(message)" }
}

/// Where libtorch's messages are copied; only the Torch thread touches it.
nonisolated(unsafe) private let messageBuffer = UnsafeMutablePointer<ctorch_message>.allocate(capacity: 1)

/// Calls one function of the boundary and turns its status into an error.
@inline(__always)
func perform(
    _ operation: StaticString, _ call: (UnsafeMutablePointer<ctorch_message>) -> Int32
) throws(TorchError) {
    TorchThread.check()
    let status = call(messageBuffer)
    if status != Int32(CTORCH_OK) { throw failure(operation, status) }
}

/// Calls a function of the boundary that yields one tensor, for the caller to own.
@inline(__always)
func makeHandle(
    _ operation: StaticString,
    _ call: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<ctorch_message>) -> Int32
) throws(TorchError) -> OpaquePointer {
    TorchThread.check()
    var handle: OpaquePointer?
    let status = call(&handle, messageBuffer)
    guard status == Int32(CTORCH_OK), let handle else { throw failure(operation, status) }
    return handle
}

/// Calls a function of the boundary that yields one tensor.
@inline(__always)
func make(
    _ operation: StaticString,
    _ call: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<ctorch_message>) -> Int32
) throws(TorchError) -> TorchTensor {
    TorchTensor(owning: try makeHandle(operation, call))
}

private func failure(_ operation: StaticString, _ status: Int32) -> TorchError {
    let text = UnsafeRawPointer(messageBuffer).assumingMemoryBound(to: CChar.self)
    return TorchError(
        status == Int32(CTORCH_OUT_OF_MEMORY) ? .outOfMemory : .operation, "\(operation)",
        String(cString: text))
}

/// The text that a successful call left in the message buffer.
func messageText() -> String {
    String(cString: UnsafeRawPointer(messageBuffer).assumingMemoryBound(to: CChar.self))
}
