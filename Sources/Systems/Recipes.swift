public import Training

extension Recipe {
    /// Every recipe, in the order of the papers.
    public static let all: [Recipe] = [.velocityCNN, .genreCNN, .chordLSTM]
}
