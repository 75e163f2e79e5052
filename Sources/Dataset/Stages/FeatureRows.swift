import Audio
import Tensors

/// How the features of one segment lie side by side in a row of the tensor `features`, F32 [segments, values].
///
/// One row follows the other while a file is decoded, whatever features there are, so that one object holds them all
/// and is written in one pass.
struct FeatureRows: Sendable, Hashable {
    /// The tensor's name.
    static let tensor = "features"

    /// Where each feature's values lie in a row.
    let places: [String: Range<Int>]
    /// The length of a row: even, so that what follows the tensor may have elements of 8 bytes.
    let count: Int

    init(_ audio: AudioParameters) {
        var places: [String: Range<Int>] = [:]
        var end = 0
        for feature in audio.features {
            let start = end
            end += feature.extractedShape(in: audio).reduce(1, *)
            places[feature.name] = start..<end
        }
        self.places = places
        count = end + end % 2
    }

    /// The elements of one segment's feature, counted through the tensor.
    func elements(of name: String, segment: Int) -> Range<Int> {
        guard let place = places[name] else {
            preconditionFailure("no feature '\(name)', only \(places.keys.sorted())")
        }
        return segment * count + place.lowerBound..<segment * count + place.upperBound
    }

    /// Lends a feature of some segments, one after the other.
    ///
    /// Each is read into memory that is set aside once: of a mapped hour, all pages would stay in memory.
    ///
    /// - Throws: `TensorFileError`, and what `body` throws.
    func forEachSegment(
        of name: String, in file: TensorFile, _ indices: some Sequence<Int>,
        _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        let scratch = UnsafeMutableBufferPointer<Float>.allocate(
            capacity: elements(of: name, segment: 0).count)
        defer { scratch.deallocate() }
        for index in indices {
            try file.read(Self.tensor, elements(of: name, segment: index), into: scratch)
            try body(scratch)
        }
    }
}
