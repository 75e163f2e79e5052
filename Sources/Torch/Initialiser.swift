/// How a weight's first values are drawn.
///
/// Fans are PyTorch's: of a weight `[out, in, kernel…]` the input fan is `in · kernel`, the output fan
/// `out · kernel`; a vector's two fans are its length.
public enum Initialiser: Sendable, Hashable {
    /// One value everywhere.
    case constant(Double)
    /// Evenly from [-bound, bound).
    case uniform(Double)
    /// Normal, of mean 0 and this deviation.
    case normal(Double)
    /// Normal of this deviation, drawn again beyond two of them.
    case truncatedNormal(Double)
    /// Glorot and Bengio 2010, even: `torch.nn.init.xavier_uniform_`.
    case glorotUniform
    /// Glorot and Bengio 2010, normal: `torch.nn.init.xavier_normal_`.
    case glorotNormal
    /// Glorot's deviation after truncation at two deviations: Keras's `glorot_normal`.
    case glorotTruncatedNormal
    /// He et al. 2015 with the given negative slope, even: `torch.nn.init.kaiming_uniform_`.
    case kaimingUniform(slope: Double)
    /// He et al. 2015 with the given negative slope, normal: `torch.nn.init.kaiming_normal_`.
    case kaimingNormal(slope: Double)

    /// Writes the values, drawn with the default generator of the tensor's device.
    public func apply(to tensor: TorchTensor) throws(TorchError) {
        let fans = Self.fans(tensor.shape)
        let glorot = (2 / Double(fans.input + fans.output)).squareRoot()
        switch self {
        case .constant(let value): try tensor.fill(value)
        case .uniform(let bound): try tensor.fillUniform(from: -bound, to: bound)
        case .normal(let deviation): try tensor.fillNormal(deviation: deviation)
        case .truncatedNormal(let deviation): try Self.truncatedNormal(tensor, deviation)
        case .glorotUniform:
            try tensor.fillUniform(from: -3.squareRoot() * glorot, to: 3.squareRoot() * glorot)
        case .glorotNormal: try tensor.fillNormal(deviation: glorot)
        // The deviation of a unit normal cut at ±2 is 0.8796….
        case .glorotTruncatedNormal: try Self.truncatedNormal(tensor, glorot / 0.879_625_661_034_239_78)
        case .kaimingUniform(let slope):
            let bound = 3.squareRoot() * Self.kaiming(slope, fans.input)
            try tensor.fillUniform(from: -bound, to: bound)
        case .kaimingNormal(let slope): try tensor.fillNormal(deviation: Self.kaiming(slope, fans.input))
        }
    }

    static func fans(_ shape: [Int]) -> (input: Int, output: Int) {
        guard shape.count > 1 else { return (max(shape.first ?? 1, 1), max(shape.first ?? 1, 1)) }
        let kernel = shape.dropFirst(2).reduce(1, *)
        return (max(shape[1] * kernel, 1), max(shape[0] * kernel, 1))
    }

    private static func kaiming(_ slope: Double, _ fan: Int) -> Double {
        (2 / (1 + slope * slope)).squareRoot() / Double(fan).squareRoot()
    }

    /// By the inverse of the distribution function: even numbers between its values at ±2 deviations.
    private static func truncatedNormal(_ tensor: TorchTensor, _ deviation: Double) throws(TorchError) {
        let erf = 0.954_499_736_103_641_6  // erf(√2): the share of a normal distribution within ±2 deviations
        try tensor.fillUniform(from: -erf, to: erf)
        try tensor.assign(
            (tensor.detach().erfinv() * (2.squareRoot() * deviation))
                .clamped(low: -2 * deviation, high: 2 * deviation))
    }
}
