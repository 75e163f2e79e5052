internal import Audio

/// What the last bits of float stages depend on beside their inputs.
public enum Numerics {
    /// Architecture, SIMD class and the versions of the numeric libraries.
    public static let tag = AudioLibraries.tag
}
