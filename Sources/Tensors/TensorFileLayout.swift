/// The plan of a safetensors file: where each tensor will lie, and the bytes that are before them.
///
/// Tensors lie without gaps, those of the largest elements first, then by name, so that each is aligned to its
/// element; the header is padded with spaces so that the data begins on a 64-byte boundary. A file is written
/// front to back: `header`, then each of `order`.
public struct TensorFileLayout: Sendable {
    /// A tensor to be written.
    public struct Item: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// Its element type.
        public let type: ElementType
        /// The length of each axis.
        public let shape: [Int]
        /// The size of all its elements.
        public var byteCount: Int { shape.reduce(type.byteCount, *) }

        /// Names a tensor to be written.
        public init(_ name: String, _ type: ElementType, _ shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }
    }

    /// The tensors as they follow each other in the file.
    public let order: [Item]
    /// The length field and the padded header: a multiple of 64 bytes.
    public let header: [UInt8]
    /// The size of the whole file in bytes.
    public let byteCount: Int

    /// Plans a file.
    ///
    /// - Parameters:
    ///   - items: The tensors in any order; names must differ.
    ///   - metadata: Strings for `__metadata__`, written in the order of their keys.
    ///   - headerByteCount: Pads the header to at least this many bytes, so that it can be rewritten in place.
    public init(_ items: [Item], metadata: [String: String] = [:], headerByteCount: Int = 0) {
        self.init(
            inOrder: items.sorted(by: Self.precedes), metadata: metadata, headerByteCount: headerByteCount)
    }

    fileprivate static func precedes(_ left: Item, _ right: Item) -> Bool {
        (right.type.byteCount, left.name) < (left.type.byteCount, right.name)
    }

    /// Plans a file whose tensors lie in a given order, for a first tensor that is written before its length is known.
    ///
    /// - Precondition: names differ, and each tensor begins on a multiple of its element's size.
    public init(inOrder order: [Item], metadata: [String: String] = [:], headerByteCount: Int = 0) {
        precondition(
            Set(order.map(\.name)).count == order.count, "tensor names must differ: \(order.map(\.name))")
        self.order = order
        var json: [UInt8] = []
        json.reserveCapacity(max(headerByteCount, 64 + 96 * order.count))
        json.append(UInt8(ascii: "{"))
        if !metadata.isEmpty {
            json += "\"__metadata__\":{".utf8
            for (index, (key, value)) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                json.append(quoted: key)
                json.append(UInt8(ascii: ":"))
                json.append(quoted: value)
            }
            json.append(UInt8(ascii: "}"))
        }
        var end = 0
        for item in order {
            let start = end
            precondition(
                start % item.type.byteCount == 0, "'\(item.name)' would begin at byte \(start), unaligned")
            end += item.byteCount
            if json.count > 1 { json.append(UInt8(ascii: ",")) }
            json.append(quoted: item.name)
            json += ":{\"dtype\":\"".utf8
            json += item.type.rawValue.utf8
            json += "\",\"shape\":[".utf8
            json.append(numbers: item.shape)
            json += "],\"data_offsets\":[".utf8
            json.append(numbers: [start, end])
            json += "]}".utf8
        }
        json.append(UInt8(ascii: "}"))
        let padded = (max(8 + json.count, headerByteCount) + 63) / 64 * 64
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padded - 8 - json.count))
        header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
        byteCount = header.count + end
    }
}

/// One tensor to be encoded, with its elements.
public struct NamedTensor: Sendable {
    /// Name, element type and shape.
    public let item: TensorFileLayout.Item
    let appendBytes: @Sendable (inout [UInt8]) -> Void

    /// Pairs a name with a tensor.
    public init<Element: TensorElement>(_ name: String, _ tensor: Tensor<Element>) {
        item = TensorFileLayout.Item(name, Element.elementType, tensor.shape)
        appendBytes = { bytes in tensor.elements.withUnsafeBytes { bytes.append(contentsOf: $0) } }
    }

    /// A one-dimensional tensor of these elements.
    public init<Element: TensorElement>(_ name: String, _ elements: [Element]) {
        self.init(name, Tensor(shape: [elements.count], elements: elements))
    }
}

extension TensorFile {
    /// Encodes a small file in memory, in the layout that `TensorFileLayout` plans.
    public static func encode(_ tensors: [NamedTensor], metadata: [String: String] = [:]) -> [UInt8] {
        let order = tensors.indices.sorted {
            TensorFileLayout.precedes(tensors[$0].item, tensors[$1].item)
        }
        let layout = TensorFileLayout(inOrder: order.map { tensors[$0].item }, metadata: metadata)
        var bytes = layout.header
        bytes.reserveCapacity(layout.byteCount)
        for index in order { tensors[index].appendBytes(&bytes) }
        return bytes
    }
}

extension [UInt8] {
    /// Adds a JSON string with the escapes that JSON demands.
    fileprivate mutating func append(quoted string: String) {
        append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case ..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                self += "\\u00".utf8
                append(digits[Int(byte >> 4)])
                append(digits[Int(byte & 15)])
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// Adds numbers with commas between them.
    fileprivate mutating func append(numbers: [Int]) {
        for (index, number) in numbers.enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            self += String(number).utf8
        }
    }
}
