internal import Audio

/// How strong each pitch class is in each frame of a sound: `librosa.feature.chroma_stft` with tuning 0.
///
/// Frames of 2048 samples at 22,050 Hz, 512 apart, a Hann window, zeros beyond the ends; powers through
/// `librosa.filters.chroma` (C first); each frame is divided by its maximum, so that only the shape of a frame
/// counts. A frame of digital silence is 0.
public struct Chromagram: Sendable, Hashable {
    /// [12, frames], 0 to 1, C first.
    public let values: [Float]
    /// Frames.
    public let frames: Int
    /// Frames per second.
    public static let frameRate = Double(Sound.standardRate) / Double(hop)

    private static let hop = 512

    /// Computes it, at 22,050 Hz.
    ///
    /// - Throws: `sound.too-short` for no samples; `AudioError` if the sound cannot be resampled.
    public init(of sound: Sound) throws {
        values = try sound.resampled(to: Sound.standardRate)
            .feature(.chroma, STFTParameters(nFFT: 2048, hopLength: Self.hop))
        frames = values.count / 12
    }

    /// Values [12, frames], row by row.
    public init(values: [Float]) {
        precondition(values.count % 12 == 0, "\(values.count) values do not fall into 12 rows")
        self.values = values
        frames = values.count / 12
    }

    /// The twelve values of a frame.
    public func frame(_ number: Int) -> [Double] { (0..<12).map { Double(values[$0 * frames + number]) } }

    /// How alike two sounds' harmonies are at the same instants: the mean cosine of their columns, 0 to 1.
    ///
    /// A column is the mean of `window` frames, `step` frames apart; only whole windows count, or the one that
    /// there is. Columns in which neither sounds are left out; one in which only one sounds, such as behind the
    /// end of the shorter sound, counts 0. As for notes (Cífka, Şimşekli and Richard, ISMIR 2019, section 5.1),
    /// with frames for beats.
    ///
    /// - Parameters:
    ///   - other: The other sound; tempo and beginning must be the same.
    ///   - window: Frames of a column; by default 43, which is 1 s.
    ///   - step: Frames from column to column; by default half of that.
    /// - Returns: nil if neither sounds.
    public func similarity(to other: Chromagram, window: Int = 43, step: Int = 21) -> Double? {
        precondition(window > 0 && step > 0, "want a window and a step above 0, got \(window) and \(step)")
        let count = max(frames, other.frames)
        let starts = stride(from: 0, through: max(0, count - window), by: step)
        return ChromaSimilarity.meanCosine(
            starts.lazy.map { (sum($0, window), other.sum($0, window)) })
    }

    /// The sum of frames, silent behind the end: a cosine does not ask for their number.
    private func sum(_ start: Int, _ window: Int) -> [Double] {
        let range = min(start, frames)..<min(start + window, frames)
        return (0..<12).map { row in range.reduce(0) { $0 + Double(values[row * frames + $1]) } }
    }
}
