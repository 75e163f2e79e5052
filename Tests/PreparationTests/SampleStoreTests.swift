import Foundation
import SoundFiles
import TestSupport
import Testing

@testable import Preparation

@Suite struct SampleStoreTests {
    /// What is appended in any pieces is read from any place, and the folder stays empty.
    @Test func samplesReturn() throws {
        let folder = try TestFolder()
        let store = try SampleStore(in: folder.path)
        var numbers = SplitMix(seed: 3)
        let samples = (0..<200_000).map { _ in Float.random(in: -1...1, using: &numbers) }
        var start = 0
        for count in [1, 0, 4095, 70_001, 125_903] {
            try samples[start..<start + count].withUnsafeBufferPointer { try store.append($0) }
            start += count
            #expect(store.count == start)
        }
        #expect(try store.samples(0..<200_000) == samples)
        #expect(try store.samples(4000..<90_000) == Array(samples[4000..<90_000]))
        #expect(try store.samples(200_000..<200_000) == [])
        store.truncate(to: 100)
        try [Float](repeating: 2, count: 3).withUnsafeBufferPointer { try store.append($0) }
        #expect(try store.samples(98..<103) == Array(samples[98..<100]) + [2, 2, 2])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func foldersThatAreNotThereAreNamed() throws {
        let error = #expect(throws: AudioOutputError.self) { try SampleStore(in: "/nowhere/at/all") }
        #expect(error?.code == .writeFailed && error?.path == "/nowhere/at/all")
    }
}
