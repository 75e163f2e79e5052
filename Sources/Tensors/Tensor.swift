/// An element type of safetensors, by its name in the file.
public enum ElementType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case u16 = "U16"
    case i16 = "I16"
    case f16 = "F16"
    case bf16 = "BF16"
    case u32 = "U32"
    case i32 = "I32"
    case f32 = "F32"
    case u64 = "U64"
    case i64 = "I64"
    case f64 = "F64"

    /// The size of one element in bytes, which is its alignment too.
    public var byteCount: Int {
        switch self {
        case .bool, .u8, .i8: 1
        case .u16, .i16, .f16, .bf16: 2
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64: 8
        }
    }
}

/// A Swift type that is stored, little-endian, as one element of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The name the element has in a file.
    static var elementType: ElementType { get }
}

extension UInt8: TensorElement {
    /// `U8`.
    public static var elementType: ElementType { .u8 }
}
extension Int8: TensorElement {
    /// `I8`.
    public static var elementType: ElementType { .i8 }
}
extension UInt16: TensorElement {
    /// `U16`.
    public static var elementType: ElementType { .u16 }
}
extension Int16: TensorElement {
    /// `I16`.
    public static var elementType: ElementType { .i16 }
}
extension UInt32: TensorElement {
    /// `U32`.
    public static var elementType: ElementType { .u32 }
}
extension Int32: TensorElement {
    /// `I32`.
    public static var elementType: ElementType { .i32 }
}
extension UInt64: TensorElement {
    /// `U64`.
    public static var elementType: ElementType { .u64 }
}
extension Int64: TensorElement {
    /// `I64`.
    public static var elementType: ElementType { .i64 }
}
extension Float16: TensorElement {
    /// `F16`.
    public static var elementType: ElementType { .f16 }
}
extension Float: TensorElement {
    /// `F32`.
    public static var elementType: ElementType { .f32 }
}
extension Double: TensorElement {
    /// `F64`.
    public static var elementType: ElementType { .f64 }
}

/// A dense array in row-major order: the last axis is contiguous.
public struct Tensor<Element: TensorElement>: Sendable {
    /// The length of each axis, first the slowest; empty for a scalar.
    public let shape: [Int]
    /// All elements, row by row; as many as the product of `shape`.
    public var elements: [Element]

    /// Wraps elements that are in row-major order already.
    public init(shape: [Int], elements: [Element]) {
        let count = shape.reduce(1, *)
        precondition(
            count == elements.count, "shape \(shape) wants \(count) elements, got \(elements.count)")
        self.shape = shape
        self.elements = elements
    }

    /// A tensor with one value everywhere.
    public init(repeating value: Element, shape: [Int]) {
        self.init(shape: shape, elements: Array(repeating: value, count: shape.reduce(1, *)))
    }
}

extension Tensor: Equatable where Element: Equatable {}
