/// A mean and a deviation for each band of the mel spectrum.
public struct MelProfile: Sendable, Hashable {
    /// Frames counted.
    public var frames = 0
    /// [bands]: the mean of each band.
    public var mean: [Double] = []
    /// [bands]: the population's standard deviation of each band (ddof 0).
    public var deviation: [Double] = []

    /// A profile of nothing yet.
    public init() {}

    /// A profile of its parts.
    public init(frames: Int, mean: [Double], deviation: [Double]) {
        self.frames = frames
        self.mean = mean
        self.deviation = deviation
    }

    /// Adds the frames behind another profile; one with another number of bands is skipped.
    public mutating func merge(_ other: MelProfile) {
        guard other.frames > 0 else { return }
        guard frames > 0 else { return self = other }
        guard other.mean.count == mean.count else { return }
        let (a, b) = (Double(frames), Double(other.frames))
        for band in mean.indices {
            let distance = other.mean[band] - mean[band]
            let squares =
                deviation[band] * deviation[band] * a + other.deviation[band] * other.deviation[band] * b
                + distance * distance * a * b / (a + b)
            mean[band] += distance * b / (a + b)
            deviation[band] = (squares / (a + b)).squareRoot()
        }
        frames += other.frames
    }
}
