import Files
import Foundation
import Tensors
import Testing

@testable import Dataset
@testable import Loading

/// Shards of a cache from elsewhere: whatever a tensor says, opening is a named error and reads nothing.
@Suite struct ShardDamageTests {
    /// The parts of a safetensors file, which can be changed and joined again.
    struct Parts {
        var tensors: [String: (type: String, shape: [Int], bytes: [UInt8])] = [:]
        var metadata: [String: String] = [:]

        init(_ file: TensorFile) throws {
            metadata = file.metadata
            for (name, entry) in file.entries {
                tensors[name] = (
                    entry.type.rawValue, entry.shape, try file.withBytes(of: name) { Array($0) }
                )
            }
        }

        var encoded: [UInt8] {
            func size(_ type: String) -> Int { ElementType(rawValue: type)?.byteCount ?? 1 }
            let order = tensors.sorted { (-size($0.value.type), $0.key) < (-size($1.value.type), $1.key) }
            var header: [String: JSONValue] = [
                "__metadata__": .object(metadata.mapValues { .string($0) })
            ]
            var data: [UInt8] = []
            for (name, tensor) in order {
                header[name] = [
                    "dtype": .string(tensor.type), "shape": .array(tensor.shape.map { JSONValue($0) }),
                    "data_offsets": [JSONValue(data.count), JSONValue(data.count + tensor.bytes.count)],
                ]
                data += tensor.bytes
            }
            var text = JSONValue.object(header).canonicalBytes
            text += [UInt8](repeating: 0x20, count: (64 - (8 + text.count) % 64) % 64)
            return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text + data
        }
    }

    static func raw<Element>(_ value: Element) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    /// Opens the bytes as the shard that the snapshot describes.
    private func open(
        _ bytes: [UInt8], as shard: Snapshot.Shard, in snapshot: Snapshot
    ) throws -> Shard {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let described = Snapshot.Shard(
            object: shard.object, bytes: bytes.count, segments: shard.segments, kind: shard.kind)
        return try Shard(path: path, as: described, in: snapshot)
    }

    /// Changes to one tensor's type and shape, each with fitting bytes.
    private static let reshapings:
        [String: @Sendable (inout (type: String, shape: [Int], bytes: [UInt8])) -> Void] = [
            "no axes": { tensor in
                tensor.bytes = Array(tensor.bytes.prefix(ElementType(rawValue: tensor.type)?.byteCount ?? 1))
                tensor.shape = []
            },
            "no rows": { ($0.shape[0], $0.bytes) = (0, []) },
            "one more axis": { $0.shape.append(1) },
            "two more rows": { tensor in
                tensor.bytes += [UInt8](
                    repeating: 1, count: 2 * (tensor.bytes.count / max(tensor.shape[0], 1)))
                tensor.shape[0] += 2
            },
            "an axis of 0 and a huge one": { ($0.shape, $0.bytes) = ([0, 1 << 62, 1 << 62], []) },
            "bytes": { ($0.type, $0.shape) = ("I8", [$0.bytes.count]) },
            "BF16": { ($0.type, $0.shape) = ("BF16", [$0.bytes.count / 2]) },
            "another sign": { tensor in
                tensor.type =
                    ["I32": "U32", "I64": "U64", "I16": "U16", "U16": "I16", "U8": "BOOL", "F32": "I32"][
                        tensor.type, default: "F64"]
            },
        ]

    /// Values that no builder writes, by tensor; each is put in the place of the second element.
    private static let values: [(tensor: String, value: [UInt8])] = [
        ("segment.source", raw(Int32(-1))), ("segment.source", raw(Int32.max)),
        ("segment.source", raw(Int32.min)),
        ("segment.timeline", raw(Int16(-1))), ("segment.start", raw(Int64(-1))),
        ("segment.start", raw(Int64.max)),
        ("segment.length", raw(Int64.min)), ("segment.length", raw(Int64.max)),
        ("notes.offset", raw(Int64(-1))),
        ("notes.offset", raw(Int64(1) << 40)),
        ("notes.offset", raw(Int64.max)), ("controls.offset", raw(Int64.min)),
        ("notes.start", raw(UInt16.max)),
        ("notes.length", raw(UInt16(0))), ("notes.length", raw(UInt16.max)), ("notes.pitch", raw(UInt8(128))),
        ("notes.velocity", raw(UInt8(0))), ("notes.velocity", raw(UInt8(255))),
        ("notes.program", raw(UInt8(129))),
        ("tempo", raw(Float.nan)), ("tempo", raw(-Float.infinity)),
    ]

    @Test(arguments: SegmentKind.allCases) func everyDamageIsANamedError(_ kind: SegmentKind) throws {
        let pairs = try PairFixture()
        if kind == .paired {
            try pairs.writePairs(1)
            try pairs.build(pairs.manifest())
        }
        let reader = try kind == .paired ? pairs.reader : LoaderFixture.shared.get().reader
        let snapshot = reader.snapshot
        let described = try #require(snapshot.shards[.train]?.first { $0.kind == kind && $0.segments > 2 })
        let whole = try Parts(reader.open(described).file)
        #expect(try open(whole.encoded, as: described, in: snapshot).count == described.segments)
        var tried = 0
        func refuses(_ what: String, _ tensor: String?, _ change: (inout Parts) -> Void) {
            var parts = whole
            change(&parts)
            tried += 1
            #expect("\(what)") {
                try open(parts.encoded, as: described, in: snapshot)
            } throws: { error in
                guard let error = error as? BuildError, error.code == .damaged else { return false }
                return error.message.contains(described.object.short)
                    && tensor.map { error.message.contains("'\($0)'") } ?? true
            }
        }
        for name in whole.tensors.keys.sorted() {
            refuses("\(name) gone", nil) { $0.tensors[name] = nil }
            for (what, change) in Self.reshapings {
                guard let tensor = whole.tensors[name], !tensor.bytes.isEmpty else { continue }
                // A row of notes more or less shows in another column.
                refuses("\(name): \(what)", nil) {
                    if var tensor = $0.tensors[name] { change(&tensor); $0.tensors[name] = tensor }
                }
            }
        }
        for (name, value) in Self.values where whole.tensors[name] != nil {
            refuses("\(name) = \(value)", name) { parts in
                parts.tensors[name]?.bytes.replaceSubrange(value.count..<2 * value.count, with: value)
            }
        }
        refuses("one tensor more", "extra") { $0.tensors["extra"] = ("U8", [1], [0]) }
        for key in ["sources", "labels"] {
            for text in [nil, "", "7", "[7]", "[]", "{\"style\":[1]}", "{\"style\":\"a\"}"] {
                refuses("\(key) = \(text ?? "nothing")", nil) { $0.metadata[key] = text }
            }
        }
        refuses("an unknown value", "segment.source") {
            $0.metadata["labels"] = $0.metadata["labels"]?.replacing("\"classical\"", with: "\"blues\"")
                .replacing("\"jazz\"", with: "\"blues\"")
        }
        refuses("a label that is no text", nil) {
            $0.metadata["labels"] = $0.metadata["labels"]?.replacing("\"classical\"", with: "7")
                .replacing("\"jazz\"", with: "7")
        }
        #expect(tried > 60, "\(tried)")
        #expect(throws: BuildError.self) {
            try open(Array(whole.encoded.dropLast()), as: described, in: snapshot)
        }
    }

    /// A later shard whose mel is larger than the first one's: the batch has room for the first one's alone.
    @Test func aLargerFeatureNeverReachesTheBatch() throws {
        let fixture = try LoaderFixture(pieces: 12)
        let digest = fixture.reader.digest
        let shards = fixture.reader.snapshot.shards[.train] ?? []
        let victim = try #require(shards.lastIndex { $0.kind == .audio })
        #expect(shards.firstIndex { $0.kind == .audio } != victim)
        var parts = try Parts(fixture.reader.open(shards[victim]).file)
        let count = shards[victim].segments
        parts.tensors["mel"] = (
            "F32", [count, 8, 4096], [UInt8](repeating: 0x41, count: count * 8 * 4096 * 4)
        )
        let bytes = parts.encoded
        func put(_ bytes: [UInt8]) throws -> Digest {
            let digest = Digest(of: bytes)
            let folder = "\(fixture.cachePath)/objects/\(digest.hex.prefix(2))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(digest.hex.dropFirst(2))"))
            return digest
        }
        let text = String(decoding: fixture.reader.snapshot.encoded, as: UTF8.self)
        let old = shards[victim]
        let forged = text.replacing(
            "\"bytes\":\(old.bytes),\"kind\":\"audio\",\"object\":\"\(old.object.hex)\"",
            with: "\"bytes\":\(bytes.count),\"kind\":\"audio\",\"object\":\"\(try put(bytes).hex)\"")
        #expect(forged != text && Digest(of: Array(text.utf8)) == digest)
        let snapshot = try put(Array(forged.utf8))
        try Data("\(snapshot.hex)\n".utf8).write(to: URL(fileURLWithPath: "\(fixture.cachePath)/refs/loader"))
        let reader = try DatasetReader("loader", cachePath: fixture.cachePath)
        for threads in [0, 2] {
            let loader = try Loader(
                reader,
                LoaderPlan(
                    kind: .audio, views: [.feature("mel")], batchSize: 2, isShuffled: false, epochs: 1,
                    threads: threads))
            #expect {
                while try loader.next() != nil {}
            } throws: { error in
                (error as? BuildError)?.message.contains("tensor 'mel' is F32 [\(count), 8, 4096], not F32")
                    == true
            }
        }
    }
}
