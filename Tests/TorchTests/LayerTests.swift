import Tensors
import Testing
import Torch

@Suite struct LayerTests {
    /// PyTorch's numbers differ from ours by the order of sums at most, so float64 has some 1e-15 to lose and
    /// float32 some 1e-6; a wrong formula is off by far more than these bounds.
    @Test(arguments: [(ElementType.f64, 1e-9), (.f32, 1e-4)])
    func forwardLossAndGradientsArePyTorchs(type: ElementType, tolerance: Double) async throws {
        let (deviations, seen) = try await onTorch {
            let golden = try Golden.layers()
            var deviations: [Deviation] = []
            let cases = try layerCases().merging(functionCases(golden)) { first, _ in first }
            for (name, layer) in cases.sorted(by: { $0.key < $1.key }) {
                deviations += try compare(name, layer, golden, type)
            }
            return (deviations, Set(cases.keys))
        }
        for deviation in deviations { #expect(deviation.relative <= tolerance, "\(deviation)") }
        let known = try Set(
            Golden.layers().file.entries.keys.compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(seen == known.subtracting(["losses"]), "every golden case has its counterpart")
        #expect(deviations.count > 3 * seen.count)
    }

    /// Rounding noise is not the same in both precisions; a golden array of it would pass on one processor only.
    @Test(arguments: ["torch-layers", "torch-operations", "torch-training", "torch-operations-training"])
    func noGoldenArrayIsRoundingNoise(_ file: String) async throws {
        let (noise, count) = try await onTorch {
            let golden = try Golden(name: file)
            let names = golden.names(after: "").filter { $0.contains("/f64/") }
            let noise = try names.filter { name in
                let single = try golden.tensor(name.replacing("/f64/", with: "/f32/"))
                return try Deviation(name, single, golden.tensor(name)).relative > 1e-3
            }
            return (noise, names.count)
        }
        #expect(noise == [])
        #expect(count > 20)
    }
}

/// The network of the golden script under the same name.
private final class Small: Layer {
    let blocks: [Conv1d]
    let norm: BatchNorm
    let rnn: GRU
    let head: Sequential

    init() throws(TorchError) {
        blocks = [try Conv1d(3, 4, kernel: 3, padding: .by(1)), try Conv1d(4, 4, kernel: 3, padding: .same)]
        norm = try BatchNorm(4)
        rnn = try GRU(4, 3, bidirectional: true)
        head = Sequential([try Linear(6, 5), Function.relu(), try Linear(5, 2)])
    }

    func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        var x = input
        for block in blocks { x = try block(x).elu() }
        return try head(rnn(norm(x).transposed(1, 2)).output)
    }
}

private func layerCases() throws -> [String: LayerCase] {
    let lstm = try LSTM(3, 4)
    let lstmStacked = try LSTM(3, 4, layers: 2, bidirectional: true)
    let lstmState = try LSTM(3, 4)
    let gru = try GRU(3, 4)
    let gruStacked = try GRU(3, 4, layers: 2, bidirectional: true)
    let gruState = try GRU(3, 4)
    let (normInUse1d, normInUse2d) = (try BatchNorm(4), try BatchNorm(3, momentum: 0.3))
    normInUse1d.setTraining(false)
    normInUse2d.setTraining(false)
    return [
        "linear": LayerCase(try Linear(5, 6)),
        "linear-no-bias": LayerCase(try Linear(5, 2, bias: false)),
        "conv1d": LayerCase(try Conv1d(4, 6, kernel: 3, stride: 2, padding: .by(2), dilation: 2)),
        "conv1d-groups": LayerCase(try Conv1d(4, 8, kernel: 3, groups: 2, bias: false)),
        "conv1d-same": LayerCase(try Conv1d(3, 4, kernel: 4, padding: .same, dilation: 3)),
        "conv2d": LayerCase(
            try Conv2d(3, 4, kernel: [3, 2], stride: [2, 1], padding: .by(1, 0), dilation: [1, 2])),
        "conv2d-same": LayerCase(try Conv2d(2, 3, kernel: [5, 2], padding: .same)),
        "conv-transpose1d": LayerCase(
            try ConvTranspose1d(4, 3, kernel: 4, stride: 2, padding: 1, outputPadding: 1)),
        "conv-transpose1d-groups": LayerCase(try ConvTranspose1d(4, 6, kernel: 3, dilation: 2, groups: 2)),
        "conv-transpose2d": LayerCase(
            try ConvTranspose2d(
                3, 2, kernel: [4, 3], stride: [2, 3], padding: [1], outputPadding: [1, 0])),
        "batch-norm1d": LayerCase(try BatchNorm(4)),
        "batch-norm1d-use": LayerCase(normInUse1d),
        "batch-norm2d": LayerCase(try BatchNorm(3, momentum: 0.3)),
        "batch-norm2d-use": LayerCase(normInUse2d),
        "instance-norm1d": LayerCase(try InstanceNorm(4, affine: true)),
        "instance-norm2d": LayerCase(try InstanceNorm(3)),
        "lstm": LayerCase(lstm) { try lstm($0[0]).output },
        "lstm-stacked": LayerCase(lstmStacked) {
            let (output, state) = try lstmStacked($0[0])
            return try .concatenated([output.flattened(), state.hidden.flattened(), state.cell.flattened()])
        },
        "lstm-state": LayerCase(lstmState) {
            try lstmState($0[0], from: LSTM.State(hidden: $0[1], cell: $0[2])).output
        },
        "gru": LayerCase(gru) { try gru($0[0]).output },
        "gru-stacked": LayerCase(gruStacked) {
            let (output, state) = try gruStacked($0[0])
            return try .concatenated([output.flattened(), state.flattened()])
        },
        "gru-state": LayerCase(gruState) { try gruState($0[0], from: $0[1]).output },
        "network": LayerCase(try Small()),
    ]
}

private func functionCases(_ golden: Golden) throws -> [String: LayerCase] {
    func unary(_ body: @escaping (TorchTensor) throws -> TorchTensor) -> LayerCase {
        LayerCase { try body($0[0]) }
    }
    func like(_ name: String, _ x: TorchTensor) throws -> TorchTensor {
        try golden.tensor("losses/\(name)", as: x.type)
    }
    let classes = try golden.tensor("losses/classes")
    return [
        "adaptive-instance-norm": LayerCase {
            try $0[0].adaptiveInstanceNormalised(scale: $0[1], shift: $0[2])
        },
        "adaptive-instance-norm-style": LayerCase { try $0[0].adaptiveInstanceNormalised(toStyle: $0[1]) },
        "max-pool1d": unary { try $0.maxPooled([3], stride: [2], padding: [1]) },
        "max-pool2d": unary { try $0.maxPooled([2, 4]) },
        "average-pool1d": unary { try $0.averagePooled([4]) },
        "average-pool2d": unary { try $0.averagePooled([3, 2], stride: [2, 2], padding: [1, 0]) },
        "pad-constant": unary { try $0.padded([1, 2, 0, 3], with: .constant(0.5)) },
        "pad-reflect": unary { try $0.padded([2, 3], with: .reflect) },
        "pad-reflect2d": unary { try $0.padded([3, 1, 2, 2], with: .reflect) },
        "pad-replicate": unary { try $0.padded([2, 1], with: .replicate) },
        "upsample1d": unary { try $0.upsampled(by: 3) },
        "upsample2d": unary { try $0.upsampled(to: [9, 16]) },
        "unary-negated": unary { try -$0 },
        "unary-abs": unary { try $0.abs() },
        "unary-exp": unary { try $0.exp() },
        "unary-expm1": unary { try $0.expm1() },
        "unary-square": unary { try $0.square() },
        "unary-sin": unary { try $0.sin() },
        "unary-cos": unary { try $0.cos() },
        "unary-tanh": unary { try $0.tanh() },
        "unary-sigmoid": unary { try $0.sigmoid() },
        "unary-relu": unary { try $0.relu() },
        "unary-softplus": unary { try $0.softplus() },
        "unary-gelu": unary { try $0.gelu() },
        "unary-elu": unary { try $0.elu(alpha: 0.7) },
        "unary-reciprocal": unary { try $0.reciprocal() },
        "unary-log-sigmoid": unary { try $0.logSigmoid() },
        "unary-leaky-relu": unary { try $0.leakyReLU(slope: 0.2) },
        "unary-clamped": unary { try $0.clamped(low: -0.5, high: 0.25) },
        "unary-log": unary { try $0.log() },
        "unary-log1p": unary { try $0.log1p() },
        "unary-sqrt": unary { try $0.sqrt() },
        "unary-rsqrt": unary { try $0.rsqrt() },
        "unary-erfinv": unary { try $0.erfinv() },
        "softmax": unary { try $0.softmax(1) },
        "log-softmax": unary { try $0.logSoftmax(-1) },
        "arithmetic": LayerCase { inputs in
            let (a, b) = (inputs[0], inputs[1])
            let quotient = try (2 - a) * (b + 1) / (a * a + 3) - 5 / (b * b + 1)
            return try quotient + a.power(3) - a.maximum(b) * b.minimum(a)
        },
        "matmul": LayerCase { try $0[0].matmul($0[1]) },
        "reduce-sum": unary { try $0.sum([0, 2]) },
        "reduce-mean": unary { try $0.mean([1], keep: true) },
        "reduce-largest": unary { try $0.largest([1, 2]) - $0.smallest([1, 2]) },
        "reduce-log-sum-exp": unary { try $0.logSumExp([2]) },
        "reduce-norm": unary { try $0.norm([0, 1]) },
        "reduce-variance": unary { try $0.variance([2]) + $0.variance([0, 1], correction: 0).sum() },
        "cumulative-sum": unary { try $0.cumulativeSum(1) },
        "shapes": LayerCase { try shapes($0[0], $0[1]) },
        "bce": unary {
            try $0.binaryCrossEntropy(like("target", $0), weight: like("weight", $0)).reshaped([1])
        },
        "bce-logits": unary { try $0.binaryCrossEntropyWithLogits(like("target", $0), reduction: .none) },
        "cross-entropy": unary {
            try $0.crossEntropy(classes, weight: like("weight", $0).selected(0, 0)).reshaped([1])
        },
        "nll": unary { try $0.logSoftmax(1).negativeLogLikelihood(classes, reduction: .sum).reshaped([1]) },
        "mse": unary { try $0.squaredError(like("weight", $0)).reshaped([1]) },
        "l1": unary { try $0.absoluteError(like("weight", $0), reduction: .sum).reshaped([1]) },
        "smooth-l1": unary { try $0.smoothAbsoluteError(like("weight", $0)).reshaped([1]) },
        "divergence": LayerCase { try .gaussianDivergence(mean: $0[0], logVariance: $0[1]) },
    ]
}

private func shapes(_ v: TorchTensor, _ index: TorchTensor) throws -> TorchTensor {
    let picked = try v.permuted([2, 0, 1]).reshaped([4, 6]).selected(0, at: index)
    let stacked = try TorchTensor.stacked([v.selected(1, 0), v.selected(1, 2)], axis: 1)
    let part = try v.split(2, into: [1, 3])[1]
    let chosen = try TorchTensor.choose(v .> 0, v, -2 * v)
    return try .concatenated([
        picked.narrowed(1, from: 1, count: 3).flattened(), stacked.transposed(0, 2).flipped([0]).flattened(),
        part.unsqueezed(0).expanded([2, 2, 3, 3]).flattened(), v.repeated([1, 2, 1]).flattened(),
        v.gathered(2, at: index.reshaped([1, 1, 4]).expanded([2, 3, 4])).flattened(),
        chosen.filled(where: v .< -1, with: 3).flattened(),
    ])
}
