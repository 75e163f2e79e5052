internal import Loading
internal import Torch

/// What a transfer changes of a piece: an image that a backbone sees, and from which notes are read.
///
/// Rolls are `[1, steps, columns]`, an image `[1, rows, columns]`, both with time first.
protocol Canvas {
    /// The rolls that are seen of a piece, side by side.
    var views: [LoaderView] { get }
    /// The steps of a row of the image.
    var stepsPerRow: Int { get }
    /// The image of rolls whose steps are a multiple of those of a row.
    func image(of rolls: TorchTensor) throws -> TorchTensor
    /// The rolls that an image stands for, as shares from 0 to 1 of what each cell can hold.
    func cells(of image: TorchTensor) throws -> TorchTensor
    /// The thresholds that cells may be written with; of several the one is taken whose notes have the least loss.
    func thresholds(of cells: TorchTensor) throws -> [Double]
    /// The rolls that are written where cells sound from a threshold on.
    func rolls(_ cells: TorchTensor, from threshold: Double) throws -> TorchTensor
    /// The free numbers, along one axis, whose image is next to an image.
    func point(at image: TorchTensor) throws -> TorchTensor
    /// The image `[1, rows, columns]` of free numbers.
    func image(at point: TorchTensor, shape: [Int]) throws -> TorchTensor
    /// An image of noise, of an image's shape.
    func noise(like image: TorchTensor) throws -> TorchTensor
    /// How much an image differs from cell to cell.
    func variation(of image: TorchTensor) throws -> TorchTensor
    /// The notes of written rolls, where the content tells what these do not say.
    func notes(of rolls: [Float], as content: NoteRolls) -> NoteRolls
}

/// A roll itself, as in experiments 1 and 2.
struct RollCanvas: Canvas {
    /// What a cell holds.
    enum Cells: String {
        /// 1 while a note sounds; the free numbers are logits, so that no cell leaves 0 to 1.
        case sounding
        /// The velocity over 127, as published; the free numbers are the cells, which may leave 0 to 1.
        case velocity
    }

    let kind: Cells
    let stepsPerRow = 1

    /// How near to 0 and 1 a cell begins; nearer, nothing could move it.
    static let margin = 0.02

    var views: [LoaderView] {
        switch kind {
        case .sounding: [.roll("sounding", .piano, pitches: 0...127)]
        case .velocity: [.roll("velocity", .velocity, scale: 1 / 127, pitches: 0...127)]
        }
    }

    func image(of rolls: TorchTensor) -> TorchTensor { rolls }

    func cells(of image: TorchTensor) throws -> TorchTensor { try image.clamped(low: 0, high: 1) }

    /// That of the published code, 5 of 127, and tenths.
    func thresholds(of cells: TorchTensor) -> [Double] { [0.04] + (1...9).map { Double($0) / 10 } }

    func rolls(_ cells: TorchTensor, from threshold: Double) throws -> TorchTensor {
        let sounding = try (cells .>= threshold).to(cells.type)
        switch kind {
        case .sounding: return sounding
        // A cell sounds with one of 127 velocities.
        case .velocity: return try (sounding * cells * 127).rounded() * (1 / 127.0)
        }
    }

    func point(at image: TorchTensor) throws -> TorchTensor {
        let flat = try image.flattened()
        guard kind == .sounding else { return try flat.clone() }
        let inner = try flat * (1 - 2 * Self.margin) + Self.margin
        return try (inner / (1 - inner)).log()
    }

    func image(at point: TorchTensor, shape: [Int]) throws -> TorchTensor {
        try (kind == .sounding ? point.sigmoid() : point).reshaped(shape)
    }

    func noise(like image: TorchTensor) throws -> TorchTensor { try image.randomLike(.uniform) * 0.5 }

    func variation(of image: TorchTensor) throws -> TorchTensor {
        try TotalVariation.alongBoth(image)
    }

    func notes(of rolls: [Float], as content: NoteRolls) -> NoteRolls {
        let velocities = rolls.indices.map { cell -> UInt8 in
            guard rolls[cell] > 0 else { return 0 }
            return kind == .sounding
                ? content.velocity(at: cell) : UInt8(min(max((rolls[cell] * 127).rounded(), 1), 127))
        }
        // A key that is struck again while it sounds is struck again in the result.
        return NoteRolls(velocities: velocities, onsets: content.onsets)
    }
}

/// The total variation of paper 000, over the number of cells: the mean of (dx² + dy²)^1.25.
enum TotalVariation {
    /// The power has no finite second slope at 0, where most cells are.
    private static let slope = 1e-8

    /// Of an image whose rows and columns both follow each other, such as steps and pitches.
    static func alongBoth(_ image: TorchTensor) throws -> TorchTensor {
        let (rows, columns) = (image.shape[1] - 1, image.shape[2] - 1)
        let here = try image.narrowed(1, from: 0, count: rows).narrowed(2, from: 0, count: columns)
        let later = try image.narrowed(1, from: 1, count: rows).narrowed(2, from: 0, count: columns)
        let higher = try image.narrowed(1, from: 0, count: rows).narrowed(2, from: 1, count: columns)
        return try ((later - here).square() + (higher - here).square() + slope).power(1.25).mean()
    }

    /// Of an image whose columns have no order, such as codes: along time only.
    static func alongRows(_ image: TorchTensor) throws -> TorchTensor {
        let rows = image.shape[1] - 1
        let change =
            try image.narrowed(1, from: 1, count: rows) - image.narrowed(1, from: 0, count: rows)
        return try (change.square() + slope).power(1.25).mean()
    }
}
