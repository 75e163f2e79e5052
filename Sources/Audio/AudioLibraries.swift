internal import CEBUR128
internal import CFFTW
internal import CSamplerate
internal import CSndfile
internal import CSoxr

/// The numeric libraries beneath this module.
public enum AudioLibraries {
    /// The architecture, the vector instructions that FFTW finds, and every library's version: two machines of one
    /// tag give features that are equal to the last bit.
    public static let tag: String = {
        var major: Int32 = 0
        var minor: Int32 = 0
        var patch: Int32 = 0
        ebur128_get_version(&major, &minor, &patch)
        #if arch(x86_64)
            let architecture = "x86_64"
        #elseif arch(arm64)
            let architecture = "arm64"
        #else
            let architecture = "other"
        #endif
        return [
            "\(architecture) simd \(reprise_simd_class())", String(cString: reprise_fftw_version()),
            String(cString: sf_version_string()), String(cString: src_get_version()), String(cString: soxr_version()),
            "libebur128-\(major).\(minor).\(patch)",
        ].joined(separator: "; ")
    }()
}
