internal import Audio
public import Files

/// How alike a spectrum is to itself some frames later, and some bands higher: beats and harmonics show as periods.
///
/// Of the amplitude (the root of the power), as Coleman, Penco and Porisky take it ("Artistic style transfer for music",
/// figure 4): the full autocorrelation Σ x[i]·x[i + lag] of each row, and of each column, added up over all of them and
/// divided by that at lag 0, so that no gain changes it.
public struct Autocorrelation: Sendable, Hashable {
    /// [lags]: of rows, that is of bands over time, by lag in frames, from 0.
    public internal(set) var rows: [Double] = []
    /// [lags]: of columns, that is of frames over the bands, by lag in bands, from 0.
    public internal(set) var columns: [Double] = []
    /// Frames behind it.
    var frames = 0

    /// The most lags that are kept.
    static let mostLags = 512

    /// Of nothing yet.
    public init() {}

    /// Adds another's frames.
    public mutating func merge(_ other: Autocorrelation) {
        guard other.frames > 0 else { return }
        guard frames > 0, other.rows.count == rows.count, other.columns.count == columns.count else {
            if frames == 0 { self = other }
            return
        }
        let share = Double(other.frames) / Double(frames + other.frames)
        for lag in rows.indices { rows[lag] += share * (other.rows[lag] - rows[lag]) }
        for lag in columns.indices { columns[lag] += share * (other.columns[lag] - columns[lag]) }
        frames += other.frames
    }

    /// The two lists as an object; `null` of nothing.
    public var json: JSONValue {
        guard frames > 0 else { return .null }
        return [
            "rows": .array(rows.map { .number($0) }), "columns": .array(columns.map { .number($0) }),
        ]
    }

    /// Reads what `json` gives.
    init?(json: JSONValue?, frames: Int) {
        guard let rows = json?["rows"]?.array?.compactMap(\.double),
            let columns = json?["columns"]?.array?.compactMap(\.double)
        else { return nil }
        (self.rows, self.columns, self.frames) = (rows, columns, frames)
    }
}

/// Adds up the autocorrelations of a spectrum's rows and columns, segment by segment.
struct AutocorrelationSums {
    private let bands: Int
    private let frames: Int
    private let rows: AutocorrelationSum
    private let columns: AutocorrelationSum
    private var count = 0

    init(bands: Int, frames: Int) {
        self.bands = bands
        self.frames = frames
        rows = AutocorrelationSum(length: frames, lags: min(frames, Autocorrelation.mostLags))
        columns = AutocorrelationSum(length: bands, lags: min(bands, Autocorrelation.mostLags))
    }

    /// Adds a segment of power, [bands, frames].
    mutating func add(_ power: UnsafeBufferPointer<Float>) {
        guard let base = power.baseAddress, power.count == bands * frames else { return }
        count += frames
        withUnsafeTemporaryAllocation(of: Float.self, capacity: power.count) { amplitude in
            guard let amplitudes = amplitude.baseAddress else { return }
            amplitudes.update(from: base, count: power.count)
            FeatureMath.squareRoots(amplitude)
            rows.add(amplitudes, rows: bands, rowStride: frames, stride: 1)
            columns.add(amplitudes, rows: frames, rowStride: 1, stride: frames)
        }
    }

    /// What came of it; of nothing for silence.
    var result: Autocorrelation {
        var result = Autocorrelation()
        let (rows, columns) = (rows.sums, columns.sums)
        guard let whole = rows.first, whole > 0 else { return result }
        result.frames = count
        result.rows = rows.map { Self.rounded($0 / whole) }
        result.columns = columns.map { Self.rounded($0 / whole) }
        return result
    }

    /// Six decimals are enough for a picture, and short.
    private static func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
}
