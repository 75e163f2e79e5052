import Files
public import Loading
import Storage

extension DatasetReader {
    /// Finds a segment.
    ///
    /// - Parameter text: `<split>/<n>`, or `<n>` in the train split; or `<path>#<n>`, the nth segment of a source as
    ///   the manifest names it, or of one whose path ends so.
    /// - Returns: where it lies.
    /// - Throws: `BuildError` that says what there is.
    public func place(_ text: String) throws -> Place {
        func missing(_ message: String) -> BuildError {
            BuildError(.noDataset, message, canRetry: false)
        }
        if let hash = text.lastIndex(of: "#"), let number = Int(text[text.index(after: hash)...]) {
            let path = String(text[..<hash])
            let source = snapshot.sources[try self.source(path)]
            guard number >= 0, number < source.segments else {
                throw missing(
                    "\(source.path) has \(source.segments) segments, from 0; not one of number \(number)")
            }
            return try place(of: try self.source(path), number)
        }
        let parts = text.split(separator: "/", maxSplits: 1)
        let split = parts.count == 2 ? Split(rawValue: String(parts[0])) : .train
        guard let split, let number = parts.last.flatMap({ Int($0) }), parts.count <= 2 else {
            throw BuildError(
                .noDataset, "'\(text)' names no segment; write train/12, test/0 or path/of/source.mid#3",
                canRetry: false)
        }
        if let place = place(number, in: split) { return place }
        throw missing(
            "the \(split.rawValue) split has \(snapshot.segmentCount(split)) segments, from 0; not one of number \(number)"
        )
    }

    /// Where a source's segment lies, by its number in the source.
    private func place(of source: Int, _ number: Int) throws -> Place {
        let run = try SegmentTable(self).runs[source].last { $0.first <= number }
        guard let run, number - run.first < run.count,
            let place = place(run.number + number - run.first, in: run.split)
        else {
            throw BuildError(
                .damaged,
                "the splits have no segment \(number) of \(snapshot.sources[source].path); build the dataset again",
                canRetry: false)
        }
        return place
    }
}
