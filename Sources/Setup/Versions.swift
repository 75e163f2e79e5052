import Audio
public import Files
import Loading

/// The versions that decide what a build gives.
public enum Versions {
    /// The program's version, the format of snapshots, and the libraries, as an object.
    ///
    /// - Parameter program: the version of `reprise`.
    /// - Returns: the object that `reprise --version --json` prints.
    public static func json(program: String) -> JSONValue {
        [
            "version": .string(program), "snapshot_format": JSONValue(Snapshot.format),
            "numerics": .string(AudioLibraries.tag),
            "libraries": .object(AudioLibraries.versions.mapValues { .string($0) }),
        ]
    }
}
