/// How many zeros a convolution puts before and after each axis.
public enum ConvolutionPadding: Sendable, Hashable {
    /// None: the output is shorter than the input.
    case valid
    /// As many as keep the length at stride 1; an odd one comes after.
    case same
    /// So many on both sides of each axis; one number stands for all axes.
    case zeros([Int])

    /// So many on both sides of each axis.
    public static func by(_ count: Int...) -> ConvolutionPadding { .zeros(count) }
}

/// What the convolutions have in common: weight, bias and geometry.
public class Convolution: WeightedLayer {
    let weight: TorchTensor
    let bias: TorchTensor?
    let stride: [Int]
    let padding: [Int]
    let dilation: [Int]
    let groups: Int
    /// Zeros that no symmetric padding gives: (before, after), the last axis first; empty if there are none.
    private let explicitPadding: [Int]

    /// The initial values are PyTorch's: both are drawn from ±1 / √(the weight's input fan).
    fileprivate init(
        weight shape: [Int], outputs: Int, bias: Bool, stride: [Int], padding: ConvolutionPadding,
        dilation: [Int], groups: Int
    ) throws(TorchError) {
        let kernel = Array(shape.dropFirst(2))
        weight = try parameter(shape, .kaimingUniform(slope: 5.squareRoot()))
        let bound = 1 / Double(Initialiser.fans(shape).input).squareRoot()
        self.bias = bias ? try parameter([outputs], .uniform(bound)) : nil
        self.stride = stride
        self.dilation = dilation
        self.groups = groups
        switch padding {
        case .valid:
            self.padding = kernel.map { _ in 0 }
            explicitPadding = []
        case .zeros(let counts):
            self.padding = spread(counts, over: kernel.count, "padding")
            explicitPadding = []
        case .same:
            precondition(stride.allSatisfy { $0 == 1 }, "padding .same wants stride 1, got \(stride)")
            let totals = zip(kernel, dilation).map { ($0 - 1) * $1 }
            let isEven = totals.allSatisfy { $0 % 2 == 0 }
            self.padding = totals.map { isEven ? $0 / 2 : 0 }
            explicitPadding = isEven ? [] : totals.reversed().flatMap { [$0 / 2, $0 - $0 / 2] }
        }
    }

    /// `[N, in, length…]` to `[N, out, length…]`.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try output(of: input, weight: weight)
    }

    var outputAxis: Int { 0 }

    func output(of input: TorchTensor, weight: TorchTensor) throws(TorchError) -> TorchTensor {
        let input = explicitPadding.isEmpty ? input : try input.padded(explicitPadding)
        return try input.convolved(
            weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}

/// One number for all axes, or one for each.
private func spread(_ numbers: [Int], over rank: Int, _ name: String) -> [Int] {
    precondition(
        numbers.count == 1 || numbers.count == rank, "\(name) wants 1 or \(rank) numbers, got \(numbers)")
    return numbers.count == rank ? numbers : Array(repeating: numbers[0], count: rank)
}

/// Convolution over one axis: `[N, in, length]`, weight `[out, in / groups, kernel]`.
public final class Conv1d: Convolution {
    /// Makes a layer from so many channels to so many.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: ConvolutionPadding = .valid,
        dilation: Int = 1, groups: Int = 1, bias: Bool = true
    ) throws(TorchError) {
        try super.init(
            weight: [outputs, inputs / groups, kernel], outputs: outputs, bias: bias, stride: [stride],
            padding: padding, dilation: [dilation], groups: groups)
    }
}

/// Convolution over two axes: `[N, in, height, width]`, weight `[out, in / groups, kernel, kernel]`.
public final class Conv2d: Convolution {
    /// Makes a layer from so many channels to so many; arrays have one number, or one for each axis.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: [Int], stride: [Int] = [1],
        padding: ConvolutionPadding = .valid, dilation: [Int] = [1], groups: Int = 1, bias: Bool = true
    ) throws(TorchError) {
        try super.init(
            weight: [outputs, inputs / groups] + spread(kernel, over: 2, "kernel"), outputs: outputs,
            bias: bias,
            stride: spread(stride, over: 2, "stride"), padding: padding,
            dilation: spread(dilation, over: 2, "dilation"), groups: groups)
    }
}

/// What the transposed convolutions have in common.
public class TransposedConvolution: Convolution {
    private let outputPadding: [Int]

    fileprivate init(
        weight shape: [Int], outputs: Int, bias: Bool, stride: [Int], padding: [Int], outputPadding: [Int],
        dilation: [Int], groups: Int
    ) throws(TorchError) {
        self.outputPadding = outputPadding
        try super.init(
            weight: shape, outputs: outputs, bias: bias, stride: stride, padding: .zeros(padding),
            dilation: dilation, groups: groups)
    }

    /// `[N, in, length…]` to `[N, out, (length - 1) · stride - 2 · padding + dilation · (kernel - 1) + extra + 1…]`.
    public override func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try output(of: input, weight: weight)
    }

    override var outputAxis: Int { 1 }

    override func output(of input: TorchTensor, weight: TorchTensor) throws(TorchError) -> TorchTensor {
        try input.deconvolved(
            weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
            dilation: dilation, groups: groups)
    }
}

/// Transposed convolution over one axis: weight `[in, out / groups, kernel]`.
public final class ConvTranspose1d: TransposedConvolution {
    /// Makes a layer from so many channels to so many; `outputPadding` lengthens the output at its end.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        dilation: Int = 1, groups: Int = 1, bias: Bool = true
    ) throws(TorchError) {
        try super.init(
            weight: [inputs, outputs / groups, kernel], outputs: outputs, bias: bias, stride: [stride],
            padding: [padding], outputPadding: [outputPadding], dilation: [dilation], groups: groups)
    }
}

/// Transposed convolution over two axes: weight `[in, out / groups, kernel, kernel]`.
public final class ConvTranspose2d: TransposedConvolution {
    /// Makes a layer from so many channels to so many; arrays have one number, or one for each axis.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: [Int], stride: [Int] = [1], padding: [Int] = [0],
        outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, bias: Bool = true
    ) throws(TorchError) {
        try super.init(
            weight: [inputs, outputs / groups] + spread(kernel, over: 2, "kernel"), outputs: outputs,
            bias: bias,
            stride: spread(stride, over: 2, "stride"), padding: spread(padding, over: 2, "padding"),
            outputPadding: spread(outputPadding, over: 2, "outputPadding"),
            dilation: spread(dilation, over: 2, "dilation"), groups: groups)
    }
}
