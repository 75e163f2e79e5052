import Files

extension Snapshot {
    /// Why a label cannot be a class: the first source with several values of it, and what to do.
    ///
    /// - Parameters:
    ///   - label: the label.
    ///   - split: the split whose sources matter; nil: all.
    /// - Returns: a sentence; nil if every source has one value at most.
    public func severalValues(of label: String, in split: Split? = nil) -> String? {
        let source = sources.first { source in
            source.segments > 0 && (split == nil || source.split == nil || source.split == split)
                && LabelText.isSeveral(source.labels[label] ?? "")
        }
        return source.map {
            "'\($0.path)' has several values of the label '\(label)' (\(LabelText.shown($0.labels[label] ?? ""))), and a class is one value; drop the others with map in the manifest, or take another label"
        }
    }

    /// Refuses a label that some source of a split has several values of.
    func checkOneValue(of label: String, in split: Split) throws(LoaderError) {
        if let fault = severalValues(of: label, in: split) { throw LoaderError(.severalValues, fault) }
    }
}
