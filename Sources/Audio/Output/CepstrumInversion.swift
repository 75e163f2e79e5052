#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Finds a mel spectrogram from its cepstral coefficients: `librosa.feature.inverse.mfcc_to_mel`.
///
/// The coefficients that were not kept count as 0, so that the result is a smoothed spectrum.
public struct CepstrumInversion: Sendable {
    private let parameters: MFCCParameters
    /// The transposed orthonormal DCT of type 2 with the inverse of the liftering, [band, coefficient].
    private let matrix: [Float]

    /// Prepares the transform.
    public init(_ parameters: MFCCParameters) {
        self.parameters = parameters
        let (bands, rows) = (parameters.mel.bands, parameters.coefficients)
        matrix = (0..<bands).flatMap { band in
            (0..<rows).map { row in
                let scale = (row == 0 ? 1.0 : 2.0) / Double(bands)
                let cosine = cos(.pi * Double(row) * (2 * Double(band) + 1) / Double(2 * bands))
                let lift = parameters.lifter
                let weight = lift == 0 ? 1 : 1 + lift / 2 * sin(.pi * Double(row + 1) / lift)
                // A weight of 0 has lost its coefficient.
                return abs(weight) < 1e-9 ? 0 : Float(scale.squareRoot() * cosine / weight)
            }
        }
    }

    /// Finds the mel spectrogram.
    ///
    /// - Parameters:
    ///   - coefficients: [coefficient, frame].
    ///   - reference: The power, or magnitude for a mel of power 1, that is 0 dB: `DecibelParameters.reference`, or the
    ///     maximum that it stood for.
    /// - Returns: The linear mel spectrogram, [band, frame].
    public func mel(coefficients: [Float], reference: Double = 1) -> [Float] {
        let (bands, rows) = (parameters.mel.bands, parameters.coefficients)
        let frames = coefficients.count / rows
        precondition(
            coefficients.count == rows * frames, "\(coefficients.count) values do not fall into \(rows) rows")
        var mel = [Float](repeating: 0, count: bands * frames)
        mel.withUnsafeMutableBufferPointer { mel in
            coefficients.withUnsafeBufferPointer { coefficients in
                guard let output = mel.baseAddress, let input = coefficients.baseAddress else { return }
                for band in 0..<bands {
                    let place = output + band * frames
                    for row in 0..<rows {
                        let (source, weight) = (input + row * frames, matrix[band * rows + row])
                        var i = 0
                        while i + 8 <= frames {
                            (place + i).eight = (place + i).eight + (source + i).eight * weight
                            i += 8
                        }
                        while i < frames {
                            place[i] += source[i] * weight
                            i += 1
                        }
                    }
                }
            }
            FeatureMath.fromDecibels(mel, power: parameters.mel.power, reference: reference)
        }
        return mel
    }
}
