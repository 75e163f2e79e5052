import Tensors
import Testing
import Torch

@Suite struct OperationTests {
    /// The bounds of `LayerTests`, for the same reasons.
    @Test(arguments: [(ElementType.f64, 1e-9), (.f32, 1e-4)])
    func forwardLossAndGradientsArePyTorchs(type: ElementType, tolerance: Double) async throws {
        let (deviations, seen) = try await onTorch {
            let golden = try Golden.operations()
            let cases = try moduleCases().merging(operationCases()) { first, _ in first }
            let deviations = try cases.sorted { $0.key < $1.key }.flatMap {
                try compare($0.key, $0.value, golden, type)
            }
            return (deviations, Set(cases.keys))
        }
        for deviation in deviations { #expect(deviation.relative <= tolerance, "\(deviation)") }
        let known = try Set(
            Golden.operations().file.entries.keys.compactMap {
                $0.split(separator: "/").first.map(String.init)
            })
        #expect(seen == known, "every golden case has its counterpart")
        #expect(deviations.count > 3 * seen.count)
    }

    /// Golden cases of convolutions over two axes, computed in the other memory format.
    @Test(arguments: [(ElementType.f64, 1e-9), (.f32, 1e-4)])
    func channelsLastGivesTheSameNumbers(type: ElementType, tolerance: Double) async throws {
        let (deviations, formats) = try await onTorch {
            let golden = try Golden.operations()
            var formats: [Bool] = []
            let deviations = try ["conv2d-k5", "conv2d-groups", "conv-transpose2d-k5"].flatMap { name in
                guard let layer = try moduleCases()[name], let module = layer.module else {
                    return [Deviation(missing: name)]
                }
                let deviations = try compare(
                    name,
                    LayerCase(module) { inputs in
                        try module.lay(out: .channelsLast)
                        let output = try layer.forward(inputs)
                        formats.append(try output.isContiguous(.channelsLast) && !output.isContiguous())
                        return output
                    }, golden, type)
                formats += try module.parameters.filter { $0.tensor.rank == 4 }.map {
                    try $0.tensor.isContiguous(.channelsLast)
                }
                return deviations
            }
            return (deviations, formats)
        }
        for deviation in deviations { #expect(deviation.relative <= tolerance, "\(deviation)") }
        #expect(formats == Array(repeating: true, count: 6))
    }

    @Test func memoryFormatsKeepTheElements() async throws {
        let (same, formats) = try await onTorch {
            let plain = try TorchTensor.range(to: 120, type: .f32).reshaped([2, 3, 4, 5])
            let last = try plain.contiguous(.channelsLast)
            let back = try last.contiguous()
            return (
                try last.elements(as: Float.self) == plain.elements(as: Float.self),
                try [
                    plain.isContiguous(), plain.isContiguous(.channelsLast), last.isContiguous(),
                    last.isContiguous(.channelsLast), back.isContiguous(),
                ]
            )
        }
        #expect(same)
        #expect(formats == [true, false, false, true, true])
        let errors = await TorchThread.faults([
            { _ = try TorchTensor.zeros([2, 3]).contiguous(.channelsLast) }
        ])
        #expect(errors.map(\.code) == [.operation])
    }

    /// An optimiser's fused step takes elements as they lie: weights, gradients and memory must lie alike.
    @Test func optimisersTrainInChannelsLast() async throws {
        let deviations = try await onTorch {
            func train(_ format: TorchTensor.MemoryFormat) throws -> TorchTensor {
                try RandomGenerator.seed(4)
                let net = Sequential([
                    try Conv2d(2, 4, kernel: [5], padding: .same), Function.relu(),
                    try Conv2d(4, 3, kernel: [3], padding: .same),
                ])
                try net.convert(to: .f64)
                try net.lay(out: format)
                let optimisers: [any Optimiser] = [
                    try Adam(Array(net.parameters.prefix(2))),
                    try RMSprop(Array(net.parameters.suffix(2)), momentum: 0.5),
                ]
                for step in 0..<5 {
                    let data = try (TorchTensor.range(to: 120, type: .f64) * (0.3 + Double(step))).sin()
                    for optimiser in optimisers { try optimiser.clearGradients() }
                    try net(data.reshaped([2, 2, 5, 6]).contiguous(format)).square().mean().backward()
                    for optimiser in optimisers { try optimiser.step() }
                }
                return try .concatenated(net.parameters.map { try $0.tensor.detach().flattened() })
            }
            return try Deviation("weights", train(.channelsLast), train(.rowByRow))
        }
        #expect(deviations.relative < 1e-9, "\(deviations)")
    }

    @Test func drawsArePyTorchsBitForBit() async throws {
        let same = try await onTorch {
            let golden = try Golden.operationsInTraining()
            let weights = try golden.tensor("multinomial/weights")
            try RandomGenerator.seed(20)
            let draws = [
                ("replaced", try weights.multinomial(20, replacement: true)),
                ("kept", try weights.multinomial(5)), ("one", try weights.selected(0, 0).multinomial(1)),
            ]
            return try draws.map {
                try $0.1.elements(as: Int64.self) == golden.tensor("multinomial/\($0.0)").elements()
            }
        }
        #expect(same == [true, true, true])
    }

    @Test func embeddingsStartAsPyTorchs() async throws {
        let (deviation, padding) = try await onTorch {
            try RandomGenerator.seed(20)
            let weight = try #require(Embedding(5, 3, padding: 1).parameters.first).tensor
            let want = try Golden.operationsInTraining().tensor("initial/embedding/weight")
            return (try Deviation("embedding", weight, want), try weight.selected(0, 1).abs().sum().item())
        }
        #expect(deviation.relative < 1e-6)
        #expect(padding == 0)
    }

    /// The network of the golden script, which averages its weights after each of twelve steps.
    @Test(arguments: [(ElementType.f64, 1e-9), (.f32, 1e-4)])
    func movingAveragesArePyTorchs(type: ElementType, tolerance: Double) async throws {
        let (deviations, frozen, moved) = try await onTorch {
            func network() throws -> Sequential {
                let network = Sequential([try Linear(3, 4), try BatchNorm(4), try Linear(4, 2)])
                try network.convert(to: type)
                return network
            }
            let golden = try Golden.operationsInTraining()
            let (source, copy) = (try network(), try network())
            try source.load(golden.weights(of: "average"))
            let average = try MovingAverage(copy, of: source, decay: 0.9)
            let optimiser = try SGD(source.parameters, rate: 0.1)
            let (data, target) = (
                try golden.tensor("average/data", as: type), try golden.tensor("average/target", as: type)
            )
            for _ in 0..<12 {
                try optimiser.clearGradients()
                try source(data).tanh().squaredError(target).backward()
                try optimiser.step()
                try average.update()
            }
            let label = type.rawValue.lowercased()
            let deviations = try (copy.parameters + copy.buffers).map { item in
                try Deviation(item.name, item.tensor, golden.tensor("average/\(label)/end.\(item.name)"))
            }
            return (
                deviations, copy.parameters.allSatisfy { !$0.tensor.requiresGradient },
                try (source.parameters[0].tensor - copy.parameters[0].tensor).abs().largest().item()
            )
        }
        #expect(deviations.count == 9)
        for deviation in deviations { #expect(deviation.relative <= tolerance, "\(deviation)") }
        #expect(frozen && moved > 1e-3)
        let errors = await TorchThread.faults([
            { _ = try MovingAverage(Linear(3, 4), of: Linear(4, 3), decay: 0.9) }
        ])
        #expect(errors.map(\.code) == [.state])
    }

    @Test func fourierTransformsUndoEachOther() async throws {
        let deviations = try await onTorch {
            try [(8, -1), (9, -1), (5, 0), (4, 1)].map { count, axis in
                let shape = axis == -1 ? [3, 2, count] : axis == 0 ? [count, 3] : [2, count, 3]
                let signal = try TorchTensor.random(.normal, shape, type: .f64)
                let back = try signal.realFourier(axis: axis).inverseRealFourier(count, axis: axis)
                return try Deviation("\(shape)", back, signal)
            }
        }
        for deviation in deviations { #expect(deviation.relative < 1e-12, "\(deviation)") }
    }

    /// In use the vectors stay as they are; in training a step changes them and no gradient reaches them.
    @Test func spectralNormIterates() async throws {
        let (norms, changes) = try await onTorch {
            try RandomGenerator.seed(6)
            let layer = try SpectralNorm(Linear(6, 5, bias: false))
            let vector = layer.buffers[0].tensor
            let input = try TorchTensor.random(.normal, [1, 6])
            func step() throws -> Bool {
                let before = try vector.elements(as: Float.self)
                _ = try layer(input)
                return try vector.elements(as: Float.self) != before
            }
            let changes =
                try [step(), step()] + Array(repeating: true, count: try (0..<40).count { _ in try step() })
            layer.setTraining(false)
            let still = try step()
            // The layer of unit vectors is its weight, whose largest singular value is 1 now.
            let identity = try TorchTensor.range(to: 6).oneHot(6).to(.f32)
            let weight = try layer(identity)
            var x = try TorchTensor.random(.normal, [5, 1])
            for _ in 0..<200 { x = try weight.transposed(0, 1).matmul(weight).matmul(x / x.norm()) }
            return (try x.norm().item().squareRoot(), (changes.prefix(2), still))
        }
        #expect(abs(norms - 1) < 1e-3)
        #expect(Array(changes.0) == [true, true] && !changes.1)
    }
}

private func moduleCases() throws -> [String: LayerCase] {
    let normInUse = try SpectralNorm(Linear(5, 4, bias: false))
    normInUse.setTraining(false)
    return [
        "layer-norm": LayerCase(try LayerNorm([4, 5])),
        "group-norm": LayerCase(try GroupNorm(2, 6)),
        "group-norm1d": LayerCase(try GroupNorm(3, 6, epsilon: 1e-3)),
        "instance-norm2d-affine": LayerCase(try InstanceNorm(3, affine: true)),
        "embedding": LayerCase(try Embedding(5, 3)),
        "embedding-padding": LayerCase(try Embedding(5, 3, padding: 4)),
        "conv2d-groups": LayerCase(try Conv2d(4, 6, kernel: [3], padding: .by(1), groups: 2)),
        "conv2d-k5": LayerCase(try Conv2d(2, 4, kernel: [5], padding: .same)),
        "conv-transpose2d-k5": LayerCase(try ConvTranspose2d(4, 2, kernel: [5], padding: [2])),
        "conv-transpose2d-groups": LayerCase(
            try ConvTranspose2d(4, 6, kernel: [3], stride: [2], groups: 2)),
        "spectral-norm-linear": LayerCase(try SpectralNorm(Linear(5, 4))),
        "spectral-norm-conv2d": LayerCase(try SpectralNorm(Conv2d(3, 4, kernel: [3]), iterations: 3)),
        "spectral-norm-conv-transpose2d": LayerCase(
            try SpectralNorm(ConvTranspose2d(3, 2, kernel: [3], stride: [2]))),
        "spectral-norm-use": LayerCase(normInUse),
    ]
}

private func operationCases() -> [String: LayerCase] {
    func unary(_ body: @escaping (TorchTensor) throws -> TorchTensor) -> LayerCase {
        LayerCase { try body($0[0]) }
    }
    func mixed(
        _ body: @escaping (TorchTensor) throws -> (values: TorchTensor, indices: TorchTensor)
    ) -> LayerCase {
        unary {
            let (values, indices) = try body($0)
            return try .concatenated([values.flattened(), indices.to(values.type).flattened()])
        }
    }
    return [
        "layer-norm-plain": unary { try $0.layerNormalised([6]) },
        "max-pool2d-overlapping": unary { try $0.maxPooled([4, 1], stride: [2, 2]) },
        "average-pool2d-strided": unary { try $0.averagePooled([3, 3], stride: [2, 1], padding: [1, 1]) },
        "resize-linear": unary { try $0.resized(to: [14]) },
        "resize-bilinear": unary { try $0.resized(to: [5, 13]) },
        "resize-bilinear-corners": unary { try $0.resized(to: [10, 4], alignsCorners: true) },
        "resize-bilinear-antialias": unary { try $0.resized(to: [3, 4], antialiases: true) },
        "resize-bicubic": unary { try $0.resized(to: [11, 5], .cubic) },
        "resize-bicubic-corners": unary { try $0.resized(to: [4, 15], .cubic, alignsCorners: true) },
        "resize-bicubic-antialias": unary { try $0.resized(to: [4, 3], .cubic, antialiases: true) },
        "real-fourier": unary { try $0.realFourier() },
        "real-fourier-axis": unary { try $0.realFourier(7, axis: 1) },
        "real-fourier-padded": unary { try $0.realFourier(16) },
        "inverse-real-fourier": unary { try $0.inverseRealFourier(10) },
        "inverse-real-fourier-odd": unary { try $0.inverseRealFourier(11) },
        "inverse-real-fourier-axis": unary { try $0.inverseRealFourier(8, axis: 0) },
        "autocorrelation": unary {
            let power = try $0.realFourier(16).square().sum([-1])
            let pairs = try TorchTensor.stacked([power, power.fullLike(0)], axis: -1)
            return try pairs.inverseRealFourier(16).narrowed(-1, from: 0, count: 8)
        },
        "sort": mixed { try $0.sorted(1) },
        "sort-descending": mixed { try $0.sorted(descending: true) },
        "top": mixed { try $0.top(3, axis: 1) },
        "top-smallest": mixed { try $0.top(2, largest: false) },
        "largest-with-indices": mixed { try $0.largestWithIndices(1) },
        "smallest-with-indices": mixed { try $0.smallestWithIndices(2, keep: true) },
        "scatter": LayerCase { try $0[0].scattering($0[1], 1, at: $0[2]) },
        "scatter-add": LayerCase { try $0[0].scatterAdding($0[1], 1, at: $0[2]) },
        "one-hot": LayerCase { try $0[1].oneHot(6).to($0[0].type) * $0[0] },
    ]
}
