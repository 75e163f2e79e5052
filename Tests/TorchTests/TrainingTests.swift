import Tensors
import Testing
import Torch

@Suite struct TrainingTests {
    /// A module of each kind, made after the generator was seeded.
    private static func module(_ name: String) throws -> any Module {
        switch name {
        case "linear": try Linear(5, 4)
        case "conv1d": try Conv1d(3, 4, kernel: 5)
        case "conv2d": try Conv2d(2, 3, kernel: [3])
        case "conv-transpose1d": try ConvTranspose1d(3, 4, kernel: 5)
        case "conv-transpose2d": try ConvTranspose2d(2, 3, kernel: [3])
        case "lstm": try LSTM(3, 4, layers: 2, bidirectional: true)
        default: try GRU(3, 4)
        }
    }

    /// Whether libtorch draws with the vector instructions that the golden file was written with.
    ///
    /// With AVX2 and AVX-512 the bits are the same. Without, products are rounded before they are added, and the
    /// logarithms and cosines of normal numbers are the C library's: then numbers agree to rounding.
    private static func drawsAsGolden() throws -> Bool {
        try ["AVX2", "AVX512"].contains(TorchRuntime.processorCapability())
    }

    /// How far apart numbers drawn on the two sides may be.
    private static func drawingError() throws -> Double { try drawsAsGolden() ? 0 : 1e-5 }

    @Test(arguments: ["linear", "conv1d", "conv2d", "conv-transpose1d", "conv-transpose2d", "lstm", "gru"])
    func defaultsArePyTorchsBitForBit(name: String) async throws {
        let (names, differing) = try await onTorch {
            let golden = try Golden.training()
            try RandomGenerator.seed(20)
            let parameters = try Self.module(name).parameters
            let differing = try parameters.filter {
                let want = try golden.tensor("initial/\(name)/\($0.name)")
                return try Deviation($0.name, $0.tensor, want).relative > Self.drawingError()
            }
            return (parameters.map(\.name), differing.map(\.name))
        }
        #expect(differing == [])
        #expect(try names.sorted() == Golden.training().names(after: "initial/\(name)/"))
    }

    /// The same formula, but the deviation may be rounded otherwise before it meets the numbers.
    @Test(arguments: [
        ("glorot-uniform", Initialiser.glorotUniform), ("glorot-normal", .glorotNormal),
        ("kaiming-normal", .kaimingNormal(slope: 0)),
    ])
    func initialisersArePyTorchs(name: String, initialiser: Initialiser) async throws {
        let deviation = try await onTorch {
            try RandomGenerator.seed(20)
            let weight = try TorchTensor.zeros([6, 4, 3])
            try initialiser.apply(to: weight)
            return try Deviation(name, weight, Golden.training().tensor("initial/\(name)"))
        }
        #expect(deviation.relative < 1e-6, "\(deviation)")
    }

    @Test func truncatedNormalKeepsItsBoundsAndDeviation() async throws {
        let (largest, deviation, keras) = try await onTorch {
            try RandomGenerator.seed(3)
            let weight = try TorchTensor.zeros([100_000])
            try Initialiser.truncatedNormal(0.5).apply(to: weight)
            let (largest, deviation) = (
                try weight.abs().largest().item(), try weight.variance().item().squareRoot()
            )
            let square = try TorchTensor.zeros([300, 300])
            try Initialiser.glorotTruncatedNormal.apply(to: square)
            return (largest, deviation, try square.variance().item().squareRoot())
        }
        #expect(largest <= 1 && largest > 0.99)
        // Three standard errors of a deviation estimated from so many draws are 0.7 %.
        #expect(abs(deviation / (0.5 * 0.87962566) - 1) < 0.007)
        #expect(abs(keras / (2.0 / 600).squareRoot() - 1) < 0.007)
    }

    @Test(
        arguments: [
            "adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "rmsprop_momentum", "rmsprop_centred",
        ],
        [(ElementType.f64, 1e-9), (.f32, 1e-4)])
    func optimisersFollowPyTorchsPath(name: String, precision: (type: ElementType, tolerance: Double))
        async throws
    {
        let deviations = try await onTorch {
            let golden = try name.hasPrefix("rmsprop") ? Golden.operationsInTraining() : Golden.training()
            let type = precision.type
            let prefix = "optimiser/\(name)/\(type.rawValue.lowercased())"
            let parameters = try ["a", "b", "unused"].map { name in
                let tensor = try golden.tensor("optimiser/\(name)", as: type).clone()
                try tensor.requireGradient()
                return NamedParameter(name, tensor)
            }
            let optimiser: any Optimiser =
                switch name {
                case "adam":
                    try Adam(
                        parameters, rate: 0.05, beta1: 0.8, beta2: 0.99, epsilon: 1e-7,
                        weightDecay: .gradient(0.1))
                case "adamw": try Adam(parameters, rate: 0.05, weightDecay: .decoupled(0.2))
                case "rmsprop": try RMSprop(parameters, rate: 0.02, alpha: 0.9)
                case "rmsprop_momentum":
                    try RMSprop(parameters, rate: 0.01, epsilon: 1e-6, momentum: 0.8, weightDecay: 0.1)
                case "rmsprop_centred": try RMSprop(parameters, rate: 0.02, alpha: 0.95, centred: true)
                case "sgd": try SGD(parameters, rate: 0.05, weightDecay: 0.1)
                case "momentum": try SGD(parameters, rate: 0.05, momentum: 0.9)
                default: try SGD(parameters, rate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1)
                }
            let (data, target) = (
                try golden.tensor("optimiser/data", as: type), try golden.tensor("optimiser/target", as: type)
            )
            var path: [TorchTensor] = []
            var norms: [Double] = []
            for _ in 0..<20 {
                try optimiser.clearGradients()
                let output = try (data.matmul(parameters[0].tensor) + parameters[1].tensor).tanh()
                try output.squaredError(target).backward()
                norms.append(try clipGradientNorm(parameters, to: 0.2))
                try optimiser.step()
                path.append(
                    try .concatenated(parameters.map { item in try item.tensor.detach().flattened() }))
            }
            var deviations = [
                try Deviation("\(prefix) path", .stacked(path), golden.tensor("\(prefix)/path")),
                try Deviation(
                    "\(prefix) norms", TorchTensor(norms, shape: [20]), golden.tensor("\(prefix)/norms")),
            ]
            let keys = golden.names(after: "\(prefix)/state.")
            for key in keys {
                guard let item = optimiser.stateTensors.first(where: { $0.name == key }) else {
                    deviations.append(Deviation(missing: key))
                    continue
                }
                deviations.append(
                    try Deviation(key, item.tensor, golden.tensor("\(prefix)/state.\(key)")))
            }
            return deviations
        }
        #expect(deviations.count >= (name == "sgd" ? 2 : 4))
        for deviation in deviations { #expect(deviation.relative <= precision.tolerance, "\(deviation)") }
    }

    @Test(arguments: [
        ("steps", Schedule.steps(every: 7, factor: 0.3)), ("exponential", .exponential(factor: 0.9)),
        ("cosine", .cosine(end: 0.1, over: 29)), ("linear", .linear(from: 0.25, to: 1, over: 10)),
    ])
    func schedulesArePyTorchs(name: String, schedule: Schedule) throws {
        let want = try Golden.training().file.tensor("schedule/\(name)", as: Double.self).elements
        #expect(want.count == 30)
        for (step, factor) in want.enumerated() {
            #expect(abs(schedule.factor(at: step) - factor) < 1e-12, "step \(step)")
        }
    }

    @Test func scheduleSequenceStartsTheSecondAtItsOwnZero() {
        let schedule = Schedule.sequence(
            .linear(from: 0, to: 1, over: 4), steps: 4, then: .exponential(factor: 0.5))
        #expect((0..<7).map(schedule.factor) == [0, 0.25, 0.5, 0.75, 1, 0.5, 0.25])
    }

    @Test func plateauIsPyTorchs() throws {
        let want = try Golden.training().file.tensor("schedule/plateau", as: Double.self)
        let count = want.shape[1]
        var plateau = Plateau(factor: 0.5, patience: 2)
        for step in 0..<count {
            plateau.update(want.elements[step])
            #expect(plateau.value == want.elements[count + step], "step \(step)")
        }
        #expect(plateau.value < 1)
    }

    @Test func generatorIsPyTorchsBitForBit() async throws {
        let same = try await onTorch {
            let golden = try Golden.training()
            try RandomGenerator.seed(20)
            let normal = try TorchTensor.random(.normal, [21])
            let uniform = try TorchTensor.random(.uniform, [3])
            let integers = try TorchTensor.random(in: 0..<100, [9])
            let dropped = try TorchTensor.ones([50]).droppedOut(0.3, training: true)
            let state = try RandomGenerator.state()
            let after = try TorchTensor.random(.normal, [33]).elements(as: Float.self)
            // Python's state must continue here as it does there, and ours as ours.
            try RandomGenerator.setState(golden.tensor("generator/state").elements())
            let fromPython = try TorchTensor.random(.normal, [33]).elements(as: Float.self)
            try RandomGenerator.setState(state)
            let again = try TorchTensor.random(.normal, [33]).elements(as: Float.self)
            func agree(_ name: String, _ numbers: [Float]) throws -> Bool {
                let got = try TorchTensor(numbers, shape: [numbers.count])
                return try Deviation(name, got, golden.tensor("generator/\(name)")).relative
                    <= Self.drawingError()
            }
            return [
                try agree("normal", normal.elements(as: Float.self)),
                try uniform.elements(as: Float.self) == golden.tensor("generator/uniform").elements(),
                try integers.elements(as: Int64.self) == golden.tensor("generator/integers").elements(),
                try dropped.elements(as: Float.self) == golden.tensor("generator/dropout").elements(),
                try state == golden.tensor("generator/state").elements(),
                try agree("after", after), fromPython == after, again == after,
            ]
        }
        #expect(same == Array(repeating: true, count: 8))
    }

    @Test func valuesAreClippedAndNormsAreTold() async throws {
        let (gradient, norm, left) = try await onTorch {
            let tensor = try TorchTensor([3.0, 4.0], shape: [2])
            try tensor.requireGradient()
            let parameter = [NamedParameter("x", tensor)]
            try tensor.square().sum().backward()
            let norm = try clipGradientNorm(parameter, to: 100)
            let left = try tensor.gradient()?.elements(as: Double.self)
            try clipGradientValue(parameter, to: 7)
            return (try tensor.gradient()?.elements(as: Double.self), norm, left)
        }
        #expect(norm == 10)
        #expect(left == [6, 8], "a norm below the limit changes nothing")
        #expect(gradient == [6, 7])
    }
}
