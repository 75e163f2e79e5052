public import Training

extension Recipe {
    /// Every recipe, in the order of the papers.
    public static let all: [Recipe] = [.composerCNN, .rollNST, .velocityCNN, .genreCNN, .chordLSTM]
}
