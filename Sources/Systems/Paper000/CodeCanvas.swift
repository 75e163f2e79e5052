internal import Loading
internal import Tensors
internal import Torch

/// The rows of codes that a variational autoencoder gives to a piece, as in experiments 3 and 4: a row for each of its
/// windows.
struct CodeCanvas: Canvas {
    let autoencoder: MusicVAE

    var views: [LoaderView] { autoencoder.windows.views }
    var stepsPerRow: Int { autoencoder.windows.steps }
    // More of it makes all codes of a piece alike.
    let variationWeight = 0.005

    func image(of rolls: TorchTensor) throws -> TorchTensor {
        try autoencoder.encode(autoencoder.windows.cut(rolls).windows).unsqueezed(0)
    }

    func cells(of image: TorchTensor) throws -> TorchTensor {
        let windows = try autoencoder.decode(image.squeezed(0)).sigmoid()
        return try windows.reshaped([1, windows.shape[0] * windows.shape[1], windows.shape[2]])
    }

    /// Without a threshold as many cells of a row sound as their probabilities add up to: an autoencoder that is unsure of
    /// each note still says how many there are.
    func rolls(_ cells: TorchTensor, from threshold: Double?) throws -> [TorchTensor] {
        if let threshold { return [try (cells .>= threshold).to(cells.type)] }
        let rows = try cells.reshaped([-1, stepsPerRow * cells.shape[2]])
        let counts = try rows.to(.f64).sum([1]).to(.cpu).elements(as: Double.self)
        return [try rows.greatestCells(counts.map { Int($0.rounded()) }).reshaped(cells.shape)]
    }

    func point(at image: TorchTensor) throws -> TorchTensor { try image.flattened().clone() }

    func image(at point: TorchTensor, shape: [Int]) throws -> TorchTensor { try point.reshaped(shape) }

    func noise(like image: TorchTensor) throws -> TorchTensor { try image.randomLike(.normal) }

    /// Along time only: the numbers of a code have no order.
    func variation(of image: TorchTensor) throws -> TorchTensor { try TotalVariation.alongRows(image) }

    /// Of onsets alone a note of the content keeps its length; another has the median length of the content's notes, or
    /// lasts until its key is struck again.
    func notes(of rolls: [Float], as content: NoteRolls) -> NoteRolls {
        let columns = autoencoder.windows.columns
        var velocities = [UInt8](repeating: 0, count: content.velocities.count)
        var onsets = velocities
        let usual = content.medianLength
        for step in 0..<content.steps {
            for pitch in 0..<128 {
                let cell = step * 128 + pitch
                if columns > 128, rolls[step * columns + 128 + pitch] > 0 {
                    velocities[cell] = content.velocity(at: cell)
                }
                guard rolls[step * columns + pitch] > 0 else { continue }
                onsets[cell] = 1
                let length =
                    columns > 128 ? 1 : content.onsets[cell] > 0 ? content.length(at: cell) : usual
                for later in 0..<min(length, content.steps - step) {
                    velocities[cell + later * 128] = content.velocity(at: cell)
                }
            }
        }
        return NoteRolls(velocities: velocities, onsets: onsets)
    }
}
