public import Training

extension Recipe {
    /// The work that the recipe stands for, in a sentence.
    public var origin: String {
        switch name {
        case "cyclegan":
            return
                "After Brunner, Wang, Wattenhofer and Zhao, Symbolic Music Genre Transfer with CycleGAN, 2018, "
                + "arXiv:1809.07575 (docs/cyclegan.md)."
        case "mel-cnn": return "It belongs to no paper (docs/mel-cnn.md)."
        default: break
        }
        let authors: [String: String] = [
            "000": "Volker and Paskova", "001": "Li and Zhang", "002": "Coleman, Penco and Porisky",
            "003": "Zhou, and MIDI-VAE by Brunner et al., 2018, arXiv:1809.07600", "004": "Sanders",
        ]
        return authors[paper].map { "After \($0) (docs/paper-\(paper).md)." } ?? ""
    }

    /// Whether the Python package has its network: `reprise.load_run(name).network()`.
    public var hasPythonNetwork: Bool {
        ["composer-cnn", "genre-cnn", "mel-cnn", "music-vae", "velocity-cnn"].contains(name)
    }

    /// The command that uses a run of it; nil where it measures or predicts only.
    public var command: String? {
        if name == Recipe.melCNN.name { return "classify" }
        guard case .trained(let kind) = kind else { return nil }
        return kind.transfer == nil ? nil : "transfer"
    }
}
