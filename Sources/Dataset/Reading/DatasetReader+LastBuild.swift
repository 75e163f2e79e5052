import Build
import Files
public import Loading

extension DatasetReader {
    /// The sources that the last build could not use, with the reason of each; nil if another snapshot has been built since.
    ///
    /// A snapshot names only sources whose bytes are at fault. A file that could not be read is no fact about the dataset,
    /// so it is known only to the build that tried.
    public func lastQuarantine() -> [BuildSummary.Problem]? {
        guard let state = cache.lastBuild(of: snapshot.dataset), state.snapshot == digest,
            let problems = state.summary["quarantine"]?.array
        else { return nil }
        return problems.compactMap(BuildSummary.Problem.init(json:))
    }
}
