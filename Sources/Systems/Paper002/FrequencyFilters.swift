internal import Tensors
internal import Torch

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Fixed filterbanks over the bins of a Fourier transform, as matrices [row, bin].
///
/// The weights of a row have the sum 1, so that a row is a mean.
struct FrequencyFilters {
    let rows: Int
    let bins: Int
    /// [row, bin].
    let weights: [Double]

    private init(bins: Int, _ rows: [[Double]]) {
        (self.rows, self.bins) = (rows.count, bins)
        weights = rows.flatMap { row in
            let sum = row.reduce(0, +)
            return row.map { sum > 0 ? $0 / sum : 0 }
        }
    }

    /// Triangles whose tops lie at equal distances on the mel scale of HTK, as in paper 002.
    static func mel(_ bands: Int, _ band: ClosedRange<Double>, bins: Int, width: Double) -> Self {
        func mel(_ hertz: Double) -> Double { 2595 * log10(1 + hertz / 700) }
        func hertz(_ mel: Double) -> Double { 700 * (pow(10, mel / 2595) - 1) }
        let (low, high) = (mel(band.lowerBound), mel(band.upperBound))
        let edges = (0..<(bands + 2)).map {
            hertz(low + (high - low) * Double($0) / Double(bands + 1))
        }
        return Self(
            bins: bins,
            (0..<bands).map { row in
                triangle(edges[row], edges[row + 1], edges[row + 2], bins: bins, width: width)
            })
    }

    /// Triangles whose tops lie a fixed fraction of an octave apart.
    ///
    /// No triangle is narrower than the transform's bins to either side: below some 200 Hz the rows overlap more than those
    /// of a true constant-Q transform, whose windows are longer there.
    static func constantQ(
        _ rows: Int, perOctave: Int, from lowest: Double, bins: Int, width: Double
    ) -> Self {
        Self(
            bins: bins,
            (0..<rows).map { row in
                func top(_ row: Int) -> Double { lowest * pow(2, Double(row) / Double(perOctave)) }
                return triangle(
                    min(top(row - 1), top(row) - width), top(row), max(top(row + 1), top(row) + width),
                    bins: bins, width: width)
            })
    }

    /// The twelve pitch classes from C, several times one above the other, so that B lies below a C.
    ///
    /// A bin belongs to the classes near it by a bell of a semitone, or of a bin where that is wider.
    static func chroma(tiles: Int, _ band: ClosedRange<Double>, bins: Int, width: Double) -> Self {
        let classes = (0..<12).map { pitch in
            (0..<bins).map { bin -> Double in
                let hertz = Double(bin) * width
                guard band.contains(hertz) else { return 0 }
                // In semitones above C; 261.63 Hz is one.
                let place = 12 * log2(hertz / 440) + 9 - Double(pitch)
                let distance = place - 12 * (place / 12).rounded()
                let spread = max(1, 12 * log2((hertz + width) / hertz))
                return exp(-0.5 * pow(2 * distance / spread, 2))
            }
        }
        return Self(bins: bins, (0..<tiles).flatMap { _ in classes })
    }

    /// The orthonormal cosine transform of type 2; its inverse is its transpose.
    static func cosines(_ count: Int) -> [Double] {
        (0..<count).flatMap { row in
            (0..<count).map { column in
                ((row == 0 ? 1.0 : 2.0) / Double(count)).squareRoot()
                    * cos(.pi * Double(row) * (2 * Double(column) + 1) / Double(2 * count))
            }
        }
    }

    private static func triangle(
        _ left: Double, _ top: Double, _ right: Double, bins: Int, width: Double
    ) -> [Double] {
        (0..<bins).map { bin in
            let hertz = Double(bin) * width
            return max(0, min((hertz - left) / (top - left), (right - hertz) / (right - top)))
        }
    }

    /// The matrix [rows, bins].
    func matrix(_ type: ElementType, on device: Device) throws -> TorchTensor {
        try TorchTensor(weights, shape: [rows, bins]).to(type).to(device)
    }

    /// The way back from rows to bins: each bin has the mean of the rows that it belongs to, weighted as it is there; bins
    /// of no row have 0, and `isCovered` says which have one.
    ///
    /// - Returns: [bins, rows].
    func spreading(_ type: ElementType, on device: Device) throws -> (matrix: TorchTensor, isCovered: [Bool])
    {
        var values = [Double](repeating: 0, count: bins * rows)
        var isCovered = [Bool](repeating: false, count: bins)
        for bin in 0..<bins {
            let sum = (0..<rows).reduce(0.0) { $0 + weights[$1 * bins + bin] }
            guard sum > 0 else { continue }
            isCovered[bin] = true
            for row in 0..<rows { values[bin * rows + row] = weights[row * bins + bin] / sum }
        }
        return (try TorchTensor(values, shape: [bins, rows]).to(type).to(device), isCovered)
    }
}
