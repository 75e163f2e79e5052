import Files
public import Loading
public import Manifest

extension DatasetReader {
    /// The manifest that the dataset was built from; the effective manifest is in the manifest's own grammar.
    ///
    /// - Throws: `ManifestError` if this version no longer reads it.
    public func manifest() throws -> Manifest {
        try Manifest(
            bytes: snapshot.manifest.canonicalBytes, file: "snapshot \(digest.short)", directory: "/")
    }
}
