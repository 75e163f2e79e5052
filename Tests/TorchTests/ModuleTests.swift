import Foundation
import Tensors
import Testing
import Torch

@Suite struct ModuleTests {
    /// A network with everything that has a state: running statistics, dropout, a recurrent layer.
    private final class Net: Layer {
        let norm: BatchNorm
        let rnn: LSTM
        let drop: Dropout
        let out: Linear

        init() throws(TorchError) {
            norm = try BatchNorm(5)
            rnn = try LSTM(4, 6)
            drop = Dropout(0.4)
            out = try Linear(6, 3)
        }

        func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
            try out(drop(rnn(norm(input)).output))
        }
    }

    private static func train(_ net: Net, _ optimiser: Adam, steps: Range<Int>) throws -> [Double] {
        try steps.map { step in
            // The data of a step is a function of its number, as the loader's is.
            let data = try (TorchTensor.range(to: 40, type: .f32) * (0.1 + Double(step))).sin().reshaped([
                2, 5, 4,
            ])
            optimiser.rate = 1e-2 * Schedule.exponential(factor: 0.95).factor(at: step)
            try optimiser.clearGradients()
            let loss = try net(data).square().mean()
            try loss.backward()
            try optimiser.step()
            return try loss.item()
        }
    }

    @Test func namesAreThoseOfPyTorch() async throws {
        let (parameters, buffers) = try await onTorch {
            let net = try Net()
            return (net.parameters.map(\.name), net.buffers.map(\.name))
        }
        #expect(
            parameters == [
                "norm.weight", "norm.bias", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0",
                "rnn.bias_hh_l0", "out.weight", "out.bias",
            ])
        #expect(buffers == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"])
    }

    /// Everything that has a name: arrays and dictionaries of tensors and modules, optional or not.
    private final class Everything: Module {
        let scales: [TorchTensor]
        let shifts: [String: TorchTensor]?
        let heads: [String: Linear]
        let blocks: [(any Layer)?]
        let absent: [Linear]?
        var late: Linear?
        let sizes = [1, 2, 3]
        let names = ["a": (1, 2.0)]

        init() throws {
            scales = [try .zeros([1]), try .zeros([2])]
            shifts = ["b": try .zeros([3]), "a": try .zeros([4])]
            heads = ["pitch": try Linear(1, 2), "onset": try Linear(1, 3, bias: false)]
            blocks = [try Linear(2, 2, bias: false), nil, try Embedding(2, 2)]
            absent = nil
        }
    }

    @Test func everyStoredTensorIsFound() async throws {
        let (names, late) = try await onTorch {
            let module = try Everything()
            let names = module.parameters.map(\.name)
            module.late = try Linear(1, 1, bias: false)
            return (names, module.parameters.map(\.name).last)
        }
        #expect(
            names == [
                "scales.0", "scales.1", "shifts.a", "shifts.b", "heads.onset.weight", "heads.pitch.weight",
                "heads.pitch.bias", "blocks.0.weight", "blocks.2.weight",
            ])
        #expect(late == "late.weight")
    }

    /// What reflection would miss, and so would never be trained, moved or saved.
    private struct Pair { let first, second: Linear }
    private final class Box { let inner: [TorchTensor]; init() throws { inner = [try .zeros([1])] } }
    private final class HidesInStructure: Module {
        let pair: Pair; init() throws { pair = Pair(first: try Linear(1, 1), second: try Linear(1, 1)) }
    }
    private final class HidesInTuple: Module {
        let pair: (Int, TorchTensor); init() throws { pair = (1, try .zeros([1])) }
    }
    private final class HidesInArrays: Module {
        let lists: [[Linear]]; init() throws { lists = [[], [try Linear(1, 1)]] }
    }
    private final class HidesInClass: Module { let box: Box?; init() throws { box = try Box() } }
    private final class HidesByNumber: Module {
        let heads: [Int: Linear]; init() throws { heads = [3: try Linear(1, 1)] }
    }
    private final class HidesInLazy: Module { lazy var late = try? Linear(1, 1); init() {} }
    private final class WritesItself: Module {
        let pair: Pair
        init() throws { pair = Pair(first: try Linear(1, 1), second: try Linear(1, 1)) }
        var children: [(name: String, module: any Module)] {
            [("first", pair.first), ("second", pair.second)]
        }
    }

    @Test func whatReflectionWouldMissStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            try await onTorch { _ = try HidesInStructure().parameters.count }
        }
        await #expect(processExitsWith: .failure) {
            try await onTorch { _ = try HidesInTuple().parameters.count }
        }
        await #expect(processExitsWith: .failure) {
            try await onTorch { _ = try HidesInArrays().parameters.count }
        }
        await #expect(processExitsWith: .failure) {
            try await onTorch { _ = try HidesInClass().parameters.count }
        }
        await #expect(processExitsWith: .failure) {
            try await onTorch { _ = try HidesByNumber().parameters.count }
        }
        await #expect(processExitsWith: .failure) { try await onTorch { _ = HidesInLazy().parameters.count } }
    }

    @Test func aModuleMayNameItsPartsItself() async throws {
        let names = try await onTorch { try WritesItself().parameters.map(\.name) }
        #expect(names == ["first.weight", "first.bias", "second.weight", "second.bias"])
    }

    @Test func stateGoesOnBitForBit() async throws {
        let (straight, resumed) = try await onTorch {
            try RandomGenerator.seed(5)
            let net = try Net()
            let optimiser = try Adam(net.parameters)
            _ = try Self.train(net, optimiser, steps: 0..<6)
            let weights = TensorFile.encode(try net.state())
            let memory = TensorFile.encode(try optimiser.state())
            let generator = try RandomGenerator.state()
            let straight = try Self.train(net, optimiser, steps: 6..<14)

            try RandomGenerator.seed(99)
            let other = try Net()
            let otherOptimiser = try Adam(other.parameters)
            try other.load(TensorFile(bytes: weights))
            try otherOptimiser.load(TensorFile(bytes: memory))
            try RandomGenerator.setState(generator)
            return (straight, try Self.train(other, otherOptimiser, steps: 6..<14))
        }
        #expect(straight == resumed)
        #expect(Set(straight).count == 8)
    }

    @Test func filesThatDoNotFitAreRefusedWithEveryFault() async throws {
        let errors = await TorchThread.faults([
            {
                let tensors = [
                    try TorchTensor.ones([3, 4]).named("weight"), try TorchTensor.ones([1]).named("scale"),
                ]
                let net = try Linear(4, 2)
                try net.load(TensorFile(bytes: TensorFile.encode(tensors)))
            }
        ])
        #expect(errors.map(\.code) == [.state])
        #expect(
            errors.first?.message
                == "'weight' is [3, 4] in the file, [2, 4] here; 'bias' is missing; 'scale' is in the file and not here"
        )
    }

    @Test func prefixesPassOverTheRest() async throws {
        let value = try await onTorch {
            let tensors = try ["a.weight": [1, 2], "a.bias": [1], "b.weight": [5, 5]].map {
                try TorchTensor.full(3, $0.value).named($0.key)
            }
            let net = try Linear(2, 1)
            try net.load(TensorFile(bytes: TensorFile.encode(tensors)), prefix: "a.")
            return try net(.ones([1, 2])).item()
        }
        #expect(value == 9)
    }

    @Test func modeReachesEveryLayer() async throws {
        let (kept, inUse) = try await onTorch {
            try RandomGenerator.seed(8)
            let net = Sequential([Dropout(0.5), Sequential([Dropout(0.5), Function.relu()])])
            let ones = try TorchTensor.ones([1000])
            let kept = try (net(ones) .> 0).to(.f32).sum().item()
            net.setTraining(false)
            return (kept, try net(ones).sum().item())
        }
        // A quarter is kept by both layers, give or take six standard deviations; one layer alone would keep half.
        #expect(inUse == 1000 && abs(kept - 250) < 6 * (1000 * 0.25 * 0.75).squareRoot())
    }

    @Test func frozenParametersKeepTheirValues() async throws {
        let (frozen, free) = try await onTorch {
            let net = try Net()
            try net.rnn.freeze()
            let optimiser = try Adam(net.parameters)
            let before = try (net.rnn.parameters + net.out.parameters).map {
                try $0.tensor.elements(as: Float.self)
            }
            _ = try Self.train(net, optimiser, steps: 0..<2)
            let after = try (net.rnn.parameters + net.out.parameters).map {
                try $0.tensor.elements(as: Float.self)
            }
            return (
                before.prefix(4) == after.prefix(4), zip(before, after).dropFirst(4).allSatisfy { $0 != $1 }
            )
        }
        #expect(frozen && free)
    }

    @Test func initialisersAreChosenByName() async throws {
        let sums = try await onTorch {
            let net = try Net()
            try net.initialise { name, _ in name.hasSuffix("bias") ? .constant(2) : nil }
            return try net.parameters.filter { $0.name.hasSuffix(".bias") }.map { try $0.tensor.sum().item() }
        }
        #expect(sums == [10, 6])
    }

    /// A leak of the smallest tensor at each step would be half a megabyte in every stretch.
    ///
    /// Other tests run beside this one and take memory of their own, so the quietest of at most ten stretches counts.
    @Test func memoryIsFlat() async throws {
        let growth = try await onTorch {
            try RandomGenerator.seed(1)
            let net = try Net()
            let optimiser = try Adam(net.parameters)
            _ = try Self.train(net, optimiser, steps: 0..<500)
            var least = Int.max
            for stretch in 0..<10 where least > 128 << 10 {
                let before = residentBytes()
                _ = try Self.train(net, optimiser, steps: (500 + 2000 * stretch)..<(2500 + 2000 * stretch))
                least = min(least, residentBytes() - before)
            }
            return least
        }
        #expect(growth <= 128 << 10, "\(growth) bytes more after 2,000 steps")
    }
}

/// The memory of this process that is in RAM.
private func residentBytes() -> Int {
    let fields =
        (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}

@Suite struct ThreadTests {
    @Test func bodiesRunOnOneThreadInTheirOrder() async throws {
        #expect(!TorchThread.isCurrent)
        let here = try await TorchThread.run { TorchThread.isCurrent }
        #expect(here)
        #expect(try TorchThread.runAndWait { 7 } == 7)
        #expect(throws: CancellationError.self) { try TorchThread.runAndWait { throw CancellationError() } }
    }

    @Test func useOutsideTheThreadStopsTheProgram() async {
        await #expect(processExitsWith: .failure) { _ = try TorchTensor.zeros([1]) }
    }

    @Test func waitingForItselfStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            try await TorchThread.run { try TorchThread.runAndWait {} }
        }
    }
}
