internal import Files
internal import Loading
internal import Preparation
internal import Tensors
internal import Torch
public import Training

/// A run of `mel-cnn` as a classifier of audio files.
///
/// A file is prepared exactly as the files of the run's dataset were. Use it on the Torch thread.
public struct SoundClassifier {
    /// The classes, in the order of the probabilities.
    public let classes: [String]
    private let network: MelNetwork
    private let preparation: FilePreparation
    private let device: Device

    /// Segments that the network sees at once.
    private static let batchSize = 32

    /// Takes a run.
    ///
    /// - Throws: `train.bad-run` for a run of another recipe.
    public init(_ run: TrainedRun) throws {
        let system: MelCNN = try run.system(of: .melCNN)
        classes = system.classes.names
        network = system.classifier
        device = network.parameters[0].tensor.device
        preparation = try FilePreparation(run.reader, covering: .whole)
    }

    /// What a file is taken for: the mean over its segments of the probability of each class.
    ///
    /// - Parameter path: An audio file; the last segment is filled up with silence.
    /// - Returns: One number per class, whose sum is 1, and the number of segments.
    /// - Throws: `source.unreadable`; `TorchError`.
    public func probabilities(ofFileAt path: String) throws -> (classes: [Double], segments: Int) {
        let recording = try preparation.recording(path: path)
        let batch = try preparation.batch(of: recording.shard, showing: [.mel])
        let mel = try batch.tensor(copying: LoaderView.mel.name, on: device)
        let count = mel.shape[0]
        var sums = [Double](repeating: 0, count: classes.count)
        try withoutGradients {
            for start in stride(from: 0, to: count, by: Self.batchSize) {
                let part = try mel.narrowed(0, from: start, count: min(Self.batchSize, count - start))
                let shares = try network(part).softmax(1).to(.f64).sum([0]).elements(as: Double.self)
                for place in sums.indices { sums[place] += shares[place] }
            }
        }
        return (sums.map { $0 / Double(count) }, count)
    }
}
