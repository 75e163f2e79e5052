internal import Tensors
internal import Torch

/// What a transfer has made, window by window.
struct StyleOutcome {
    /// The written rolls of all windows, one after the other.
    private(set) var rolls: [Float] = []
    /// The same after some iterations.
    private(set) var snapshots: [Int: [Float]] = [:]
    /// The same of the content's own image, where that is not the content itself.
    private(set) var decoded: [Float] = []
    /// The terms of each window that sounds, at the start and after each iteration.
    private(set) var losses: [[[Double]]] = []
    /// The terms of the content's image, and of the image of the written notes, of each window that sounds.
    private(set) var ends: [(content: [Double], written: [Double])] = []
    /// The first window's image, before and after.
    var images: (content: TorchTensor, result: TorchTensor)?

    /// Adds a window of which so many steps are the piece's.
    mutating func add(
        _ written: TorchTensor, _ places: [Int: TorchTensor], steps: Int, losses: [[Double]],
        content: [Double], written terms: [Double], decoded: TorchTensor?
    ) throws {
        rolls += try Self.cells(written, steps)
        for (iteration, place) in places { snapshots[iteration, default: []] += try Self.cells(place, steps) }
        if let decoded { self.decoded += try Self.cells(decoded, steps) }
        self.losses.append(losses)
        ends.append((content, terms))
    }

    /// Adds a window in which nothing sounds, and which stays as it is.
    mutating func addSilence(_ silence: TorchTensor, steps: Int, _ iterations: [Int]) throws {
        let cells = try Self.cells(silence, steps)
        rolls += cells
        decoded += cells
        for iteration in iterations { snapshots[iteration, default: []] += cells }
    }

    private static func cells(_ rolls: TorchTensor, _ steps: Int) throws -> [Float] {
        try rolls.to(.cpu).to(.f32).narrowed(1, from: 0, count: steps).contiguous().elements(as: Float.self)
    }

    /// The mean over the windows of a term at the start, after the last iteration, or of what `ends` has.
    func mean(_ term: Int, _ value: (_ window: Int) -> [Double]) -> Double {
        losses.indices.reduce(0) { $0 + value($1)[term] } / Double(losses.count)
    }

    /// A term's mean over the windows after each iteration; a window that ended early keeps its last value.
    func curve(_ term: Int) -> [Double] {
        let count = losses.map(\.count).max() ?? 0
        return (0..<count).map { step in
            losses.reduce(0) { $0 + $1[min(step, $1.count - 1)][term] } / Double(losses.count)
        }
    }
}
