internal import Audio

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Tempo and beats of an onset envelope: `librosa.beat.beat_track`.
///
/// Ellis, "Beat Tracking by Dynamic Programming", Journal of New Music Research 36 (2007): beats that lie on
/// strong onsets and near one tempo. Envelopes of medians (`OnsetEnvelope.Aggregate.median`) are what librosa
/// gives it.
public struct Beats: Sendable, Hashable {
    /// The tempo in BPM; 0 where nothing begins.
    public let tempo: Double
    /// The frames of the beats, ascending.
    public let frames: [Int]

    /// How closely beats keep to the tempo: librosa's value.
    private static let tightness = 100.0

    /// Finds the beats.
    ///
    /// - Parameters:
    ///   - envelope: Onset strengths.
    ///   - tempo: The tempo in BPM; nil: it is estimated.
    public init(of envelope: OnsetEnvelope, tempo: Double? = nil) {
        precondition(tempo.map { $0 > 0 } ?? true, "want a tempo above 0, got \(tempo ?? 0)")
        let values = envelope.values.map { Double($0) }
        guard values.contains(where: { $0 != 0 }), values.count > 1 else {
            (self.tempo, frames) = (0, [])
            return
        }
        self.tempo = tempo ?? Tempogram(of: values).tempo
        // In frames, to the nearest even one at halves.
        let period = Int((OnsetEnvelope.frameRate * 60 / self.tempo).rounded(.toNearestOrEven))
        frames = Self.track(values, period: max(1, period))
    }

    /// The times of the beats in seconds.
    public var seconds: [Double] { frames.map { OnsetEnvelope.seconds(ofFrame: $0) } }

    private static func track(_ envelope: [Double], period: Int) -> [Int] {
        let local = localScore(envelope, period: period)
        let (links, scores) = link(local, period: period)
        var beats: [Int] = []
        var place = lastBeat(scores)
        while place >= 0 {
            beats.append(place)
            place = links[place]
        }
        return trimmed(beats.reversed(), local)
    }

    /// The envelope over its standard deviation (n − 1), smoothed by a Gaussian of 1/32 of a beat.
    static func localScore(_ envelope: [Double], period: Int) -> [Double] {
        let count = envelope.count
        let mean = envelope.reduce(0, +) / Double(count)
        let squares = envelope.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let scale = 1 / ((squares / Double(count - 1)).squareRoot() + Double(Float.leastNormalMagnitude))
        let window = (-period...period).map { exp(-0.5 * pow(Double($0) * 32 / Double(period), 2)) }
        return (0..<count).map { place in
            let range = max(-period, place - count + 1)...min(period, place)
            return range.reduce(0) { $0 + window[$1 + period] * envelope[place - $1] * scale }
        }
    }

    /// Equation 4 of the paper: for each frame the best sum of scores of beats that end there, and the beat
    /// before it.
    private static func link(_ local: [Double], period: Int) -> (links: [Int], scores: [Double]) {
        let least = 0.01 * (local.max() ?? 0)
        let nearest = Int((Double(period) / 2).rounded(.toNearestOrEven))
        let penalties = (0...2 * period).map { lag in
            lag == 0 ? -Double.infinity : -tightness * pow(log(Double(lag)) - log(Double(period)), 2)
        }
        var links = [Int](repeating: -1, count: local.count)
        var scores = local
        var isBeforeFirst = true
        for place in local.indices {
            var best = (score: -Double.infinity, place: -1)
            for lag in nearest...2 * period where lag > 0 && lag <= place {
                let score = scores[place - lag] + penalties[lag]
                if score > best.score { best = (score, place - lag) }
            }
            if best.place >= 0 { scores[place] += best.score }
            // Until something begins there is no beat to count from.
            if isBeforeFirst, local[place] < least { continue }
            links[place] = best.place
            isBeforeFirst = false
        }
        return (links, scores)
    }

    /// The last local maximum of the sums that is at least half of their median.
    private static func lastBeat(_ scores: [Double]) -> Int {
        let peaks = scores.indices.filter { place in
            place > 0 && scores[place] > scores[place - 1]
                && (place + 1 == scores.count || scores[place] >= scores[place + 1])
        }
        let threshold = 0.5 * (peaks.map { scores[$0] }.median ?? 0)
        return peaks.last { scores[$0] >= threshold } ?? scores.count - 1
    }

    /// Drops weak beats at both ends: those that lie outside of the frames above half the root mean square of the
    /// smoothed beats.
    private static func trimmed(_ beats: [Int], _ local: [Double]) -> [Int] {
        let strengths = beats.map { local[$0] }
        // By 1/2, 1, 1/2; librosa's mean is over two more numbers, of which one is the slope behind the last
        // beat.
        func at(_ place: Int) -> Double { strengths.indices.contains(place) ? strengths[place] : 0 }
        let smooth = (0..<strengths.count + 2).map { at($0) + 0.5 * (at($0 - 1) + at($0 + 1)) }
        let threshold =
            0.5 * (smooth.reduce(0) { $0 + $1 * $1 } / Double(smooth.count)).squareRoot()
        guard let first = local.firstIndex(where: { $0 > threshold }),
            let last = local.lastIndex(where: { $0 > threshold })
        else { return [] }
        return beats.filter { (first...last).contains($0) }
    }
}

/// The periods of an onset envelope: the mean over frames of `librosa.feature.tempogram`, and the tempo of it.
struct Tempogram {
    /// The strength of each lag in frames, from 0, at most 1.
    let strengths: [Double]

    /// 8 seconds of frames.
    private static let length = Int(8 * OnsetEnvelope.frameRate)

    /// The autocorrelation of 8 s around each frame, over its value at lag 0, averaged.
    init(of envelope: [Double]) {
        let (length, count) = (Self.length, envelope.count)
        let half = length / 2
        // Ramps to 0 at both ends.
        var padded = [Double](repeating: 0, count: count + 2 * half)
        for place in 0..<count { padded[half + place] = envelope[place] }
        for place in 0..<half {
            let share = Double(place) / Double(half)
            padded[place] = share * envelope[0]
            padded[count + 2 * half - 1 - place] = share * envelope[count - 1]
        }
        let window = (0..<length).map { 0.5 - 0.5 * cos(2 * .pi * Double($0) / Double(length)) }
        let sum = AutocorrelationSum(length: length, lags: length)
        var frame = [Float](repeating: 0, count: length)
        for start in 0..<count {
            let cells = (0..<length).map { padded[start + $0] * window[$0] }
            let power = cells.reduce(0) { $0 + $1 * $1 }
            // As in librosa, what is too small to divide by stays as it is.
            let scale = power < Double(Float.leastNormalMagnitude) ? 1 : 1 / power.squareRoot()
            for place in 0..<length { frame[place] = Float(cells[place] * scale) }
            sum.add(frame, rows: 1, rowStride: length, stride: 1)
        }
        strengths = sum.sums.map { $0 / Double(count) }
    }

    /// The tempo in BPM, below 320: `librosa.feature.tempo`.
    ///
    /// It is that of the strongest lag, where the logarithms of tempi are weighted around 120 with a standard
    /// deviation of an octave.
    var tempo: Double {
        var best = (score: -Double.infinity, tempo: 120.0)
        for lag in 1..<strengths.count {
            let tempo = 60 * OnsetEnvelope.frameRate / Double(lag)
            guard tempo < 320 else { continue }
            let prior = -0.5 * pow(log2(tempo) - log2(120), 2)
            let score = log1p(1e6 * strengths[lag]) + prior
            if score > best.score { best = (score, tempo) }
        }
        return best.tempo
    }
}
