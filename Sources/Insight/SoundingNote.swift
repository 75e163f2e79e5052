/// A note as it is heard, in seconds.
public struct SoundingNote: Sendable, Hashable {
    /// The second at which it begins.
    public let start: Double
    /// How long it sounds, in seconds.
    public let duration: Double
    /// 0 to 127.
    public let pitch: Int
    /// 1 to 127.
    public let velocity: Int
    /// 0 to 127 as General MIDI numbers them; 128 is drums.
    public let program: Int
    /// Its part: a place in `SoundingMusic.parts`.
    public internal(set) var part = 0

    /// A note of a part that the music numbers.
    public init(start: Double, duration: Double, pitch: Int, velocity: Int, program: Int) {
        (self.start, self.duration, self.pitch) = (start, duration, pitch)
        (self.velocity, self.program) = (velocity, program)
    }
}
