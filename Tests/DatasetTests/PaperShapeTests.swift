import Audio
import Foundation
import Testing

@testable import Dataset
@testable import Manifest

/// What a segment of the papers' manifests is, before any data is there.
@Suite struct PaperShapeTests {
    @Test(arguments: [
        ("paper-002-gtzan", "spectrogram", [1024, 1712]),
        ("paper-002-gtzan-mel", "mel", [96, 854]),
        ("paper-002-gtzan-mel", "mfcc", [20, 854]),
        ("paper-004-musicnet-fma", "mel", [256, 259]),
    ])
    func segmentShape(_ name: String, _ feature: String, _ shape: [Int]) throws {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        let path = root.appending(path: "manifests/\(name).yaml").path
        let manifest = try Manifest.read(path).manifest
        let audio = AudioParameters(try #require(manifest.audio))
        #expect(audio.faults.isEmpty)
        let found = try #require(audio.features.first { $0.name == feature })
        #expect(found.finalShape(in: audio) == shape)
    }
}
