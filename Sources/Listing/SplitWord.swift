/// The words by which tables name splits.
package enum SplitWord {
    /// The name of the split that a word means: `train`, `validation` or `test`.
    ///
    /// - Parameter word: train or training; validation, valid, val or dev; test or testing; without regard to case.
    /// - Returns: the name; nil for any other word.
    package static func split(_ word: String) -> String? {
        switch word.lowercased() {
        case "train", "training": "train"
        case "validation", "valid", "val", "dev": "validation"
        case "test", "testing": "test"
        default: nil
        }
    }
}
