import Audio
import Files
public import Loading
import Manifest
import Storage
import Tensors

/// Brings a normalised mel spectrogram, spectrogram or constant-Q transform back to linear values, with a snapshot's statistics.
///
/// It undoes what the stage `pack` did to the feature (`docs/manifest.md`, `normalize`), which is the first step from a
/// network's output to sound.
public struct Denormalizer: Sendable {
    /// The feature's name: `mel`, `spectrogram` or `cqt`.
    public let feature: String
    /// 1 if the linear values are magnitudes, 2 if they are powers.
    public var power: Int { normalizer.feature.gainDegree }

    private let normalizer: Normalizer
    private let statistics: FeatureStatistics?

    init(_ normalizer: Normalizer, _ statistics: FeatureStatistics?) {
        self.normalizer = normalizer
        self.statistics = statistics
        feature = normalizer.feature.name
    }

    /// The linear values.
    ///
    /// - Parameters:
    ///   - values: The normalised feature of one segment, [row, frame].
    ///   - gain: The amplitude factor that the segment's source got (`Snapshot.Source.gainDB`), to return to the loudness of
    ///     its file; 1 leaves the dataset's loudness.
    ///   - maximum: What 0 dB stands for where the manifest says `ref: max`, which is not kept.
    /// - Returns: [row, frame]: magnitudes or powers, as `power` says.
    public func linear(_ values: [Float], gain: Double = 1, maximum: Double = 1) -> [Float] {
        var values = values
        values.withUnsafeMutableBufferPointer {
            normalizer.invert($0, gain: gain, statistics, maximum: maximum)
        }
        return values
    }
}

extension DatasetReader {
    /// What undoes the normalisation of a feature.
    ///
    /// - Parameters:
    ///   - name: `mel`, `spectrogram` or `cqt`.
    ///   - value: The label value whose statistics to use, where each was normalised alone.
    /// - Returns: With the snapshot's statistics, or none where the manifest takes none.
    /// - Throws: `BuildError` if the dataset has no such feature or no statistics for the value.
    public func denormalizer(ofFeature name: String, labelValue value: String? = nil) throws -> Denormalizer {
        let block = try manifest().audio
        let audio = block.map { AudioParameters($0) }
        guard let block, let feature = audio?.features.first(where: { $0.name == name }),
            Normalizer.concerns(feature)
        else {
            throw BuildError(
                .noDataset, "dataset '\(snapshot.dataset)' has no mel, spectrogram or cqt called '\(name)'",
                canRetry: false)
        }
        let normalizer = Normalizer(manifest: block.normalize, feature: feature)
        guard let object = snapshot.statistics, block.normalize.per != .none else {
            return Denormalizer(normalizer, nil)
        }
        let values = try StatisticsFile(decoding: TensorFile(bytes: cache.bytes(of: object))).values
        var key = ""
        if case .label = block.normalize.per { key = value ?? "" }
        guard let statistics = values[key]?[name] else {
            let known = values.keys.sorted().filter { !$0.isEmpty }.joined(separator: ", ")
            throw BuildError(
                .noDataset,
                "no statistics of '\(name)' for \(value.map { "label value '\($0)'" } ?? "no label value"); "
                    + "there are: \(known)", canRetry: false)
        }
        return Denormalizer(normalizer, statistics)
    }
}
