import Audio

/// What the last bits of float stages depend on beside their inputs.
enum Numerics {
    /// Architecture, SIMD class and the versions of the numeric libraries.
    static let tag = AudioLibraries.tag
}
