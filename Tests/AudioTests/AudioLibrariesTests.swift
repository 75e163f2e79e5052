import Foundation
import Testing

@testable import Audio

/// The versions in the numerics tag are those of the libraries that are loaded.
@Suite struct AudioLibrariesTests {
    @Test func versionsAreNamed() {
        #expect(
            AudioLibraries.versions.keys.sorted() == [
                "fftw", "libFLAC", "libm", "libmpg123", "libopus", "libsamplerate", "libsndfile", "libsoxr",
                "libvorbis",
            ])
        // The engine too: which one libsoxr takes depends on the processor.
        #expect(AudioLibraries.versions["libsoxr"]?.contains(", ") == true)
        for version in AudioLibraries.versions.values { #expect(AudioLibraries.tag.contains(version)) }
    }

    @Test(arguments: ["fftw", "libm", "libmpg123", "libsamplerate", "libsndfile", "libsoxr"])
    func aLibraryThatIsLinkedHasANumber(name: String) throws {
        #expect(try #require(AudioLibraries.versions[name]).contains { $0.isNumber })
    }

    #if os(Linux)
        /// The system says which files are mapped into this process; each contains the version that it reports.
        @Test(arguments: [
            ("libFLAC", "/libFLAC."), ("libvorbis", "/libvorbis."), ("libopus", "/libopus."),
            ("libm", "/libc."),
        ])
        func aCodecsVersionIsThatOfTheMappedFile(name: String, file: String) throws {
            let version = try #require(AudioLibraries.versions[name])
            let handle = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/maps"))
            var bytes = Data()
            // The kernel gives a page at a time.
            while let more = try handle.read(upToCount: 1 << 16), !more.isEmpty { bytes += more }
            let maps = String(decoding: bytes, as: UTF8.self)
            let line = maps.split(separator: "\n").first { $0.contains(file) }
            guard let line, let start = line.firstIndex(of: "/") else {
                #expect(version == "\(name) of unknown version", "it is linked into libsndfile")
                return
            }
            let library = try Data(contentsOf: URL(filePath: String(line[start...])))
            let number = try #require(
                version.split { $0 == " " || $0 == "," || $0 == "-" }.first { $0.contains(".") }, "\(version)"
            )
            #expect(
                library.range(of: Data(number.utf8)) != nil, "\(line[start...]) does not contain \(number)")
        }

        /// glibc chooses its functions by this flag of the processor, which the kernel reports as well.
        @Test func fusedMultiplyAddIsWhatTheKernelReports() throws {
            let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
            let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") }
            let expected = flags?.split(separator: " ").contains("fma") ?? false
            #expect(try #require(AudioLibraries.versions["libm"]).hasSuffix(", FMA") == expected)
        }
    #endif
}
