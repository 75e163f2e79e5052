import Audio
public import Files
import Listing
import Manifest

extension BuildError.Code {
    /// A feature's value is beyond what `audio.dtype: float16` can hold.
    public static let halfRange = BuildError.Code(rawValue: "features.float16-range")
    /// The statistics that a source is to be normalised by do not cover it.
    public static let noStatistics = BuildError.Code(rawValue: "features.no-statistics")
}

extension StatisticsFile {
    /// Stops the build where a source would be stored without the normalisation that the manifest asks for.
    ///
    /// - Throws: `features.no-statistics`.
    func check(
        _ feature: FeatureParameters, _ value: String, label: String?, of path: String,
        in audio: AudioParameters
    ) throws(BuildError) {
        guard Normalizer.concerns(feature) else { return }
        let rows = feature.extractedShape(in: audio)[0]
        guard let found = values[value]?[feature.name] else {
            let reason =
                label.map { "no file with the \($0) '\(value)' is in the train split" }
                ?? "the statistics are of other features"
            throw BuildError(
                .noStatistics,
                "\(path) cannot be normalised: \(reason); change splits, or set audio.normalize.per: dataset",
                canRetry: false)
        }
        guard found.sigmaBand.count == rows else {
            throw BuildError(
                .noStatistics,
                "\(path) cannot be normalised: the statistics have \(found.sigmaBand.count) rows of '\(feature.name)', not \(rows); take those of a dataset with the same features",
                canRetry: false)
        }
    }
}

extension DatasetBuild {
    /// An error with the manifest's line, where a line of the manifest is to be changed.
    func located(_ error: any Error) -> any Error {
        guard let error = error as? BuildError else { return error }
        let line: Int
        switch error.code {
        case .halfRange: line = manifest.elementTypeLine
        case .noStatistics: line = manifest.namedLabels.last { $0.key.hasSuffix(".per") }?.line ?? 1
        default: return error
        }
        return ManifestError([ManifestFault(file: path, line: line, message: error.message)])
    }
}
