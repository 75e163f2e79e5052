internal import CFFTW
internal import CSamplerate
internal import CSndfile
internal import CSoxr

/// The libraries whose versions may change the last bits of a feature.
public enum AudioLibraries {
    /// Each library's own words for its version, by its name; part of a float stage's numerics tag.
    public static var versions: [String: String] {
        [
            "fftw": String(cString: fftwf_version_string()),
            "libsamplerate": String(cString: src_get_version()),
            "libsndfile": String(cString: sf_version_string()),
            "libsoxr": String(cString: soxr_version()),
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
}
