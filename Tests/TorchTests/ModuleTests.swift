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
        let (training, inUse) = try await onTorch {
            let net = Sequential([Dropout(0.5), Sequential([Dropout(0.5), Function.relu()])])
            let ones = try TorchTensor.ones([1000])
            let training = try net(ones).sum().item()
            net.setTraining(false)
            return (training, try net(ones).sum().item())
        }
        #expect(inUse == 1000 && training != 1000)
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

    /// A leak of the smallest tensor a step would be half a megabyte.
    ///
    /// Other tests run beside this one, so the quietest
    /// of three stretches counts.
    @Test func memoryIsFlat() async throws {
        let growth = try await onTorch {
            try RandomGenerator.seed(1)
            let net = try Net()
            let optimiser = try Adam(net.parameters)
            _ = try Self.train(net, optimiser, steps: 0..<500)
            var least = Int.max
            for stretch in 0..<3 where least > 128 << 10 {
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
