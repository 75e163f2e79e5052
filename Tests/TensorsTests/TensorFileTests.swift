import Foundation
import Tensors
import Testing

@Suite struct TensorFileTests {
    @Test func encodeThenReadIsIdentity() throws {
        let mel = Tensor<Float>(shape: [2, 3], elements: [0, 1, 2, 3, -4.5, .infinity])
        let bytes = TensorFile.encode(
            [
                NamedTensor("pitch", [UInt8](60...67)), NamedTensor("mel", mel),
                NamedTensor("offset", [Int64(7)]),
            ],
            metadata: ["labels": "{\"style\":[\"jazz\"]}", "note": "tab\there"])
        let file = try TensorFile(bytes: bytes)
        #expect(file.metadata == ["labels": "{\"style\":[\"jazz\"]}", "note": "tab\there"])
        #expect(try file.tensor("mel", as: Float.self) == mel)
        #expect(try file.tensor("pitch", as: UInt8.self).elements == [UInt8](60...67))
        #expect(try file.tensor("offset", as: Int64.self).elements == [7])
    }

    @Test func dataBeginsOn64BytesAndLargestElementsComeFirst() throws {
        for count in 0..<80 {
            let file = try TensorFile(
                bytes: TensorFile.encode(
                    [NamedTensor("a", [UInt8](repeating: 1, count: 3)), NamedTensor("z", [Double(1)])],
                    metadata: ["pad": String(repeating: "x", count: count)]))
            #expect(try file.entry("z").bytes.lowerBound % 64 == 0)
            #expect(try file.entry("a").bytes.lowerBound == file.entry("z").bytes.upperBound)
        }
    }

    static func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
        withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) }
            + Array(header.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    @Test(
        arguments: [
            ([], "tensors.truncated"),
            (file("{}", length: 3), "tensors.truncated"),
            (file("{}", length: 100_000_001), "tensors.header-too-large"),
            (file("[]"), "tensors.bad-header"),
            (file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 3), "tensors.truncated"),
            (file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 5), "tensors.bad-layout"),
            (file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, data: 4), "tensors.bad-header"),
            (file(#"{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}"#, data: 4), "tensors.bad-header"),
            (file(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, data: 2), "tensors.bad-layout"),
            (
                file(
                    #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                    data: 3), "tensors.bad-layout"
            ),
            (
                file(
                    #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
                    data: 1), "tensors.bad-header"
            ),
            (
                file(#"{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#),
                "tensors.bad-header"
            ),
            (file(#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, data: 1), "tensors.bad-header"),
            (file(#"{"__metadata__":{"a":1}}"#), "tensors.bad-header"),
            (file(#"{"a"#), "tensors.bad-header"),
            (file(#"{} x"#), "tensors.bad-header"),
        ] as [([UInt8], String)])
    func malformedFilesAreRefused(bytes: [UInt8], code: String) {
        #expect { try TensorFile(bytes: bytes) } throws: { ($0 as? TensorFileError)?.code.rawValue == code }
    }

    @Test func emptyAndScalarTensorsAreLegal() throws {
        let file = try TensorFile(
            bytes: TensorFile.encode([
                NamedTensor("none", Tensor<Float>(shape: [0, 4], elements: [])),
                NamedTensor("scalar", Tensor<Int32>(shape: [], elements: [5])),
            ]))
        #expect(try file.tensor("none", as: Float.self).shape == [0, 4])
        #expect(try file.tensor("scalar", as: Int32.self).elements == [5])
    }

    @Test func wrongTypeAndMissingNameAreErrors() throws {
        let file = try TensorFile(bytes: TensorFile.encode([NamedTensor("a", [Float(1)])]))
        #expect(throws: TensorFileError.self) { try file.tensor("a", as: Int32.self) }
        #expect(throws: TensorFileError.self) { try file.tensor("b", as: Float.self) }
    }

    @Test func unalignedFilesOfOtherWritersAreRead() throws {
        let bytes =
            Self.file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#)
            + withUnsafeBytes(of: Float(2.5)) { Array($0) }
        #expect(try TensorFile(bytes: bytes).tensor("a", as: Float.self).elements == [2.5])
    }

    @Test func partsAreReadFromAMapping() throws {
        let path = NSTemporaryDirectory() + "/reprise-tensors-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        // Several megabytes, so that whole blocks of the mapping are given back between the reads.
        let values = (0..<(1 << 20)).map { Float($0) }
        try Data(TensorFile.encode([NamedTensor("a", values), NamedTensor("b", [UInt8(7)])]))
            .write(to: URL(filePath: path))
        let file = try TensorFile(path: path)
        let part = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1000)
        defer { part.deallocate() }
        for start in [0, 999_000, 123_457, 0] {
            try file.read("a", start..<(start + 1000), into: part)
            #expect(part.elementsEqual(values[start..<(start + 1000)]))
        }
        #expect(try file.tensor("b", as: UInt8.self).elements == [7])
        #expect(throws: TensorFileError.self) {
            try file.read("a", (1 << 20) - 1..<(1 << 20) + 999, into: part)
        }
        #expect(throws: TensorFileError.self) { try file.read("b", 0..<1000, into: part) }
    }
}
