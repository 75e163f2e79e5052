/// A part of a dataset.
public enum Split: String, CaseIterable, Sendable, Hashable, Codable {
    /// What systems learn from, and statistics are fitted on.
    case train
    /// What choices are made by.
    case validation
    /// What results are measured on.
    case test

    /// Reads a table's word for a split.
    ///
    /// - Parameter word: train or training; validation, valid, val or dev; test or testing; without regard to case.
    public init?(word: String) {
        switch word.lowercased() {
        case "train", "training": self = .train
        case "validation", "valid", "val", "dev": self = .validation
        case "test", "testing": self = .test
        default: return nil
        }
    }
}
