#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Filters over frequency bins, each stored from its first to its last bin that is not zero.
struct FilterBank {
    let rowCount: Int
    private let starts: [Int]
    private let ends: [Int]
    private let offsets: [Int]
    private let weights: FloatBuffer

    private init(rows: [[Float]]) {
        rowCount = rows.count
        var (starts, ends, offsets, weights) = ([Int](), [Int](), [Int](), [Float]())
        for row in rows {
            let first = row.firstIndex { $0 != 0 } ?? 0
            let end = (row.lastIndex { $0 != 0 } ?? -1) + 1
            offsets.append(weights.count - first)
            starts.append(first)
            ends.append(max(first, end))
            weights += row[first..<max(first, end)]
        }
        self.starts = starts
        self.ends = ends
        self.offsets = offsets
        self.weights = FloatBuffer(weights)
    }

    /// Whether all weights of a row are zero.
    func isEmpty(row: Int) -> Bool { starts[row] == ends[row] }

    /// The weighted sum of one row over bins that hold eight frames each: bin k at `bins + 8 * k`.
    @inline(__always)
    func sum(row: Int, _ bins: UnsafePointer<Float>) -> SIMD8<Float> {
        var sum = SIMD8<Float>.zero
        let weights = weights.pointer + offsets[row]
        for k in starts[row]..<ends[row] { sum += (bins + 8 * k).eight * weights[k] }
        return sum
    }

    /// A row's first bin that is not zero, and its weights from there.
    func row(_ row: Int) -> (start: Int, weights: UnsafeBufferPointer<Float>) {
        let first = weights.pointer + offsets[row] + starts[row]
        return (starts[row], UnsafeBufferPointer(start: first, count: ends[row] - starts[row]))
    }

    /// `librosa.filters.mel`: triangles whose feet are on their neighbours' tops.
    static func mel(_ mel: MelParameters, sampleRate: Int, nFFT: Int) -> FilterBank {
        let low = mel.scale.mel(of: mel.fMin)
        let high = mel.scale.mel(of: mel.fMax ?? Double(sampleRate) / 2)
        let edges = (0..<(mel.bands + 2)).map {
            mel.scale.hertz(of: low + (high - low) * Double($0) / Double(mel.bands + 1))
        }
        return FilterBank(
            rows: (0..<mel.bands).map { band in
                let (left, top, right) = (edges[band], edges[band + 1], edges[band + 2])
                let norm = mel.norm == .slaney ? 2 / (right - left) : 1
                return (0...nFFT / 2).map { bin in
                    let frequency = Double(bin) * Double(sampleRate) / Double(nFFT)
                    let weight = min((frequency - left) / (top - left), (right - frequency) / (right - top))
                    return Float(max(0, weight) * norm)
                }
            })
    }

    /// `librosa.filters.chroma` with 12 bins from C, tuning 0, centre 5 octaves above A0, width 2 octaves, norm 2.
    static func chroma(sampleRate: Int, nFFT: Int) -> FilterBank {
        // Frequencies in chroma bins above A0; bin 0 lies 1.5 octaves below bin 1.
        var positions = (1..<nFFT).map {
            12 * log2(Double($0) * Double(sampleRate) / Double(nFFT) / (440.0 / 16))
        }
        positions.insert(positions[0] - 1.5 * 12, at: 0)
        let widths = zip(positions.dropFirst(), positions).map { max($0 - $1, 1) } + [1]
        var rows = [[Float]](repeating: Array(repeating: 0, count: nFFT / 2 + 1), count: 12)
        for bin in 0...nFFT / 2 {
            var column = (0..<12).map { chroma in
                // The distance in chroma bins, on the circle, from −6 up to 6.
                var distance = (positions[bin] - Double(chroma) + 6 + 120).truncatingRemainder(dividingBy: 12)
                if distance < 0 { distance += 12 }
                distance -= 6
                return exp(-0.5 * pow(2 * distance / widths[bin], 2))
            }
            let norm = column.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let octave = positions[bin] / 12
            let weight = exp(-0.5 * pow((octave - 5) / 2, 2))
            for chroma in 0..<12 { column[chroma] *= weight / norm }
            // Rows begin at C, three above A.
            for chroma in 0..<12 { rows[chroma][bin] = Float(column[(chroma + 3) % 12]) }
        }
        return FilterBank(rows: rows)
    }
}

extension MelParameters {
    /// The bands that no frequency bin falls into, so that they are always 0: librosa warns of them too.
    ///
    /// - Parameters:
    ///   - sampleRate: The rate of the samples in Hz.
    ///   - nFFT: The length of the transform.
    /// - Returns: Their numbers, ascending, from 0.
    public func emptyBands(sampleRate: Int, nFFT: Int) -> [Int] {
        let bank = FilterBank.mel(self, sampleRate: sampleRate, nFFT: nFFT)
        return (0..<bank.rowCount).filter { bank.isEmpty(row: $0) }
    }

    /// The frequency in Hz at which each band is highest.
    public func frequencies(sampleRate: Int) -> [Double] {
        let low = scale.mel(of: fMin)
        let high = scale.mel(of: fMax ?? Double(sampleRate) / 2)
        return (1...bands).map { scale.hertz(of: low + (high - low) * Double($0) / Double(bands + 1)) }
    }
}

extension MelParameters.Scale {
    /// The mel of a frequency in Hz.
    func mel(of frequency: Double) -> Double {
        switch self {
        case .slaney:
            frequency < 1000 ? frequency * 3 / 200 : 15 + log(frequency / 1000) / (log(6.4) / 27)
        case .htk: 2595 * log10(1 + frequency / 700)
        }
    }

    /// The frequency in Hz of a mel.
    func hertz(of mel: Double) -> Double {
        switch self {
        case .slaney: mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * (log(6.4) / 27))
        case .htk: 700 * (pow(10, mel / 2595) - 1)
        }
    }
}
