#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A causal Butterworth band-pass with zero initial state, in double precision.
///
/// The design is `scipy.signal.butter(order, [low, high], "bandpass")`'s: the analogue prototype, moved to the band
/// and mapped by the bilinear transform with pre-warped edges; it runs as second-order sections.
struct ButterworthFilter {
    /// One section: b = gain·[1, 0, −1], a = [1, a1, a2].
    private struct Section {
        var a1: Double
        var a2: Double
        var x1 = 0.0
        var x2 = 0.0
        var y1 = 0.0
        var y2 = 0.0
    }

    private var sections: [Section] = []
    private let gain: Double

    init(_ band: Bandpass, sampleRate: Int) {
        // Edges in the analogue plane that the bilinear transform with sampling rate 2 maps onto the band.
        let low = 4 * tan(.pi * band.low / Double(sampleRate))
        let high = 4 * tan(.pi * band.high / Double(sampleRate))
        let width = high - low
        let center2 = low * high
        var denominator = Complex(1, 0)
        func digital(_ pole: Complex) -> Complex {
            denominator = denominator * (Complex(4, 0) - pole)
            return (Complex(4, 0) + pole) / (Complex(4, 0) - pole)
        }
        for k in 0..<band.order {
            let angle = Double.pi * Double(2 * k + 1 - band.order) / Double(2 * band.order)
            let prototype = Complex(-cos(angle) * width / 2, -sin(angle) * width / 2)
            let root = (prototype * prototype - Complex(center2, 0)).squareRoot
            let first = digital(prototype + root)
            let second = digital(prototype - root)
            if 2 * k + 1 == band.order {
                // The real prototype pole: its two poles are real or each other's conjugates.
                sections.append(Section(a1: -(first + second).re, a2: (first * second).re))
            } else if 2 * k + 1 < band.order {
                // A pair of prototype poles: each of this one's two meets its conjugate from the other.
                for pole in [first, second] {
                    sections.append(Section(a1: -2 * pole.re, a2: pole.re * pole.re + pole.im * pole.im))
                }
            }
        }
        gain = (0..<band.order).reduce(1.0) { product, _ in product * 4 * width } / denominator.re
    }

    /// Filters the next samples in place.
    mutating func apply(_ samples: UnsafeMutablePointer<Float>, count: Int) {
        // Sections run one after the other over small pieces that stay in double between them.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 512) { piece in
            var start = 0
            while start < count {
                let length = min(512, count - start)
                for i in 0..<length { piece[i] = gain * Double(samples[start + i]) }
                for index in sections.indices {
                    var section = sections[index]
                    for i in 0..<length {
                        let x = piece[i]
                        let y = (x - section.x2 - section.a2 * section.y2) - section.a1 * section.y1
                        section.x2 = section.x1
                        section.x1 = x
                        section.y2 = section.y1
                        section.y1 = y
                        piece[i] = y
                    }
                    if abs(section.y1) < 1e-30 && abs(section.y2) < 1e-30 {
                        // A tail that has died away would continue in slow denormal numbers.
                        section.y1 = 0
                        section.y2 = 0
                    }
                    sections[index] = section
                }
                for i in 0..<length { samples[start + i] = Float(piece[i]) }
                start += length
            }
        }
    }
}

extension Bandpass {
    /// What the band leaves of a signal from its start on.
    ///
    /// - Parameters:
    ///   - samples: The signal.
    ///   - sampleRate: In Hz.
    /// - Returns: As many samples.
    public func applied(to samples: [Float], sampleRate: Int) -> [Float] {
        var filter = ButterworthFilter(self, sampleRate: sampleRate)
        var result = samples
        result.withUnsafeMutableBufferPointer { values in
            if let base = values.baseAddress { filter.apply(base, count: values.count) }
        }
        return result
    }
}

private struct Complex {
    var re: Double
    var im: Double

    init(_ re: Double, _ im: Double) {
        self.re = re
        self.im = im
    }

    var squareRoot: Complex {
        let modulus = hypot(re, im)
        let re = ((modulus + self.re) / 2).squareRoot()
        let im = ((modulus - self.re) / 2).squareRoot()
        return Complex(re, self.im < 0 ? -im : im)
    }

    static func + (a: Complex, b: Complex) -> Complex { Complex(a.re + b.re, a.im + b.im) }
    static func - (a: Complex, b: Complex) -> Complex { Complex(a.re - b.re, a.im - b.im) }
    static func * (a: Complex, b: Complex) -> Complex {
        Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
    }
    static func / (a: Complex, b: Complex) -> Complex {
        let scale = b.re * b.re + b.im * b.im
        return Complex((a.re * b.re + a.im * b.im) / scale, (a.im * b.re - a.re * b.im) / scale)
    }
}
