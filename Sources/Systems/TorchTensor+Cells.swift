internal import Tensors
internal import Torch

extension TorchTensor {
    /// The same one place later along an axis, with zeros at the first.
    func delayed(along axis: Int) throws -> TorchTensor {
        try .concatenated(
            [
                narrowed(axis, from: 0, count: 1).fullLike(0),
                narrowed(axis, from: 0, count: shape[axis] - 1),
            ], axis: axis)
    }

    /// 1 for the greatest cells of each row `[rows, cells]`, so many of each, and 0 for the others; cells that equal the
    /// least of them count too.
    func greatestCells(_ counts: [Int]) throws -> TorchTensor {
        try .stacked(
            counts.enumerated().map { number, count in
                let row = try selected(0, number)
                let wanted = min(count, row.count)
                guard wanted > 0 else { return try row.fullLike(0) }
                return try (row .>= row.top(wanted).values.smallest().item()).to(type)
            })
    }
}
