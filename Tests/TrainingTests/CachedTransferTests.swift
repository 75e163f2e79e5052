import Files
import Foundation
import Storage
import Tensors
import Testing
import Torch

@testable import Training

/// Transfers that the cache keeps.
struct CachedTransferTests {
    /// Writes the first numbers of the generator, then what it was asked for.
    private static let recipe = Recipe(
        name: "draw", paper: "000", summary: "draws numbers",
        transferParameters: [
            Parameter("seed", 0, "of the numbers"), Parameter("weights", "", "a file that it works with"),
        ]
    ) { request, _ in
        let drawn = try TorchTensor.random(.uniform, [4]).elements(as: Float.self).map { UInt8($0 * 255) }
        return Transferred(
            bytes: drawn + request.content, measures: [Measure("second", 2), Measure("first", .nan)],
            figures: [Figure(name: "drawn", title: "drawn", .curves(horizontal: "step", []))],
            foundations: ["weights": "none"])
    }

    /// A cache, and how often the recipe had to work.
    private final class Place {
        let files: RunPlace
        let trainer: Trainer
        private(set) var made = 0

        init() throws {
            files = try RunPlace()
            trainer = Trainer(recipes: [CachedTransferTests.recipe], cachePath: files.cache, numerics: "n")
        }

        func convert(
            _ content: [UInt8] = [1, 2], style: String = "jazz", styleBytes: [UInt8]? = nil,
            contentStyle: String? = nil, part: TransferPart = TransferPart(), isStereo: Bool = false,
            ending: String = ".mid", _ assignments: [String] = [], needsFigures: Bool = false,
            by system: TransferSystem? = nil
        ) throws -> CachedTransfer {
            let system = try system ?? TransferSystem("draw", assignments: assignments, of: trainer)
            let task = TransferTask(
                content: "a.mid", digest: Digest(of: content), ending: ending, style: style,
                styleFile: styleBytes.map { RawInput(path: style, bytes: $0) }, contentStyle: contentStyle,
                part: part, isStereo: isStereo)
            return try system.cached(
                task, needsFigures: needsFigures,
                bytes: {
                    made += 1
                    return content
                },
                write: { output, path in
                    guard case .file(let bytes) = output else { return }
                    try OutputFile.write(bytes, to: path)
                })
        }

        func bytes(_ transfer: CachedTransfer) throws -> [UInt8] {
            try [UInt8](Data(contentsOf: URL(fileURLWithPath: transfer.path)))
        }
    }

    @Test func theSameIsMadeOnce() async throws {
        try await onTorch {
            let place = try Place()
            let first = try place.convert()
            let again = try place.convert()
            #expect(place.made == 1 && !first.wasCached && again.wasCached)
            #expect(first.key == again.key && first.path == again.path && first.record == again.record)
            // In the recipe's order; what is no number is left out.
            #expect(again.measures == [Measure("second", 2)])
            #expect(again.record["foundations"] == ["weights": "none"])
            #expect(again.record["out"] == JSONValue(Digest(of: try place.bytes(again))))
            #expect(first.figures.count == 1 && again.figures.isEmpty)
            // Pictures are not kept.
            let pictured = try place.convert(needsFigures: true)
            #expect(pictured.figures.count == 1 && pictured.path == first.path && place.made == 2)
        }
    }

    /// One change each, of all that a result depends on.
    @Test func aChangeIsAnotherTransfer() async throws {
        try await onTorch {
            let place = try Place()
            let file = place.files.cache + "/a.safetensors"
            func write(_ number: Float) throws {
                let tensor = NamedTensor("w", Tensor(shape: [1], elements: [number]))
                try OutputFile.write(TensorFile.encode([tensor]), to: file)
            }
            try write(1)
            var transfers = [
                try place.convert(), try place.convert([1, 3]), try place.convert(style: "pop"),
                try place.convert(styleBytes: [1]), try place.convert(styleBytes: [2]),
                try place.convert(contentStyle: "pop"), try place.convert(isStereo: true),
                try place.convert(part: TransferPart(start: 1, duration: nil)),
                try place.convert(part: TransferPart(start: nil, duration: 1)),
                try place.convert(ending: ".wav"), try place.convert([1, 2], ["seed=1"]),
                try place.convert([1, 2], ["weights=\(file)"]),
            ]
            try write(2)
            transfers.append(try place.convert([1, 2], ["weights=\(file)"]))
            #expect(Set(transfers.map(\.key)).count == 13 && place.made == 13)
            let others = Trainer(recipes: [Self.recipe], cachePath: place.files.cache, numerics: "m")
            transfers.append(try place.convert(by: TransferSystem("draw", of: others)))
            #expect(Set(transfers.map(\.key)).count == 14)
            try TorchRuntime.setThreadCount(2)
            transfers.append(try place.convert())
            try TorchRuntime.setThreadCount(1)
            #expect(Set(transfers.map(\.key)).count == 15 && transfers.allSatisfy { !$0.wasCached })
            #expect(try place.convert().wasCached)
            #expect(try place.bytes(transfers[0]) == place.bytes(place.convert()))
            #expect(try place.bytes(transfers[0]) != place.bytes(transfers[10]))
        }
    }

    @Test func whatIsDamagedIsMadeAgain() async throws {
        try await onTorch {
            let place = try Place()
            let first = try place.convert()
            let bytes = try place.bytes(first)
            for file in [first.path, first.path.replacing("out.mid", with: "transfer.json")] {
                let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: file)))
                for damage in [[], Array(whole.dropLast()), nil] {
                    if let damage {
                        try Data(damage).write(to: URL(fileURLWithPath: file))
                    } else {
                        try FileManager.default.removeItem(atPath: file)
                    }
                    let again = try place.convert()
                    // Cut by its line feed alone, a record says the same.
                    let isSound = damage?.count == whole.count - 1 && file != first.path
                    #expect(again.wasCached == isSound)
                    #expect(try place.bytes(again) == bytes && again.key == first.key)
                }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: place.files.cache + "/transfers")
            #expect(left == [first.key.hex])
        }
    }

    @Test func aSidecarSaysAllThatTheResultDependsOn() async throws {
        try await onTorch {
            let place = try Place()
            let system = try TransferSystem("draw", assignments: ["seed=3"], of: place.trainer)
            let task = TransferTask(
                content: "x/a.mid", digest: Digest(of: [1]), ending: ".mid", style: "b.mid",
                styleFile: RawInput(path: "b.mid", bytes: [7]), contentStyle: nil,
                part: try TransferPart(start: 2, duration: 3))
            let transfer = try place.convert([1], by: system)
            let said = system.sidecar(of: transfer, task)
            #expect(said["run"] == .null && said["content"] == "x/a.mid")
            #expect(said["measures"] == ["second": 2.0])
            #expect(said["key"] == JSONValue(transfer.key) && said["out"]?.string?.count == 64)
            #expect(said["transfer"]?["seed"] == 3 && said["transfer"]?["recipe"] == "draw")
            #expect(said["transfer"]?["program"]?["numerics"] == "n")
            let described = try system.description(of: task)
            #expect(described["style_file"] == JSONValue(Digest(of: [7])))
            #expect(described["start"] == 2.0 && described["duration"] == 3.0 && described["stereo"] == nil)
        }
    }
}
