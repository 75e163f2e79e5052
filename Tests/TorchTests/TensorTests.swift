import Foundation
import Tensors
import Testing
import Torch

@Suite struct TensorTests {
    @Test func libtorchsWordsReachTheError() async throws {
        let errors = await TorchThread.faults([
            { _ = try TorchTensor.zeros([2, 3]).matmul(.zeros([4, 5])) },
            { _ = try TorchTensor.zeros([2, 3]) + TorchTensor.zeros([4]) },
            { _ = try Linear(3, 4)(.zeros([2, 5])) },
            { _ = try TorchTensor.zeros([2]).item() },
            { _ = try TorchTensor.zeros([2, 3]).squaredError(.zeros([3])) },
            { _ = try TorchTensor.zeros([2]).elements(as: Double.self) },
            { try TorchTensor.zeros([2]).backward() },
            { _ = try TorchTensor.full(0, [1 << 40, 1 << 10]) },
            { try TorchTensor.zeros([2], type: .i64).requireGradient() },
        ])
        #expect(errors.count == 9)
        #expect(errors.map(\.code).dropLast(2) == Array(repeating: .operation, count: 7))
        #expect(errors[0].operation == "matmul")
        #expect(errors[0].message.contains("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"))
        #expect(errors[1].message.contains("must match the size of tensor b"))
        #expect(errors[2].operation == "linear")
        #expect(errors[4].message.contains("[2, 3]") && errors[4].message.contains("[3]"))
        #expect(errors[5].message == "the tensor holds F32, not F64")
        #expect(errors[6].message.contains("does not require grad"))
        #expect(!errors[0].message.contains("frame #"), "no C++ stack in a message for people")
    }

    @Test func everyTypeGoesInAndOut() async throws {
        let (types, values) = try await onTorch {
            let types: [ElementType] = [.u8, .i8, .i16, .i32, .i64, .f16, .f32, .f64, .u16, .u32, .u64]
            let ones = try types.map { try TorchTensor.ones([2], type: $0) }
            let round = try ones.map { item in
                let file = try TensorFile(bytes: TensorFile.encode([item.named("x")]))
                let again = try TorchTensor(reading: "x", from: file)
                return again.type == item.type ? try again.to(.f64).sum().item() : .nan
            }
            return (ones.map(\.type) == types, round)
        }
        #expect(types)
        #expect(values == Array(repeating: 2, count: 11))
    }

    @Test func comparisonsAndReductionsOfTruth() async throws {
        let counts = try await onTorch {
            let (a, b) = (
                try TorchTensor([1.0, 2, 3], shape: [3]), try TorchTensor([3.0, 2, 1], shape: [3])
            )
            func count(_ mask: TorchTensor) throws -> Double { try mask.to(.i64).sum().item() }
            return [
                try count(a .< b), try count(a .<= b), try count(a .== b), try count(a .!= b),
                try count(a .> 2),
                try count(a .>= 2), try count((a .< b).or(a .== b)), try count((a .< b).and(a .> 2)),
                try count((a .< b).not()), try (a .> 0).all().item(), try (a .> 3).any().item(),
                try a.argmax(0).item(), Double(try (a / 0).allFinite() ? 1 : 0),
            ]
        }
        #expect(counts == [1, 2, 1, 2, 1, 2, 2, 0, 2, 1, 0, 2, 0])
    }

    @Test func borrowedMemoryIsNotCopied() async throws {
        let value = try await onTorch {
            let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
            memory.initialize(repeating: 1)
            defer { memory.deallocate() }
            let tensor = try TorchTensor(borrowing: memory, shape: [2, 2])
            memory[3] = 7
            return try tensor.sum().item()
        }
        #expect(value == 10)
    }

    @Test func gradientScopeIsPutBackAlsoWhenTheBodyThrows() async throws {
        let seen = try await onTorch {
            var seen = [recordsGradients()]
            let x = try TorchTensor.ones([2])
            try x.requireGradient()
            let inside = try withoutGradients { () throws(TorchError) in
                seen.append(recordsGradients())
                return try x.square()
            }
            seen.append(inside.requiresGradient)
            do {
                try withoutGradients { () throws(TorchError) in _ = try x.matmul(.zeros([3])) }
            } catch { seen.append(recordsGradients()) }
            seen.append(try x.square().requiresGradient)
            return seen
        }
        #expect(seen == [true, false, false, true, true])
    }

    @Test func gradientsOfGradients() async throws {
        let (first, second, accumulated) = try await onTorch {
            let x = try TorchTensor([2.0], shape: [1])
            try x.requireGradient()
            let slope = try x.power(3).sum().gradients(of: [x], differentiable: true)[0]
            try slope.sum().backward()
            return (try slope.item(), try x.gradient()?.item(), try x.detach().gradient() == nil)
        }
        #expect(first == 12 && second == 12 && accumulated)
    }

    @Test func devicesAreNamed() async throws {
        let (cpu, known) = try await onTorch { (try Device("cpu"), try TorchRuntime.cudaDeviceCount()) }
        #expect(cpu == .cpu)
        let errors = await TorchThread.faults([
            { _ = try Device("gpu") }, { _ = try Device("cuda:\(known)") }, { _ = try Device("cuda:-1") },
        ])
        #expect(errors.map(\.code) == [.device, .device, .device])
        #expect(try await onTorch { try TorchRuntime.version() }.hasPrefix("2."))
    }

    /// Prints what the numbers of this run were computed with, and holds libtorch to what the variable asks for.
    @Test func vectorInstructionsAreReported() async throws {
        let environment = ProcessInfo.processInfo.environment
        let (version, capability) = try await onTorch {
            (try TorchRuntime.version(), try TorchRuntime.processorCapability())
        }
        let oneDNN = environment["ONEDNN_MAX_CPU_ISA"] ?? "not set"
        print("libtorch \(version): CPU capability \(capability), ONEDNN_MAX_CPU_ISA \(oneDNN)")
        #expect(!capability.isEmpty)
        if let asked = environment["ATEN_CPU_CAPABILITY"] { #expect(capability == asked.uppercased()) }
    }

    @Test func deterministicModeIsSet() async throws {
        let states = try await onTorch {
            var states: [Bool] = []
            for wanted in [true, false, true, false] {
                try TorchRuntime.setDeterministic(wanted)
                states.append(try TorchRuntime.isDeterministic())
            }
            return states
        }
        #expect(states == [true, false, true, false])
    }

    @Test func threadCountIsKept() async throws {
        let counts = try await onTorch {
            let former = TorchRuntime.threadCount()
            try TorchRuntime.setThreadCount(1)
            let one = TorchRuntime.threadCount()
            try TorchRuntime.setThreadCount(former)
            return [one, TorchRuntime.threadCount() - former]
        }
        #expect(counts == [1, 0])
        let errors = await TorchThread.faults([{ try TorchRuntime.setThreadCount(0) }])
        #expect(errors.map(\.code) == [.operation])
    }
}

extension TorchThread {
    /// What each body throws, for those that throw as they should.
    static func faults(_ bodies: [@Sendable () throws -> Void]) async -> [TorchError] {
        var errors: [TorchError] = []
        for body in bodies {
            do { try await run(body) } catch {
                if let error = error as? TorchError { errors.append(error) }
            }
        }
        return errors
    }
}
