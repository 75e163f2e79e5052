internal import Tensors
internal import Torch

/// Earlier outputs of a generator, from which a discriminator learns beside the newest ones.
///
/// Shrivastava et al. 2017, arXiv:1612.07828, section 2.3, as Zhu et al., CycleGAN, 2017, arXiv:1703.10593, section 4
/// use it: while the pool is not full, each output is kept and shown. Then each is shown with probability one half; else
/// an earlier one, drawn evenly, is shown, and the new one takes its place.
final class ImagePool: Module {
    private let rolls: TorchTensor
    private let kept: TorchTensor
    private let capacity: Int

    /// An empty pool for so many rolls of a shape; without room it shows what it is given.
    init(capacity: Int, shape: [Int]) throws {
        self.capacity = capacity
        rolls = try .zeros([capacity] + shape)
        kept = try .zeros([], type: .i64)
    }

    var ownParameters: [NamedParameter] { [] }
    var ownBuffers: [NamedParameter] { [.init("rolls", rolls), .init("count", kept)] }

    /// How many rolls it holds.
    var count: Int { get throws { Int(try kept.item()) } }

    /// What to show in place of a generator's newest outputs `[N, …]`, which it may keep.
    ///
    /// It draws from the generator that checkpoints hold, two numbers for each output, whatever it holds.
    func exchange(_ newest: TorchTensor) throws -> TorchTensor {
        guard capacity > 0 else { return newest }
        let number = newest.shape[0]
        let chances = try TorchTensor.random(.uniform, [number]).elements(as: Float.self)
        let places = try TorchTensor.random(in: 0..<capacity, [number]).elements(as: Int64.self)
        var count = try count
        var shown: [TorchTensor] = []
        for index in 0..<number {
            let own = try newest.narrowed(0, from: index, count: 1)
            var isOwn = true
            if count < capacity {
                try rolls.narrowed(0, from: count, count: 1).assign(own)
                count += 1
                try kept.add(1)
            } else if chances[index] < 0.5 {
                let place = try rolls.narrowed(0, from: Int(places[index]), count: 1)
                shown.append(try place.clone())
                try place.assign(own)
                isOwn = false
            }
            if isOwn { shown.append(own) }
        }
        return try .concatenated(shown)
    }
}

/// The pools of both sides: `a` of outputs in the first style, `b` of those in the second.
final class ImagePools: Module {
    let a: ImagePool
    let b: ImagePool

    init(capacity: Int, shape: [Int]) throws {
        a = try ImagePool(capacity: capacity, shape: shape)
        b = try ImagePool(capacity: capacity, shape: shape)
    }

    subscript(side: Int) -> ImagePool { side == 0 ? a : b }
}
