#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Six numbers of one segment at unity gain, over its true length: padding counts in none of them.
///
/// A frame here is a frame of the segment's STFT. The frames of the true length of L samples are those that
/// `librosa.stft` gives for L samples alone: 1 + L/hop if frames are centred, else 1 + (L − n_fft)/hop, at least 1, and
/// never more than the segment has. All numbers are finite; digital silence has a loudness of −100 dBFS, a silence of 1
/// and 0 elsewhere.
public struct SegmentNumbers: Sendable, Hashable {
    /// Root mean square of the samples in dBFS, at least −100, the floor of `librosa.power_to_db`.
    ///
    /// Of the samples, not of frames: the powers of segments then add up to the file's `rms`.
    public var loudness: Float
    /// The share of frames, 0 to 1, whose samples have a root mean square below −70 dBFS, the level of a silent file.
    public var silence: Float
    /// The mean over frames of the crossings of zero between two samples, per sample of the frame: 0 to 1.
    ///
    /// A sample is negative below −1e-10, as in `librosa.zero_crossings`.
    public var zeroCrossings: Float
    /// What the spectrum says; nil if no spectral feature is computed.
    public var spectrum: Spectrum?

    /// Numbers of the magnitudes |X| of the STFT.
    public struct Spectrum: Sendable, Hashable {
        /// The mean over frames of Σ f·|X| / Σ |X| in Hz (`librosa.feature.spectral_centroid`); 0 for a frame of zeros.
        public var centroid: Float
        /// The mean over frames of the lowest frequency in Hz up to which lie 85 % of Σ |X|
        /// (`librosa.feature.spectral_rolloff`); 0 for a frame of zeros.
        public var rolloff: Float
        /// The mean over frames but the first of √Σ max(0, |X[t]| − |X[t−1]|)²; 0 for a single frame.
        ///
        /// It is the rise of the magnitudes since the frame before, and follows gain with degree 1.
        public var flux: Float
    }
}

/// What the samples of a segment say: level, silence and crossings of zero, in memory that is set aside once.
///
/// The frames' borders divide the samples into stretches, each looked at once: of hop samples, those from a frame's start
/// to another's end, and the rest.
struct SampleMeter {
    private let frameLength: Int
    private let hop: Int
    private let padLeft: Int
    private let frameCount: Int
    /// Whole hops in a frame.
    private let hopsPerFrame: Int
    private var squares: [Double]
    private var crossings: [Int]

    /// Mean squares below this are silence: −70 dBFS.
    private static let silentPower = 1e-7
    /// The least mean square that a level is given for: −100 dBFS.
    private static let leastPower = 1e-10

    init(_ parameters: AudioParameters) {
        frameLength = parameters.stft.nFFT
        hop = parameters.stft.hopLength
        padLeft = parameters.stft.center ? parameters.stft.nFFT / 2 : 0
        frameCount = parameters.frameCount
        hopsPerFrame = frameLength / hop
        let stretches = 2 * (max(1, frameCount) + hopsPerFrame)
        squares = Array(repeating: 0, count: stretches)
        crossings = Array(repeating: 0, count: stretches)
    }

    /// The frames of a segment's first `length` samples.
    func frames(ofLength length: Int) -> Int {
        let whole = padLeft > 0 ? length / hop : max(0, length - frameLength) / hop
        return min(1 + whole, max(1, frameCount))
    }

    mutating func measure(_ samples: UnsafePointer<Float>, length: Int) -> SegmentNumbers {
        let frames = frames(ofLength: length)
        let rest = frameLength - hopsPerFrame * hop
        for stretch in 0..<2 * (frames + hopsPerFrame) {
            // In samples from where the first frame begins.
            let start = stretch / 2 * hop + (stretch % 2 == 0 ? 0 : rest)
            let end = stretch % 2 == 0 ? start + rest : (stretch / 2 + 1) * hop
            let range = clipped(start, min(end, (frames - 1) * hop + frameLength), length)
            squares[stretch] = sumOfSquares(samples + range.lowerBound, count: range.count)
            crossings[stretch] = crossingsOfZero(samples, range)
        }
        var (silent, rate) = (0, 0.0)
        for frame in 0..<frames {
            let range = clipped(frame * hop, frame * hop + frameLength, length)
            guard !range.isEmpty else { continue }
            var (power, count) = (0.0, 0)
            for stretch in 2 * frame...2 * (frame + hopsPerFrame) {
                power += squares[stretch]
                count += crossings[stretch]
            }
            // The step from the sample before a frame to its first is not in the frame.
            count -= crossingsOfZero(samples, range.lowerBound..<range.lowerBound + 1)
            if power < Self.silentPower * Double(range.count) { silent += 1 }
            rate += Double(count) / Double(range.count)
        }
        // The stretches end with the last frame; what is left of the samples counts in the level alone.
        let left = clipped((frames - 1) * hop + frameLength, .max, length)
        let power =
            squares[..<(2 * (frames + hopsPerFrame))].reduce(
                sumOfSquares(samples + left.lowerBound, count: left.count), +) / Double(max(1, length))
        return SegmentNumbers(
            loudness: Float(10 * log10(max(power, Self.leastPower))),
            silence: Float(Double(silent) / Double(frames)), zeroCrossings: Float(rate / Double(frames)),
            spectrum: nil)
    }

    /// A stretch from where the first frame begins, as those of the segment's samples that it holds.
    private func clipped(_ start: Int, _ end: Int, _ length: Int) -> Range<Int> {
        let first = min(max(start - padLeft, 0), length)
        return first..<max(first, min(end - padLeft, length))
    }

    /// How many samples of a range lie on the other side of zero than the sample before them.
    private func crossingsOfZero(_ samples: UnsafePointer<Float>, _ range: Range<Int>) -> Int {
        let limit: Float = -1e-10
        var i = max(range.lowerBound, 1)
        var counts = SIMD8<Int32>.zero
        while i + 8 <= range.upperBound {
            let (before, here) = ((samples + i - 1).eight .< limit, (samples + i).eight .< limit)
            counts &+= SIMD8<Int32>.zero.replacing(with: 1, where: before .^ here)
            i += 8
        }
        var count = Int(counts.wrappedSum())
        while i < range.upperBound {
            if (samples[i - 1] < limit) != (samples[i] < limit) { count += 1 }
            i += 1
        }
        return count
    }
}

/// What the magnitudes of a segment's frames say, frame by frame, in memory that is set aside once.
struct SpectrumMeter {
    private let binCount: Int
    private let binWidth: Double
    /// The magnitudes of a frame, and of the frame before.
    private var here: FloatBuffer
    private var last: FloatBuffer
    /// The sum of the magnitudes up to the end of each block of 32 bins.
    private let sums: FloatBuffer
    private var totals = (frames: 0, centroid: 0.0, rolloff: 0.0, flux: 0.0)

    private static let blockLength = 32

    init(_ parameters: AudioParameters) {
        binCount = parameters.binCount
        binWidth = Double(parameters.sampleRate) / Double(parameters.stft.nFFT)
        here = FloatBuffer(count: binCount + Self.blockLength)
        last = FloatBuffer(count: binCount + Self.blockLength)
        sums = FloatBuffer(count: binCount / Self.blockLength + 1)
    }

    /// Forgets the frames of the segment before.
    mutating func begin() { totals = (0, 0, 0, 0) }

    /// Takes the powers of the next frame; seven zeros follow them.
    mutating func add(_ powers: UnsafePointer<Float>) {
        swap(&here, &last)
        var (moment, rise) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        var bins = SIMD8<Float>(0, 1, 2, 3, 4, 5, 6, 7)
        var total: Float = 0
        var bin = 0
        while bin < binCount {
            var sum = SIMD8<Float>.zero
            for first in stride(from: bin, to: min(bin + Self.blockLength, binCount), by: 8) {
                let magnitudes = (powers + first).eight.roots
                (here.pointer + first).eight = magnitudes
                sum += magnitudes
                moment += magnitudes * bins
                bins += 8
                let step = magnitudes - (last.pointer + first).eight
                let risen = step.replacing(with: 0, where: step .< 0)
                rise += risen * risen
            }
            total += sum.sum()
            sums.pointer[bin / Self.blockLength] = total
            bin += Self.blockLength
        }
        if total >= .leastNormalMagnitude {
            totals.centroid += Double(moment.sum()) / Double(total) * binWidth
            totals.rolloff += Double(binReaching(total * 0.85)) * binWidth
        }
        if totals.frames > 0 { totals.flux += Double(rise.sum()).squareRoot() }
        totals.frames += 1
    }

    /// The first bin up to which the magnitudes add up to a part of their sum.
    private func binReaching(_ part: Float) -> Int {
        var block = 0
        while sums.pointer[block] < part { block += 1 }
        var sum = block > 0 ? sums.pointer[block - 1] : 0
        let start = block * Self.blockLength
        let end = min(start + Self.blockLength, binCount) - 1
        for bin in start..<end {
            sum += here.pointer[bin]
            if sum >= part { return bin }
        }
        return end
    }

    /// The means over the frames of the segment; there is one at least.
    var means: SegmentNumbers.Spectrum {
        let frames = Double(totals.frames)
        return SegmentNumbers.Spectrum(
            centroid: Float(totals.centroid / frames), rolloff: Float(totals.rolloff / frames),
            flux: Float(totals.frames > 1 ? totals.flux / (frames - 1) : 0))
    }
}
