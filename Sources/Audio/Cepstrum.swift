#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Mel-frequency cepstral coefficients of linear mel spectrograms: `librosa.feature.mfcc`.
public struct Cepstrum: Sendable {
    private let parameters: MFCCParameters
    /// The orthonormal DCT of type 2, [coefficients, bands].
    private let matrix: [Float]

    /// Prepares the transform.
    public init(_ parameters: MFCCParameters) {
        self.parameters = parameters
        let bands = parameters.mel.bands
        matrix = (0..<parameters.coefficients).flatMap { row in
            (0..<bands).map { band in
                let scale = (row == 0 ? 1.0 : 2.0) / Double(bands)
                let cosine = cos(.pi * Double(row) * (2 * Double(band) + 1) / Double(2 * bands))
                return Float(parameters.liftering(ofRow: row) * scale.squareRoot() * cosine)
            }
        }
    }

    /// Computes one segment's coefficients.
    ///
    /// - Parameters:
    ///   - mel: The linear mel spectrogram with its gain applied, [bands, frames]; it becomes decibels.
    ///   - coefficients: The result, [coefficients, frames].
    public func compute(
        mel: UnsafeMutableBufferPointer<Float>, into coefficients: UnsafeMutableBufferPointer<Float>
    ) {
        let bands = parameters.mel.bands
        let frames = mel.count / bands
        precondition(
            coefficients.count == parameters.coefficients * frames,
            "want \(parameters.coefficients) × \(frames) coefficients, got \(coefficients.count)")
        FeatureMath.decibels(mel, power: parameters.mel.power, parameters.decibels)
        guard let input = mel.baseAddress, let output = coefficients.baseAddress else { return }
        for row in 0..<parameters.coefficients {
            var first = 0
            while first < frames {
                let count = min(8, frames - first)
                var sum = SIMD8<Float>.zero
                for band in 0..<bands {
                    let place = input + band * frames + first
                    var values = SIMD8<Float>.zero
                    if count == 8 {
                        values = place.eight
                    } else {
                        for i in 0..<count { values[i] = place[i] }
                    }
                    sum += values * matrix[row * bands + band]
                }
                for i in 0..<count { output[row * frames + first + i] = sum[i] }
                first += 8
            }
        }
    }
}

extension MFCCParameters {
    /// What a coefficient is weighed by: 1 + (L/2) sin(π (row + 1) / L).
    fileprivate func liftering(ofRow row: Int) -> Double {
        lifter == 0 ? 1 : 1 + lifter / 2 * sin(.pi * Double(row + 1) / lifter)
    }
}
