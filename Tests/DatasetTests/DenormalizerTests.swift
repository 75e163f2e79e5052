import Dataset
import Files
import Loading
import Tensors
import TestSupport
import Testing

/// A built dataset gives what undoes its normalisation.
struct DenormalizerTests {
    /// The mel of every segment of the train split, shard by shard, with its label.
    private func mels(_ reader: DatasetReader) throws -> [(style: String, mel: [Float])] {
        try (reader.snapshot.shards[.train] ?? []).filter { $0.kind == .audio }.flatMap { entry in
            let shard = try reader.open(entry)
            let values: [Float] = try shard.file.tensor("mel").elements
            let size = values.count / shard.count
            return try (0..<shard.count).map { index in
                (
                    try shard.segment(index).labels["style"] ?? "",
                    Array(values[(index * size)..<((index + 1) * size)])
                )
            }
        }
    }

    /// Normalised and brought back, each segment is what the dataset without normalisation holds.
    @Test(arguments: ["dataset", "style"]) func mapsShardsToTheLinearFeature(per: String) throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        place.manifest.splits = "{train: 1, validation: 0, test: 0, seed: 1}"
        func reader(_ normalize: String) throws -> DatasetReader {
            place.manifest.normalize = normalize
            return try DatasetReader(try place.build().snapshot.hex, cachePath: place.cache)
        }
        let plain = try reader("{compress: none, per: none}")
        let normalized = try reader("{compress: log10_1p, per: \(per), epsilon: 0.001}")
        let (linear, shown) = (try mels(plain), try mels(normalized))
        #expect(!linear.isEmpty && linear.map(\.style) == shown.map(\.style))
        for ((_, expected), (style, mel)) in zip(linear, shown) {
            let denormalizer = try normalized.denormalizer(
                ofFeature: "mel", labelValue: per == "style" ? style : nil)
            let found = denormalizer.linear(mel)
            let greatest = expected.max() ?? 1
            // Rounding of the logarithm, 1e-6 of the greatest value.
            #expect(
                found.count == expected.count
                    && zip(found, expected).allSatisfy { abs($0 - $1) <= 2e-6 * greatest + 1e-5 * $1 })
        }
        // Without statistics nothing changes.
        #expect(try plain.denormalizer(ofFeature: "mel").linear(linear[0].mel) == linear[0].mel)
        #expect(throws: BuildError.self) { try normalized.denormalizer(ofFeature: "chroma") }
        if per == "style" {
            let error = #expect(throws: BuildError.self) {
                try normalized.denormalizer(ofFeature: "mel", labelValue: "polka")
            }
            #expect(error?.message.contains("there are: classical, jazz") == true)
        }
    }
}
