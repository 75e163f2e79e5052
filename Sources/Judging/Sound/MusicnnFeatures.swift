public import Pretrained
internal import Tensors
internal import Torch

/// What a network of musicnn says of a whole sound.
public struct MusicnnFeatures: Sendable, Hashable {
    /// For a probe: of each channel of pools 3 to 5 (of the musicnn networks: the front end, the middle layers)
    /// the mean, then of each the maximum, then of each the population's standard deviation, over all of its
    /// cells in all patches; layer by layer.
    public let features: [Double]
    /// The probability of each tag: its mean over the patches.
    public let tags: [Double]
    /// For KAD, a row for each patch: pool 5 of the VGG networks in the order time, mel, channel, 256 numbers;
    /// `hidden` of the others, 200.
    public let embeddings: [[Float]]

    /// The mean of `embeddings`: one vector for the sound.
    public var embedding: [Double] {
        let count = Double(embeddings.count)
        guard let first = embeddings.first else { return [] }
        return first.indices.map { place in embeddings.reduce(0) { $0 + Double($1[place]) } / count }
    }
}

extension Musicnn {
    /// Patches that are computed at once.
    private static let batchSize = 4

    /// Hears a sound in patches of 187 frames; what is left at its end is not heard.
    ///
    /// Memory: some 200 MB, whatever the length.
    ///
    /// - Parameters:
    ///   - sound: The sound, at any rate.
    ///   - hop: Frames from one patch to the next; by default 187, so that they do not overlap.
    /// - Returns: Features, tags and embeddings.
    /// - Throws: `sound.too-short` for less than a patch; as `callAsFunction`.
    public func features(of sound: Sound, hop: Int = patchFrames) throws -> MusicnnFeatures {
        precondition(hop > 0, "want a hop above 0, got \(hop)")
        let image = try MelImage(of: sound)
        guard image.frames >= Self.patchFrames else {
            throw JudgingError(
                .tooShort,
                "the sound has \(image.frames) frames of 16 ms; a patch has \(Self.patchFrames) (3 s)")
        }
        let starts = Array(stride(from: 0, through: image.frames - Self.patchFrames, by: hop))
        var sums: [LayerSums] = []
        var tagSums = [Double](repeating: 0, count: tags.count)
        var embeddings: [[Float]] = []
        for first in stride(from: 0, to: starts.count, by: Self.batchSize) {
            let own = starts[first..<min(first + Self.batchSize, starts.count)]
            let output = try self(image.patches(at: own))
            for row in try rows(output.tags) {
                for place in tagSums.indices { tagSums[place] += Double(row[place]) }
            }
            let probed = output.layers.filter {
                $0.name != "pool1" && $0.name != "pool2" && $0.name != "hidden"
            }
            if sums.isEmpty { sums = probed.map { LayerSums(channels: $0.values.shape[1]) } }
            for (place, layer) in probed.enumerated() { try sums[place].add(layer.values) }
            guard let last = output.layers.last?.values else { continue }
            let flat =
                last.rank == 4 ? try last.permuted([0, 2, 3, 1]).contiguous().flattened(from: 1) : last
            embeddings += try rows(flat)
        }
        return MusicnnFeatures(
            features: sums.flatMap(\.features), tags: tagSums.map { $0 / Double(starts.count) },
            embeddings: embeddings)
    }

    private func rows(_ tensor: TorchTensor) throws -> [[Float]] {
        let values = try tensor.contiguous().elements(as: Float.self)
        let width = tensor.shape[1]
        return (0..<tensor.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
}

/// Mean, maximum and standard deviation of each channel of a layer over patches.
private struct LayerSums {
    private var count = 0
    private var sums: [Double]
    private var squares: [Double]
    private var largest: [Double]

    init(channels: Int) {
        sums = [Double](repeating: 0, count: channels)
        squares = sums
        largest = [Double](repeating: -.infinity, count: channels)
    }

    /// Adds a layer's output [N, channels, …].
    mutating func add(_ values: TorchTensor) throws {
        let cells = try withoutGradients {
            try values.to(.f64).transposed(0, 1).contiguous().flattened(from: 1)
        }
        count += cells.shape[1]
        let sum = try cells.sum([1]).elements(as: Double.self)
        let square = try cells.square().sum([1]).elements(as: Double.self)
        let most = try cells.largest([1]).elements(as: Double.self)
        for channel in sums.indices {
            sums[channel] += sum[channel]
            squares[channel] += square[channel]
            largest[channel] = max(largest[channel], most[channel])
        }
    }

    var features: [Double] {
        let means = sums.map { $0 / Double(count) }
        let deviations = zip(squares, means).map { max(0, $0 / Double(count) - $1 * $1).squareRoot() }
        return means + largest + deviations
    }
}

extension MelImage {
    /// Patches of 187 frames from some frames on, [N, time, mel].
    func patches(at starts: some Collection<Int>) throws -> TorchTensor {
        var cells: [Float] = []
        cells.reserveCapacity(starts.count * Musicnn.patchFrames * Self.bands)
        for start in starts {
            for frame in start..<(start + Musicnn.patchFrames) {
                for band in 0..<Self.bands { cells.append(values[band * frames + frame]) }
            }
        }
        return try TorchTensor(cells, shape: [starts.count, Musicnn.patchFrames, Self.bands])
    }
}
