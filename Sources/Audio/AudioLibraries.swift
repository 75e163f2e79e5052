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
}
