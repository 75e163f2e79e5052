internal import Torch

/// A generator: rolls of one style to rolls of another.
///
/// Brunner et al., "Symbolic Music Genre Transfer with CycleGAN", 2018, arXiv:1809.07575, after Johnson et al. 2016: a
/// 7 × 7 convolution with mirrored borders, two of 3 × 3 with stride 2, residual blocks, two transposed ones, and a
/// 7 × 7 one with a sigmoid. Instance normalisation with scale and shift behind each but the last; no biases.
final class CycleGenerator: Module {
    let conv1: Conv2d
    let norm1: InstanceNorm
    let conv2: Conv2d
    let norm2: InstanceNorm
    let conv3: Conv2d
    let norm3: InstanceNorm
    let blocks: [CycleBlock]
    let up1: ConvTranspose2d
    let norm4: InstanceNorm
    let up2: ConvTranspose2d
    let norm5: InstanceNorm
    let output: Conv2d
    private let skip: Double

    /// The network with so many filters in its first layer, four times as many in its residual blocks.
    ///
    /// `skip` is added to the logit of a cell that sounds in the input, and taken from that of another.
    init(filters: Int, blocks count: Int, skip: Double = 0) throws {
        self.skip = skip
        conv1 = try Conv2d(1, filters, kernel: [7], bias: false)
        norm1 = try InstanceNorm(filters, affine: true)
        conv2 = try Conv2d(filters, 2 * filters, kernel: [3], stride: [2], padding: .by(1), bias: false)
        norm2 = try InstanceNorm(2 * filters, affine: true)
        conv3 = try Conv2d(2 * filters, 4 * filters, kernel: [3], stride: [2], padding: .by(1), bias: false)
        norm3 = try InstanceNorm(4 * filters, affine: true)
        blocks = try (0..<count).map { _ in try CycleBlock(4 * filters) }
        up1 = try ConvTranspose2d(
            4 * filters, 2 * filters, kernel: [3], stride: [2], padding: [1], outputPadding: [1], bias: false)
        norm4 = try InstanceNorm(2 * filters, affine: true)
        up2 = try ConvTranspose2d(
            2 * filters, filters, kernel: [3], stride: [2], padding: [1], outputPadding: [1], bias: false)
        norm5 = try InstanceNorm(filters, affine: true)
        output = try Conv2d(filters, 1, kernel: [7], bias: false)
    }

    /// `[N, steps, pitches]` to the same shape, in (0, 1); both lengths are multiples of 4.
    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor {
        var map = try norm1(conv1(roll.unsqueezed(1).padded([3, 3, 3, 3], with: .reflect))).relu()
        map = try norm2(conv2(map)).relu()
        map = try norm3(conv3(map)).relu()
        for block in blocks { map = try block(map) }
        map = try norm4(up1(map)).relu()
        map = try norm5(up2(map)).relu()
        let logits = try output(map.padded([3, 3, 3, 3], with: .reflect)).squeezed(1)
        return try (skip == 0 ? logits : logits + roll * (2 * skip) - skip).sigmoid()
    }
}

/// Two 3 × 3 convolutions with mirrored borders, whose result is added to their input.
final class CycleBlock: Module {
    let conv1: Conv2d
    let norm1: InstanceNorm
    let conv2: Conv2d
    let norm2: InstanceNorm

    init(_ channels: Int) throws {
        conv1 = try Conv2d(channels, channels, kernel: [3], bias: false)
        norm1 = try InstanceNorm(channels, affine: true)
        conv2 = try Conv2d(channels, channels, kernel: [3], bias: false)
        norm2 = try InstanceNorm(channels, affine: true)
    }

    func callAsFunction(_ input: TorchTensor) throws -> TorchTensor {
        let first = try norm1(conv1(input.padded([1, 1, 1, 1], with: .reflect))).relu()
        return try (input + norm2(conv2(first.padded([1, 1, 1, 1], with: .reflect)))).relu()
    }
}

/// A discriminator: rolls to a map of numbers, 1 where it takes them for real music and 0 where for a generator's.
///
/// Three convolutions, two of them with stride 2; a leaky rectifier of slope 0.2. Zeros are put around as TensorFlow's
/// `SAME` does, an odd one last.
final class CycleDiscriminator: Module {
    let conv1: Conv2d
    let conv2: Conv2d
    let norm2: InstanceNorm
    let output: Conv2d
    private let borders: [[Int]]

    /// The network with so many filters in its first layer, four times as many in its second, and kernels of one size.
    init(filters: Int, kernel: Int) throws {
        conv1 = try Conv2d(1, filters, kernel: [kernel], stride: [2], bias: false)
        conv2 = try Conv2d(filters, 4 * filters, kernel: [kernel], stride: [2], bias: false)
        norm2 = try InstanceNorm(4 * filters, affine: true)
        output = try Conv2d(4 * filters, 1, kernel: [kernel], bias: false)
        borders = [2, 2, 1].map { stride in
            let total = kernel - stride
            return [total / 2, total - total / 2, total / 2, total - total / 2]
        }
    }

    /// `[N, steps, pitches]` to `[N, 1, steps / 4, pitches / 4]`; both lengths are multiples of 4.
    func callAsFunction(_ roll: TorchTensor) throws -> TorchTensor {
        let first = try conv1(roll.unsqueezed(1).padded(borders[0])).leakyReLU(slope: 0.2)
        let second = try norm2(conv2(first.padded(borders[1]))).leakyReLU(slope: 0.2)
        return try output(second.padded(borders[2]))
    }
}

/// All networks of the system, `generators.a2b`, `generators.b2a`, `discriminators.a`, `discriminators.b`, and, unless
/// the model is the base one, `mixed.a` and `mixed.b`, which tell music of a mixture from a generator's.
final class CycleNetworks: Module {
    let generators: [String: CycleGenerator]
    let discriminators: [String: CycleDiscriminator]
    let mixed: [String: CycleDiscriminator]
    let probe: StyleProbe

    init(filters: Int, blocks: Int, kernel: Int, skip: Double, hasMixed: Bool) throws {
        func make<Network>(_ names: [String], _ body: () throws -> Network) throws -> [String: Network] {
            Dictionary(uniqueKeysWithValues: try names.map { ($0, try body()) })
        }
        generators = try make(["a2b", "b2a"]) {
            try CycleGenerator(filters: filters, blocks: blocks, skip: skip)
        }
        discriminators = try make(["a", "b"]) {
            try CycleDiscriminator(filters: filters, kernel: kernel)
        }
        mixed = try make(hasMixed ? ["a", "b"] : []) {
            try CycleDiscriminator(filters: filters, kernel: kernel)
        }
        probe = try StyleProbe()
        // The authors draw weights from a truncated normal distribution, and scales from one around 1.
        try initialise { name, shape in
            shape.count == 4
                ? .truncatedNormal(0.02) : name.hasSuffix("weight") ? .normal(0.02) : .constant(0)
        }
        for item in parameters where item.tensor.rank == 1 && item.name.hasSuffix("weight") {
            try item.tensor.add(1)
        }
    }

    /// The generator that brings music of a side, 0 or 1, to the other style.
    func generator(from side: Int) -> CycleGenerator { network(generators, ["a2b", "b2a"][side]) }
    /// The discriminator of a side's style.
    func discriminator(_ side: Int) -> CycleDiscriminator { network(discriminators, ["a", "b"][side]) }
    /// The discriminator that tells mixed music from what a generator makes of a side's style; nil in the base model.
    func mixedDiscriminator(_ side: Int) -> CycleDiscriminator? { mixed[["a", "b"][side]] }

    private func network<Network>(_ networks: [String: Network], _ name: String) -> Network {
        guard let network = networks[name] else { preconditionFailure("no network '\(name)'") }
        return network
    }
}
