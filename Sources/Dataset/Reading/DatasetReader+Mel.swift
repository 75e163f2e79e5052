import Audio
public import Describing
import Files
public import Loading
public import Manifest
import Storage
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Manifest.Audio {
    /// What each row of a feature stands for in Hz; nil for features whose rows are not frequencies.
    public func frequencies(ofFeature name: String) -> [Double]? {
        let audio = AudioParameters(self)
        switch audio.features.first(where: { $0.name == name }) {
        case .mel(let mel): return mel.frequencies(sampleRate: sampleRate)
        case .spectrogram:
            return (0...stft.nFFT / 2).map { Double($0) * Double(sampleRate) / Double(stft.nFFT) }
        case .cqt(let cqt): return cqt.frequencies
        default: return nil
        }
    }
}

extension DatasetReader {
    /// The train split's mel spectrum as it is in the shards, normalised: each band's mean and deviation.
    ///
    /// From the moments that the statistics were fitted on, so that no shard is opened.
    ///
    /// - Returns: by label value where each was normalised alone, else under ""; empty without a normalised mel, where
    ///   single segments were dealt, or when the moments are gone.
    /// - Throws: `BuildError`.
    public func normalizedMel() throws -> [String: MelProfile] {
        let manifest = try manifest()
        guard let block = manifest.audio, let object = snapshot.statistics, block.normalize.per != .none
        else {
            return [:]
        }
        let audio = AudioParameters(block)
        let stages = StatisticsStages(block, rounds: manifest.statistics == .fit)
        guard let feature = audio.features.first(where: { $0.name == "mel" }),
            let bytes = try? cache.bytes(of: object),
            let statistics = try? StatisticsFile(decoding: TensorFile(bytes: bytes)).values
        else { return [:] }
        let sources = snapshot.sources.filter {
            $0.kind == .audio && $0.split == .train && $0.segments > 0
        }
        let heads = try RecordIndex(self).stages(of: sources)
        var actions: [(value: String, action: Action)] = []
        for (source, head) in zip(sources, heads) {
            guard let head, head.failure == nil else { continue }
            var value = ""
            if case .label(let label) = block.normalize.per { value = source.labels[label] ?? "" }
            let part = TrainPart(
                source: SpectrumStage.built(source.sha256, head), segments: [0..<source.segments],
                gain: pow(10, (source.gainDB ?? 0) / 20), value: value,
                path: source.path)
            guard let sigma = statistics[value]?["mel"]?.sigma,
                let action = stages.bandMoments(part, feature, sigma: sigma).action
            else { continue }
            actions.append((value, action))
        }
        var result: [String: MelProfile] = [:]
        for ((value, _), record) in zip(actions, try cache.lookup(actions.map(\.action))) {
            guard let record,
                let moments = try? TensorFile(bytes: cache.bytes(of: record.output("moments").digest)),
                let count = try? moments.tensor("count", as: Int64.self).elements.first,
                let mean = try? moments.tensor("mean", as: Double.self).elements,
                let squares = try? moments.tensor("m2", as: Double.self).elements, count > 0
            else { continue }
            result[value, default: MelProfile()].merge(
                MelProfile(
                    frames: Int(count), mean: mean,
                    deviation: squares.map { ($0 / Double(count)).squareRoot() }))
        }
        for (value, profile) in result {
            guard let bands = statistics[value]?["mel"]?.sigmaBand, bands.count == profile.mean.count else {
                continue
            }
            let divisors = bands.map { $0 + block.normalize.epsilon == 0 ? 1 : $0 + block.normalize.epsilon }
            result[value] = MelProfile(
                frames: profile.frames, mean: zip(profile.mean, divisors).map { $0 / $1 },
                deviation: zip(profile.deviation, divisors).map { $0 / $1 })
        }
        return result
    }
}
