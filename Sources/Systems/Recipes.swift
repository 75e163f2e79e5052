public import Training

extension Recipe {
    /// Every recipe, in the order of the papers; those of no paper last.
    public static let all: [Recipe] = [
        .composerCNN, .musicVAE, .rollNST, .velocityCNN, .genreCNN, .chordLSTM, .audioNST, .parallelVAE,
        .twinCAE, .twinVAE, .twinGAN, .twinVarGAN, .cycleGAN, .melCNN,
    ]
}
