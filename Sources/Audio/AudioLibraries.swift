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
            "libFLAC": flacVersion,
            "libm": libmVersion,
            "libmpg123": mpg123Version,
            "libopus": codecVersion("libopus", "opus_get_version_string"),
            "libsamplerate": String(cString: src_get_version()),
            "libsndfile": String(cString: sf_version_string()),
            "libsoxr": soxrVersion,
            "libvorbis": codecVersion("libvorbis", "vorbis_version_string"),
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
        if let function = dlsym(libraries, "mpg123_distversion"),
            let text = unsafeBitCast(function, to: Version.self)(nil, nil, nil)
        {
            version = String(cString: text)
        }
        guard let handle = mpg123_new(nil, nil) else { return "libmpg123 \(version)" }
        defer { mpg123_delete(handle) }
        let decoder = mpg123_current_decoder(handle).map { String(cString: $0) } ?? "unknown"
        return "libmpg123 \(version), \(decoder)"
    }()

    // MARK: - What libsndfile decodes with

    /// All libraries that this program was linked with, and those that they were linked with in turn.
    private static var libraries: UnsafeMutableRawPointer? { dlopen(nil, RTLD_NOW) }

    /// What a codec's function says of its version.
    ///
    /// A codec that is linked into libsndfile cannot be asked; then libsndfile's version has to do.
    private static func codecVersion(_ name: String, _ function: String) -> String {
        text(of: function) ?? "\(name) of unknown version"
    }

    /// libFLAC has its version in a variable.
    private static var flacVersion: String {
        let variable = dlsym(libraries, "FLAC__VERSION_STRING")?
            .assumingMemoryBound(to: UnsafePointer<CChar>?.self)
        guard let text = variable?.pointee else { return "libFLAC of unknown version" }
        return "libFLAC \(String(cString: text))"
    }

    /// Whose sines, powers and logarithms these are, and whether they use fused multiply-add, which decides the last bits.
    private static var libmVersion: String {
        #if canImport(Glibc)
            let version =
                text(of: "gnu_get_libc_version").map { "glibc \($0)" }
                ?? "unknown version"
        #else
            var system = utsname()
            uname(&system)
            let version = withUnsafeBytes(of: system.release) {
                "Darwin \(String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self))"
            }
        #endif
        return "libm of \(version)\(has_fma() == 0 ? "" : ", FMA")"
    }

    /// What a function without parameters returns, if the library has it.
    private static func text(of function: String) -> String? {
        typealias Text = @convention(c) () -> UnsafePointer<CChar>?
        guard let function = dlsym(libraries, function) else { return nil }
        return unsafeBitCast(function, to: Text.self)().map { String(cString: $0) }
    }
}
