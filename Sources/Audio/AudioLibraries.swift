internal import CFFTW
internal import CMpg123
internal import CSamplerate
internal import CSndfile
internal import CSoxr

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The libraries whose versions may change the last bits of a feature.
public enum AudioLibraries {
    /// Each library's own words for its version, by its name; part of a float stage's numerics tag.
    public static var versions: [String: String] {
        [
            "fftw": String(cString: fftwf_version_string()),
            "libmpg123": mpg123Version,
            "libsamplerate": String(cString: src_get_version()),
            "libsndfile": String(cString: sf_version_string()),
            "libsoxr": soxrVersion,
        ]
    }

    /// The architecture, the vector instructions and every library's version: machines of one tag give features that
    /// are equal to the last bit.
    public static let tag: String = {
        #if arch(x86_64)
            let architecture = "x86_64"
        #elseif arch(arm64)
            let architecture = "arm64"
        #else
            let architecture = "other"
        #endif
        let libraries = versions.sorted { $0.key < $1.key }.map(\.value)
        return (["\(architecture), \(simd_bits())-bit vectors"] + libraries).joined(separator: "; ")
    }()

    /// libsoxr's version and the engine that it chose for this processor, which decides the last bits.
    private static let soxrVersion: String = {
        let version = String(cString: soxr_version())
        var specification = soxr_quality_spec(UInt(SOXR_HQ), 0)
        guard let soxr = soxr_create(48000, 44100, 1, nil, nil, &specification, nil) else { return version }
        defer { soxr_delete(soxr) }
        return soxr_engine(soxr).map { "\(version), \(String(cString: $0))" } ?? version
    }()

    /// libmpg123's version and the decoder that it chose for this processor, which decides the last bits.
    ///
    /// A function for the version came with 1.32; before, only the version of the interface is known.
    private static let mpg123Version: String = {
        typealias Version =
            @convention(c) (
                UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UInt32>?
            ) -> UnsafePointer<CChar>?
        var version = "interface \(MPG123_API_VERSION)"
        if let function = dlsym(dlopen(nil, RTLD_NOW), "mpg123_distversion"),
            let text = unsafeBitCast(function, to: Version.self)(nil, nil, nil)
        {
            version = String(cString: text)
        }
        guard let handle = mpg123_new(nil, nil) else { return "libmpg123 \(version)" }
        defer { mpg123_delete(handle) }
        let decoder = mpg123_current_decoder(handle).map { String(cString: $0) } ?? "unknown"
        return "libmpg123 \(version), \(decoder)"
    }()
}
