import Files
import Foundation
import Tensors
import Testing
import Torch

@testable import Training

struct TrainingLoopTests {
    private static let quiet: @Sendable (TrainingProgress) -> Void = { _ in }

    /// A run that nothing interrupts.
    private func whole(_ settings: [String] = []) async throws -> RunPlace {
        let place = try RunPlace()
        try await onTorch {
            try place.loop(settings: settings).run(TrainingLimits(), report: Self.quiet)
        }
        return place
    }

    @Test func stoppedAtEveryStepItEndsTheSame() async throws {
        let reference = try await whole()
        let place = try RunPlace()
        try await onTorch {
            for step in 1...15 {
                // A fresh system each time, as after a kill, and a generator that has gone elsewhere.
                _ = try TorchTensor.random(.uniform, [step])
                let loop = try place.loop(run: step == 1 ? nil : "toy-1")
                try loop.run(TrainingLimits(steps: step), report: Self.quiet)
                #expect(loop.progress.step == step)
                #expect(loop.isOver == (step == 15))
            }
        }
        #expect(place.file("metrics.jsonl") == reference.file("metrics.jsonl"))
        #expect(place.file("best.safetensors") == reference.file("best.safetensors"))
        try expectSameTensors(place, reference)
    }

    @Test(arguments: [1, 4, 5, 7, 11, 14])
    func killedAfterACheckpointItEndsTheSame(_ step: Int) async throws {
        let reference = try await whole()
        let place = try RunPlace()
        try await onTorch {
            // Steps that were made after the last checkpoint are lost, and what they wrote is cut off.
            let loop = try place.loop()
            try loop.run(
                TrainingLimits(steps: step, stepsBetweenCheckpoints: 3), report: Self.quiet)
            let last = "\(place.cache)/runs/toy-1/metrics.jsonl"
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: last))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(#"{"step":99,"loss":1}"#.utf8))
            try handle.close()
            try place.loop(run: "toy-1").run(TrainingLimits(), report: Self.quiet)
        }
        #expect(place.file("metrics.jsonl") == reference.file("metrics.jsonl"))
        try expectSameTensors(place, reference)
    }

    /// A system's memory is in the last checkpoint, not among the best weights; a run that lost it would differ.
    @Test func memoryIsPartOfTheCheckpoint() async throws {
        let (reference, place) = (try RunPlace(), try RunPlace())
        try await onTorch {
            func loop(_ place: RunPlace, run: String? = nil) throws -> TrainingLoop {
                let memory = try ToyMemory()
                return try place.loop(run: run, prepare: { $0.remembered = memory })
            }
            try loop(reference).run(TrainingLimits(), report: Self.quiet)
            for step in [2, 7, 15] {
                try loop(place, run: step == 2 ? nil : "toy-1").run(
                    TrainingLimits(steps: step), report: Self.quiet)
            }
        }
        #expect(place.file("metrics.jsonl") == reference.file("metrics.jsonl"))
        try expectSameTensors(place, reference)
        let last = try TensorFile(bytes: place.file("last.safetensors"))
        #expect(try last.tensor("memory.count", as: Int64.self).elements == [15])
        let best = try TensorFile(bytes: place.file("best.safetensors"))
        #expect(!best.entries.isEmpty && best.entries.keys.allSatisfy { !$0.contains("memory") })
    }

    /// A checkpoint without the memory of a system is refused; one of a system without a memory loads as before.
    @Test func aCheckpointWithoutItsMemoryIsRefused() async throws {
        let place = try RunPlace()
        let fault = try await onTorch {
            try place.loop().run(TrainingLimits(steps: 2), report: Self.quiet)
            #expect(try place.loop(run: "toy-1").progress.step == 2)
            let memory = try ToyMemory()
            return #expect(throws: TorchError.self) {
                try place.loop(run: "toy-1", prepare: { $0.remembered = memory })
            }
        }
        #expect(fault?.message.contains("'memory.mean' is missing") == true)
    }

    private func expectSameTensors(_ place: RunPlace, _ reference: RunPlace) throws {
        let mine = try TensorFile(bytes: place.file("last.safetensors"))
        let theirs = try TensorFile(bytes: reference.file("last.safetensors"))
        #expect(mine.entries.keys == theirs.entries.keys)
        for name in theirs.entries.keys {
            let (a, b) = (
                try mine.withBytes(of: name) { Array($0) }, try theirs.withBytes(of: name) { Array($0) }
            )
            #expect(a == b, "\(name) differs")
        }
    }

    @Test func metricsHaveALineAStep() async throws {
        let place = try await whole()
        let lines = try String(decoding: place.file("metrics.jsonl"), as: UTF8.self)
            .split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
        let steps = lines.filter { $0["split"]?.string == "train" }
        #expect(steps.compactMap { $0["step"]?.integer } == Array(1...15))
        #expect(steps.allSatisfy { $0["loss"]?.double != nil })
        let validations = lines.filter { $0["split"]?.string == "validation" }
        #expect(validations.compactMap { $0["epoch"]?.integer } == [1, 2, 3])
        // Annealed by a cosine over 15 steps.
        #expect(steps.first?["rate"]?.double == 0.01)
        #expect((steps.last?["rate"]?.double ?? 1) < 0.0002)
    }

    @Test func bestWeightsAreAStateDictionary() async throws {
        let place = try await whole()
        let file = try TensorFile(bytes: place.file("best.safetensors"))
        let names = try await onTorch {
            let toy = try ToyNetwork()
            return (toy.parameters + toy.buffers).map(\.name)
        }
        #expect(Set(file.entries.keys) == Set(names))
        #expect(names.contains("norm.running_mean") && names.contains("lstm.weight_hh_l1"))
    }

    @Test func numbersThatAreNotFiniteStopAtTheirStep() async throws {
        let place = try RunPlace()
        let fault = try await onTorch {
            let loop = try place.loop(broken: 6)
            return #expect(throws: TrainingError.self) {
                try loop.run(TrainingLimits(), report: Self.quiet)
            }
        }
        #expect(fault?.code == .notFinite)
        #expect(fault?.message.contains("step 7") == true)
        #expect(fault?.message.contains("'roll' of the batch") == true)
        // The checkpoint of the first epoch's end is there and whole.
        let weights = try TensorFile(bytes: place.file("last.safetensors"))
        #expect(try weights.tensor("network.conv.bias", as: Float.self).elements.allSatisfy(\.isFinite))
    }

    @Test func aBrokenWeightIsNamed() async throws {
        let place = try RunPlace()
        let fault = try await onTorch {
            let loop = try place.loop()
            for item in loop.system.network.parameters where item.name == "lstm.weight_hh_l1" {
                try item.tensor.detach().fill(.infinity)
            }
            return #expect(throws: TrainingError.self) {
                try loop.run(TrainingLimits(), report: Self.quiet)
            }
        }
        #expect(fault?.code == .notFinite)
        #expect(fault?.message.contains("'lstm.weight_hh_l1' is not finite") == true)
        #expect(place.file("last.safetensors").isEmpty)
    }

    @Test func aRequestToStopKeepsTheRun() async throws {
        let reference = try await whole()
        let place = try RunPlace()
        let fault = try await onTorch {
            let stop = Cancellation()
            let loop = try place.loop()
            let fault = #expect(throws: BuildError.self) {
                try loop.run(TrainingLimits(cancellation: stop)) { if $0.step == 8 { stop.request() } }
            }
            try place.loop(run: "toy-1").run(TrainingLimits(), report: Self.quiet)
            return fault
        }
        #expect(fault?.exitStatus == .interrupted)
        #expect(fault?.message.contains("--resume toy-1") == true)
        #expect(place.file("metrics.jsonl") == reference.file("metrics.jsonl"))
    }

    @Test func patienceEndsATrainingEarly() async throws {
        let place = try RunPlace()
        let steps = try await onTorch {
            // A rate of next to nothing gives no improvement that rounding shows.
            let loop = try place.loop(settings: ["epochs=50", "rate=1e-12", "patience=2"])
            try loop.run(TrainingLimits(), report: Self.quiet)
            return (loop.progress.step, loop.isOver)
        }
        #expect(steps.0 < 250 && steps.1)
    }

    @Test func aMeasureThatIsNotANumberIsNoImprovement() async throws {
        let (place, reference) = (try RunPlace(), try await whole())
        let (best, lines) = try await onTorch {
            var lines: [String] = []
            let loop = try place.loop(brokenValidations: [1, 3]) { lines.append($0) }
            try loop.run(TrainingLimits(), report: Self.quiet)
            return (loop.progress.best?.epoch, lines)
        }
        #expect(best == 2)
        #expect(lines.count == 2 && lines[0].contains("epoch 1") && lines[0].contains("loss is nan"))
        let validations = try String(decoding: place.file("metrics.jsonl"), as: UTF8.self).split(
            separator: "\n"
        )
        .map { try JSONValue(parsing: Array($0.utf8)) }.filter { $0["split"]?.string == "validation" }
        #expect(validations.map { $0["loss"] == .null } == [true, false, true])
        #expect(validations.allSatisfy { $0["batches"]?.double == 2 })
        // No step is lost or changed by it.
        try expectSameTensors(place, reference)
    }

    /// Neither a best epoch nor its weights, patience counts, and the run resumes.
    @Test func aRunWithoutAnyMeasureIsKept() async throws {
        let place = try RunPlace()
        let facts = try await onTorch {
            let loop = try place.loop(settings: ["patience=2"], brokenValidations: [1, 2, 3])
            try loop.run(TrainingLimits(steps: 7), report: Self.quiet)
            let again = try place.loop(settings: ["patience=2"], run: "toy-1", brokenValidations: [1])
            let (step, since) = (again.progress.step, again.progress.epochsSinceBest)
            try again.run(TrainingLimits(), report: Self.quiet)
            return (step, since, again.progress.best == nil, again.isOver, again.progress.step)
        }
        #expect(facts == (7, 1, true, true, 10))
        #expect(place.file("best.safetensors").isEmpty && !place.file("last.safetensors").isEmpty)
    }

    /// Weights within an epoch are no candidates, since a run that nothing stopped never had them; they are only kept
    /// where there are no others.
    @Test func aValidationWithinAnEpochCountsForNothing() async throws {
        let place = try RunPlace()
        let measure = "further"
        let found = try await onTorch {
            func loop(_ values: [Double], run: String? = nil) throws -> TrainingLoop {
                try place.loop(
                    run: run,
                    prepare: {
                        $0.furtherObjectives = [Objective(measure, higherIsBetter: true)]
                        $0.further = values
                    })
            }
            // Stopped in the first epoch: the only weights there are, until the epoch ends.
            let first = try loop([9])
            try first.run(TrainingLimits(steps: 3), report: Self.quiet)
            let (early, epoch) = (place.file("best.safetensors"), first.progress.best?.epoch)
            let second = try loop([1, 2], run: "toy-1")
            #expect(second.progress.best == nil && second.progress.furtherBest.isEmpty)
            // The end of the epoch, then a better value within the next.
            try second.run(TrainingLimits(steps: 7), report: Self.quiet)
            let weights = place.file("best.further.safetensors")
            #expect(second.progress.furtherBest[measure]?.value == 1)
            let third = try loop([1.5, 1.25], run: "toy-1")
            try third.run(TrainingLimits(), report: Self.quiet)
            return (early, epoch, weights, third.progress.furtherBest[measure]?.value)
        }
        let reference = try await whole()
        #expect(!found.0.isEmpty && found.1 == 1)
        #expect(place.file("best.safetensors") == reference.file("best.safetensors"))
        // Those of step 5; those of step 7 were better and are not kept; then those of step 10.
        #expect(try TensorFile(bytes: found.2).metadata["step"] == "5")
        #expect(found.3 == 1.5)
        #expect(try TensorFile(bytes: place.file("best.further.safetensors")).metadata["step"] == "10")
    }

    @Test func modulesAreFoundOnceAndNotAtEveryStep() async throws {
        let (before, after, steps) = try await onTorch {
            let place = try RunPlace()
            let settings = try Settings(.toy, assignments: ["epochs=3"])
            let folder = try RunFolder(creatingFor: "toy", in: place.cache)
            let system = try WatchedSystem()
            let loop = try TrainingLoop(
                system, feed: ToyFeed(batchesPerEpoch: 5), validation: ToyFeed(batchesPerEpoch: 2),
                folder: folder, settings: settings)
            let before = system.watched.looks
            try loop.run(TrainingLimits(stepsBetweenCheckpoints: 2), report: Self.quiet)
            return (before, system.watched.looks, loop.progress.step)
        }
        #expect(before > 0 && after == before, "\(after - before) looks in \(steps) steps")
        #expect(steps == 15)
    }

    @Test func optimisersPartitionTheParameters() async {
        await #expect(processExitsWith: .failure) { try await WatchedSystem.start { Array($0.dropLast()) } }
        await #expect(processExitsWith: .failure) { try await WatchedSystem.start { $0 + [$0[0]] } }
        await #expect(processExitsWith: .failure) {
            try await WatchedSystem.start { $0 + [NamedParameter("alien", try .zeros([1]))] }
        }
        await #expect(processExitsWith: .success) { try await WatchedSystem.start { $0 } }
        // What is frozen needs no optimiser.
        await #expect(processExitsWith: .success) {
            try await WatchedSystem.start {
                try $0[0].tensor.requireGradient(false)
                return Array($0.dropFirst())
            }
        }
    }

    @Test func withoutValidationTheNewestWeightsCount() async throws {
        let place = try RunPlace()
        let best = try await onTorch {
            let loop = try place.loop(validates: false)
            try loop.run(TrainingLimits(), report: Self.quiet)
            return loop.progress.best?.epoch
        }
        #expect(best == 3)
    }

    @Test func twoCannotTrainOneRun() throws {
        let place = try RunPlace()
        let first = try RunFolder(creatingFor: "toy", in: place.cache)
        try first.replace("run.json", with: Array("{}".utf8))
        try first.acquire()
        let second = try RunFolder(named: "toy-1", in: place.cache)
        let fault = #expect(throws: TrainingError.self) { try second.acquire() }
        #expect(fault?.exitStatus == .locked)
        #expect(try RunFolder(creatingFor: "toy", in: place.cache).name == "toy-2")
    }

    @Test func memoryStaysFlat() async throws {
        let growth = try await onTorch {
            let place = try RunPlace()
            let loop = try place.loop(settings: ["epochs=1000"])
            func resident() throws -> Int {
                let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
                return Int(text.split(separator: " ")[1]) ?? 0
            }
            try loop.run(TrainingLimits(steps: 100), report: Self.quiet)
            let before = try resident()
            try loop.run(TrainingLimits(steps: 600), report: Self.quiet)
            return (try resident() - before) * 4096
        }
        // A tensor that stayed behind at each step would be seen; other tests run beside this one.
        #expect(growth < 32 << 20)
    }
}
