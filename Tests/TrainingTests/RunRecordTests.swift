import Dataset
import Files
import Foundation
import Loading
import Tensors
import Testing
import Torch

@testable import Training

/// Runs' files as anyone may have written them.
struct RunRecordTests {
    /// What no field of a run's files may be; `null` and a missing member are added.
    private static let hostile: [JSONValue] = [
        -1, .integer(.min), .integer(.max), 1e300, 1.7e308, -0.5, "1", true, [1], ["a": 1],
    ]

    /// An object with one member, at a path, replaced or removed.
    private static func replacing(_ path: [String], in json: JSONValue, by value: JSONValue?) -> JSONValue {
        guard var members = json.object, let name = path.first else { return json }
        members[name] =
            path.count == 1
            ? value : replacing(Array(path.dropFirst()), in: members[name] ?? .null, by: value)
        return .object(members)
    }

    private static func record() throws -> RunRecord {
        try RunRecord(
            run: "toy-1", recipe: "toy", dataset: "d", snapshot: Digest(of: [1]), preset: "cpu",
            settings: Settings(.toy), threads: 2, device: .cpu, foundations: ["base": Digest(of: [2])])
    }

    @Test func aRecordReadsAsItWasWritten() async throws {
        let (written, read) = try await onTorch {
            let place = try RunPlace()
            let folder = try RunFolder(creatingFor: "toy", in: place.cache)
            let record = try Self.record()
            try folder.replace("run.json", with: record.json.canonicalBytes)
            return (record.json, try RunRecord(folder).json)
        }
        #expect(written == read)
        #expect(written["device"] == "cpu")
        #expect(written["parameters"]?["deterministic"] == true)
    }

    /// The message of each refusal, or nil where a run would be used as it is.
    private static func refusal(of json: JSONValue) throws -> String? {
        let place = try RunPlace()
        let folder = try RunFolder(creatingFor: "toy", in: place.cache)
        try folder.replace("run.json", with: json.canonicalBytes)
        do throws(TrainingError) {
            let record = try RunRecord(folder)
            _ = try Settings(.toy, recorded: record.settings, file: folder.path + "/run.json")
            return nil
        } catch {
            #expect(error.code == .badRun)
            return error.message
        }
    }

    @Test(arguments: [
        ["format"], ["recipe"], ["dataset"], ["snapshot"], ["threads"], ["foundations"],
        ["foundations", "base"], ["versions"], ["machine"], ["parameters"], ["parameters", "epochs"],
        ["parameters", "batch"], ["parameters", "seed"], ["parameters", "rate"], ["parameters", "clip"],
        ["parameters", "patience"], ["parameters", "annealing"], ["parameters", "word"],
        ["parameters", "deterministic"],
    ])
    func hostileMembersAreRefusedByFileAndName(path: [String]) async throws {
        let (refused, taken) = try await onTorch {
            let json = try Self.record().json
            var (refused, taken) = ([String](), [JSONValue]())
            for value in Self.hostile + [.null] {
                let changed = Self.replacing(path, in: json, by: value)
                if let message = try Self.refusal(of: changed) {
                    refused.append(message)
                } else {
                    taken.append(value)
                }
            }
            return (refused, taken)
        }
        for message in refused {
            #expect(message.contains("/runs/toy-1/run.json"), "\(message)")
            #expect(message.contains(path[path.count - 1]), "\(message)")
        }
        // What is left is in the member's range: any text for a name, any whole number for a seed.
        let allowed: [String: [JSONValue]] = [
            "recipe": ["1"], "dataset": ["1"], "versions": [["a": 1]], "machine": [["a": 1]],
            "foundations": [], "seed": [.integer(.max)], "patience": [.integer(.max)],
            "clip": [1e300, 1.7e308, .integer(.max)], "deterministic": [true],
        ]
        #expect(taken == Self.hostile.filter { (allowed[path[path.count - 1]] ?? []).contains($0) })
    }

    @Test func parametersOfLaterVersionsHaveADefault() async throws {
        let (older, stranger) = try await onTorch {
            let json = try Self.record().json
            let older = Self.replacing(["parameters", "deterministic"], in: json, by: nil)
            let stranger = Self.replacing(["parameters", "later"], in: json, by: 1)
            return (try Self.refusal(of: older), try Self.refusal(of: stranger))
        }
        #expect(older == nil)
        #expect(stranger?.contains("parameters.later") == true)
        // A later standard need not be what older runs did.
        let parameter = Parameter("width", 5, "a width", formerly: 3)
        let recipe = Recipe(
            name: "toy", paper: "000", summary: "a toy", needs: [], parameters: [parameter], presets: [:],
            plan: { _, _, _ in LoaderPlan(kind: .midi, views: [], batchSize: 1) },
            make: { _, _ in try ToySystem(rate: 1) })
        #expect(try Settings(recipe).integer("width") == 5)
        #expect(try Settings(recipe, recorded: [:], file: "run.json").integer("width") == 3)
    }

    @Test(arguments: [
        ["step"], ["epoch"], ["batch"], ["epochs_since_best"], ["loss_sum"], ["metrics_length"],
        ["events_length"], ["seconds"], ["waited"], ["best", "value"], ["best", "epoch"],
    ])
    func hostileProgressIsRefusedByFileAndName(path: [String]) async throws {
        let (refused, taken) = try await onTorch {
            let place = try RunPlace()
            try place.loop().run(TrainingLimits(steps: 8), report: { _ in })
            let file = "\(place.cache)/runs/toy-1/last.safetensors"
            let sound = try TensorFile(path: file)
            let tensors = try sound.entries.keys.sorted().map {
                try TorchTensor(reading: $0, from: sound).named($0)
            }
            let progress = try JSONValue(parsing: Array(#require(sound.metadata["progress"]).utf8))
            var (refused, taken) = ([String](), [JSONValue]())
            for value in Self.hostile {
                let text = Self.replacing(path, in: progress, by: value).canonical
                try Data(TensorFile.encode(tensors, metadata: ["progress": text])).write(
                    to: URL(fileURLWithPath: file))
                do {
                    _ = try place.loop(run: "toy-1")
                    taken.append(value)
                } catch let error as TrainingError {
                    #expect(error.code == .badRun)
                    refused.append(error.message)
                }
            }
            return (refused, taken)
        }
        for message in refused {
            #expect(message.contains(path[path.count - 1]) || path == ["metrics_length"], "\(message)")
            #expect(message.contains("/runs/toy-1/"), "\(message)")
        }
        let numbers: [JSONValue] = [-1, .integer(.min), .integer(.max), 1e300, 1.7e308, -0.5]
        let allowed: [String: [JSONValue]] = [
            "loss_sum": numbers.filter { abs($0.double ?? 0) < 1e100 }, "value": numbers,
            "seconds": [.integer(.max)], "waited": [.integer(.max)],
        ]
        #expect(taken == (allowed[path[path.count - 1]] ?? []))
    }

    @Test(arguments: ["best", "last"])
    func weightsThatAreNotFiniteAreRefused(_ file: String) async throws {
        let message = try await onTorch {
            let place = try RunPlace()
            try place.loop().run(TrainingLimits(steps: 8), report: { _ in })
            let path = "\(place.cache)/runs/toy-1/\(file).safetensors"
            let sound = try TensorFile(path: path)
            let prefix = file == "last" ? "network." : ""
            let tensors = try sound.entries.keys.sorted().map { name in
                let tensor = try TorchTensor(reading: name, from: sound)
                if name == prefix + "norm.running_var" { try tensor.fill(.nan) }
                return try tensor.named(name)
            }
            try Data(TensorFile.encode(tensors, metadata: sound.metadata)).write(
                to: URL(fileURLWithPath: path))
            let fault = #expect(throws: TrainingError.self) {
                if file == "last" {
                    _ = try place.loop(run: "toy-1")
                } else {
                    try Checkpoint.loadBest(
                        into: ToySystem(rate: 1), from: RunFolder(named: "toy-1", in: place.cache))
                }
            }
            return fault?.message ?? ""
        }
        #expect(
            message.contains("\(file).safetensors") && message.contains("'norm.running_var' is not finite"))
    }

    /// Numbers that are in range each, but not together.
    @Test func progressFitsTheFeed() async throws {
        let messages = try await onTorch {
            let place = try RunPlace()
            try place.loop().run(TrainingLimits(steps: 8), report: { _ in })
            let file = "\(place.cache)/runs/toy-1/last.safetensors"
            let sound = try TensorFile(path: file)
            let tensors = try sound.entries.keys.sorted().map {
                try TorchTensor(reading: $0, from: sound).named($0)
            }
            let progress = try JSONValue(parsing: Array(#require(sound.metadata["progress"]).utf8))
            return try [("batch", 5), ("batch", 900), ("step", 9), ("epoch", 2)].map { name, value in
                let text = Self.replacing([name], in: progress, by: JSONValue(value)).canonical
                try Data(TensorFile.encode(tensors, metadata: ["progress": text])).write(
                    to: URL(fileURLWithPath: file))
                let fault = #expect(throws: TrainingError.self) { try place.loop(run: "toy-1") }
                return fault?.message ?? ""
            }
        }
        #expect(messages.allSatisfy { $0.contains("last.safetensors") && $0.contains("5 batches") })
    }
}
