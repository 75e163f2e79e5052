/// A part of a dataset.
public enum Split: String, CaseIterable, Sendable, Hashable, Codable {
    /// What systems learn from, and statistics are fitted on.
    case train
    /// What choices are made by.
    case validation
    /// What results are measured on.
    case test
}
