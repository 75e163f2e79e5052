/// IEEE 754 binary16: its limits, and conversions in forms that compilers turn into vector instructions.
public enum HalfFloats {
    /// The largest finite number.
    public static let greatest = 65504

    /// Converts numbers; exact, infinities and NaN too.
    public static func expand(
        _ source: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<Float>, count: Int
    ) {
        for index in 0..<count {
            let half = UInt32(source[index])
            // The exponents' biases differ by 112; a subnormal becomes normal by the multiplication itself.
            let magnitude = Float(bitPattern: (half & 0x7FFF) << 13) * 0x1p112
            let special: UInt32 = (half & 0x7C00) == 0x7C00 ? 0x7F80_0000 : 0
            target[index] = Float(bitPattern: magnitude.bitPattern | special | (half & 0x8000) << 16)
        }
    }
}
