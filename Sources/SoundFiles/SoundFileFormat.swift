/// How a sound file stores its samples.
public struct SoundFileFormat: Sendable, Hashable {
    /// A file format.
    public enum Container: String, Sendable, Hashable, CaseIterable {
        /// RIFF WAVE, up to 4 GiB.
        case wav
        /// FLAC, up to 8 channels.
        case flac
    }
    /// What one sample is.
    public enum Encoding: String, Sendable, Hashable, CaseIterable {
        /// 16-bit integers.
        case pcm16
        /// 24-bit integers.
        case pcm24
        /// IEEE floats, which do not clip; WAV only.
        case float32

        /// Bytes of one sample before compression.
        var byteCount: Int {
            switch self {
            case .pcm16: 2
            case .pcm24: 3
            case .float32: 4
            }
        }
    }

    /// The file format.
    public var container: Container
    /// What one sample is.
    public var encoding: Encoding

    /// Any combination; the writer refuses FLAC with floats.
    public init(_ container: Container, _ encoding: Encoding) {
        self.container = container
        self.encoding = encoding
    }

    /// The container by a path's ending, `.wav` or `.flac`; `nil` for other endings.
    ///
    /// - Parameters:
    ///   - path: The file's name.
    ///   - encoding: What one sample is.
    public init?(path: String, _ encoding: Encoding) {
        let ending = path.split(separator: ".", omittingEmptySubsequences: false).last.map { $0.lowercased() }
        guard let container = ending.flatMap(Container.init(rawValue:)) else { return nil }
        self.init(container, encoding)
    }
}
