internal import Foundation
internal import Tensors
internal import Torch
internal import Training

/// How codes between two codes are found.
enum CodePath: String {
    /// Along the straight line.
    case linear
    /// Along the arc (Shoemake, "Animating Rotation with Quaternion Curves", 1985): codes of a normal distribution in
    /// many dimensions lie near a sphere, and a line between two of them leaves it.
    case spherical

    /// The codes `[N, latents]` at a place between two, 0 to 1; their gradients are not those of the angles.
    func code(from first: TorchTensor, to last: TorchTensor, at amount: Double) throws -> TorchTensor {
        let norms = try first.norm([1]) * last.norm([1])
        let cosines = try ((first * last).sum([1]) / norms.clamped(low: 1e-12)).detach().to(.f64)
            .elements(as: Double.self)
        let counts = cosines.map { shares(cosine: $0, at: amount) }
        func weights(_ values: [Double]) throws -> TorchTensor {
            try TorchTensor(values, shape: [values.count, 1]).to(first.type).to(first.device)
        }
        return try first * weights(counts.map(\.first)) + last * weights(counts.map(\.last))
    }

    /// What each of two codes counts, by the cosine of the angle between them.
    func shares(cosine: Double, at amount: Double) -> (first: Double, last: Double) {
        // Between parallel codes the arc is the line, and between opposite ones there is no single arc.
        guard self == .spherical, abs(cosine) < 1 - 1e-6 else { return (1 - amount, amount) }
        let angle = acos(cosine)
        return (sin((1 - amount) * angle) / sin(angle), sin(amount * angle) / sin(angle))
    }
}

extension MusicVAE {
    /// How steadily reconstructions move from one window's to another's: Spearman's correlation of the place between
    /// their codes, at 11 points, with how much more the notes are the last one's than the first one's; the median of 20
    /// pairs.
    ///
    /// The windows of a pair lie half the pass apart. The notes of a point are compared with those of both ends by F1. A
    /// pair whose notes do not change counts 0.
    func interpolation(_ codes: CodeStatistics) throws -> Double {
        let pairs = min(20, codes.sounding.count / 2)
        guard pairs > 0 else { return .nan }
        func chosen(_ numbers: Range<Int>) throws -> TorchTensor {
            let values = numbers.flatMap { codes.sounding[$0 * codes.sounding.count / (2 * pairs)] }
            return try TorchTensor(values, shape: [pairs, values.count / pairs]).to(
                autoencoder.marginal.device)
        }
        let (first, last) = (try chosen(0..<pairs), try chosen(pairs..<2 * pairs))
        // What each of the points shows of each pair: 0 or 1 for each cell.
        let notes = try (0...10).map { point in
            let code = try CodePath.spherical.code(from: first, to: last, at: Double(point) / 10)
            return try (decode(code).sigmoid() .> threshold).to(.f32).flattened(from: 1)
        }
        func likeness(_ some: TorchTensor, _ others: TorchTensor) throws -> [Double] {
            let both = try (some * others).sum([1]).elements(as: Float.self)
            let all = try (some + others).sum([1]).elements(as: Float.self)
            return zip(both, all).map { $1 > 0 ? 2 * Double($0) / Double($1) : 0 }
        }
        let leanings = try notes.map { here in
            zip(try likeness(here, notes[10]), try likeness(here, notes[0])).map { $0 - $1 }
        }
        let correlations = (0..<pairs).map { pair in
            Self.correlationWithPlace(leanings.map { $0[pair] })
        }.sorted()
        return (correlations[(pairs - 1) / 2] + correlations[pairs / 2]) / 2
    }

    /// Spearman's correlation of numbers with their places; equal numbers have their mean rank, and all equal ones 0.
    static func correlationWithPlace(_ values: [Double]) -> Double {
        let ranks = values.map { value in
            Double(values.count { $0 < value }) + Double(values.count { $0 == value } - 1) / 2
        }
        let middle = Double(values.count - 1) / 2
        let products = ranks.enumerated().reduce(0) {
            $0 + (Double($1.offset) - middle) * ($1.element - middle)
        }
        let squares = ranks.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
        let places = values.indices.reduce(0) { $0 + (Double($1) - middle) * (Double($1) - middle) }
        return squares > 0 ? products / (squares * places).squareRoot() : 0
    }
}
