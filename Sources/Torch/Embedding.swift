/// A trained vector for each of some numbers, such as programs or pitches.
public final class Embedding: Layer {
    private let weight: TorchTensor
    private let padding: Int?

    /// Makes a table of so many vectors of so many features, drawn from N(0, 1) as PyTorch does.
    ///
    /// The vector of the number `padding` is 0 and never trained.
    public init(_ classes: Int, _ features: Int, padding: Int? = nil) throws(TorchError) {
        precondition(
            padding.map { (0..<classes).contains($0) } ?? true,
            "padding \(padding ?? 0) is none of \(classes) numbers")
        weight = try parameter([classes, features], .normal(1))
        self.padding = padding
        if let padding { try weight.detach().selected(0, padding).fill(0) }
    }

    /// Numbers `[…]` of `i64` to `[…, features]`.
    public func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor {
        try weight.rows(at: input, padding: padding)
    }
}
