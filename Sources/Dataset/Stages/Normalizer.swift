import Audio
import Files
import Manifest
import Tensors

/// The statistics by which one feature is normalised for one label value, or for the dataset as a whole.
struct FeatureStatistics: Sendable, Hashable {
    /// The standard deviation over all of the feature's values; 0 counts as 1.
    let sigma: Double
    /// The standard deviation of each row after scaling and compression; empty before it is known.
    var sigmaBand: [Double] = []
}

/// Brings a stored feature to its final form: gain, scaling, compression, division of each row (paper 004).
///
/// y = c(gᵈ · x / σ) / (σ_row + ε), with gain g, the feature's degree d and the compression c. A divisor of 0
/// counts as 1, so that a row that never sounds stays 0.
struct Normalizer: Sendable {
    let manifest: Manifest.Audio.Normalize
    let feature: FeatureParameters

    /// Whether the manifest's `normalize` concerns a feature: spectra only.
    static func concerns(_ feature: FeatureParameters) -> Bool {
        switch feature {
        case .mel, .spectrogram, .cqt: true
        case .mfcc, .chroma, .waveform: false
        }
    }

    /// gᵈ/σ.
    static func scale(_ feature: FeatureParameters, gain: Double, sigma: Double) -> Double {
        var scale = 1.0
        for _ in 0..<feature.gainDegree { scale *= gain }
        return scale / (sigma == 0 ? 1 : sigma)
    }

    /// c(scale · x), in place; one segment.
    func compress(_ values: UnsafeMutableBufferPointer<Float>, scale: Double) {
        switch manifest.compress {
        case .log10Plus1: FeatureMath.log10OnePlus(values, scale: Float(scale))
        case .log:
            FeatureMath.scale(values, gain: scale, degree: 1)
            FeatureMath.decibels(values, power: feature.gainDegree, manifest.decibels)
        case .none: FeatureMath.scale(values, gain: scale, degree: 1)
        }
    }

    /// The whole of it, in place; one segment, row by row.
    func apply(
        _ values: UnsafeMutableBufferPointer<Float>, gain: Double, _ statistics: FeatureStatistics?
    ) {
        compress(values, scale: Self.scale(feature, gain: gain, sigma: statistics?.sigma ?? 1))
        guard let statistics else { return }
        let divisors = statistics.sigmaBand.map { band in
            let divisor = band + manifest.epsilon
            // The reciprocal of anything smaller is no finite number of single precision.
            return Float(divisor) < .leastNormalMagnitude ? 1 : Float(divisor)
        }
        FeatureMath.divideRows(values, by: divisors)
    }
}

extension Manifest.Audio.Normalize {
    /// What the band moments depend on beside the scale.
    var compression: JSONValue {
        var members: [String: JSONValue] = ["compress": .string(compress.rawValue)]
        if compress == .log { members.merge(decibels.members) { first, _ in first } }
        return .object(members)
    }
}

/// The statistics object: `<feature>.sigma` [] and `<feature>.sigma_band` [rows], F64; with `per: <label>` each
/// behind its value and a slash.
struct StatisticsFile: Sendable {
    /// By label value ("" for the dataset as a whole), then by feature.
    var values: [String: [String: FeatureStatistics]] = [:]

    static func prefix(_ value: String) -> String { value.isEmpty ? "" : value + "/" }

    func encode() -> [UInt8] {
        var tensors: [NamedTensor] = []
        for (value, features) in values {
            for (name, statistics) in features {
                let name = Self.prefix(value) + name
                tensors.append(NamedTensor(name + ".sigma", Tensor(shape: [], elements: [statistics.sigma])))
                tensors.append(NamedTensor(name + ".sigma_band", statistics.sigmaBand))
            }
        }
        return TensorFile.encode(tensors)
    }

    init(_ values: [String: [String: FeatureStatistics]]) { self.values = values }

    /// Reads what `encode` wrote.
    init(decoding file: TensorFile) throws {
        for name in file.entries.keys where name.hasSuffix(".sigma") {
            let stem = name.dropLast(6)
            let slash = stem.lastIndex(of: "/")
            let value = slash.map { String(stem[..<$0]) } ?? ""
            let feature = slash.map { String(stem[stem.index(after: $0)...]) } ?? String(stem)
            values[value, default: [:]][feature] = FeatureStatistics(
                sigma: try file.tensor(name, as: Double.self).elements.first ?? 0,
                sigmaBand: try file.tensor("\(stem).sigma_band", as: Double.self).elements)
        }
    }
}
