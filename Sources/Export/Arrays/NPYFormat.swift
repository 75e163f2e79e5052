import Tensors

/// NumPy's array format: the header before an array's elements in an `.npy` file (NumPy enhancement
/// proposal 1, version 1.0).
enum NPYFormat {
    /// The header of an array in row-major order; its length is a multiple of 64 bytes.
    ///
    /// - Parameters:
    ///   - descriptor: the elements' type as NumPy spells it, such as `<f4`.
    ///   - shape: the lengths of the axes.
    /// - Returns: the bytes before the elements.
    static func header(_ descriptor: String, _ shape: [Int]) -> [UInt8] {
        let lengths = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(lengths)), }"
        let total = (10 + text.utf8.count + 1 + 63) / 64 * 64
        text += String(repeating: " ", count: total - 10 - text.utf8.count - 1) + "\n"
        let count = UInt16(text.utf8.count)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 0xFF), UInt8(count >> 8)]
            + Array(text.utf8)
    }

    /// An element type as NumPy spells it, little-endian.
    static func descriptor(_ type: ElementType) -> String {
        switch type {
        case .bool: "|b1"
        case .u8: "|u1"
        case .i8: "|i1"
        case .u16: "<u2"
        case .i16: "<i2"
        case .f16: "<f2"
        case .bf16: preconditionFailure("NumPy has no bfloat16")
        case .u32: "<u4"
        case .i32: "<i4"
        case .f32: "<f4"
        case .u64: "<u8"
        case .i64: "<i8"
        case .f64: "<f8"
        }
    }

    /// Texts as NumPy stores them: UTF-32, each as long as the longest, the rest zeros.
    ///
    /// - Returns: the descriptor, such as `<U12`, and the elements.
    static func texts(_ texts: [String]) -> (descriptor: String, bytes: [UInt8]) {
        let width = max(1, texts.lazy.map(\.unicodeScalars.count).max() ?? 1)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(texts.count * width * 4)
        for text in texts {
            var count = 0
            for scalar in text.unicodeScalars {
                withUnsafeBytes(of: scalar.value.littleEndian) { bytes.append(contentsOf: $0) }
                count += 1
            }
            bytes.append(contentsOf: repeatElement(0, count: (width - count) * 4))
        }
        return ("<U\(width)", bytes)
    }
}
