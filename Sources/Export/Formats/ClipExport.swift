import Build
import Dataset
import Files
import Loading
import Manifest
import SoundFiles
import Symbolic
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension ExportJob {
    // MARK: Notes

    /// Writes `<split>/<number>.mid`, a Standard MIDI File per segment of notes, and `index.csv` with a column `file`.
    ///
    /// A file of format 1 begins at the segment's start. Where the source's file is still there with the same bytes, it has
    /// the source's tempo map and time signatures from there on; else the tempi that the shard holds, and no time signature.
    /// Notes are on the dataset's grid, with their programs; drums are on channel 10.
    func writeMIDI() throws {
        let rows = try SegmentRows(reader, readsScores: true)
        let rounding = rows.manifest.midi?.rounding ?? .halfUp
        try writeClips("mid", rows) { row, shard, index, path in
            guard let grid = row.clock?.grid else { return false }
            let segment = try shard.rollSegment(index)
            // A recording may begin before its score; no tick lies there.
            let content = row.segment.start < 0 ? nil : row.clock?.content
            let file = MIDIFile(
                segments: [segment], start: max(0, row.segment.start), grid: grid, rounding: rounding,
                content: content)
            try OutputFile.write(file.write(), to: path)
            return true
        }
    }

    /// Writes a file a segment, and the list of them; the body writes one, or says that there is none.
    private func writeClips(
        _ ending: String, _ rows: SegmentRows,
        _ body: (SegmentRow, Shard, Int, String) throws -> Bool
    ) throws {
        let columns = SegmentColumns(reader.snapshot, rows.manifest)
        try target.make("index.csv", isRewritten: true) { path in
            let list = try CSVFile(path, columns: ["file"] + columns.columns.map(\.column.name))
            for split in splits {
                try rows.forEach(in: split, 0..<reader.snapshot.segmentCount(split)) { row, shard, index in
                    let name = "\(row.split.rawValue)/\(SegmentRow.padded(row.number, 8)).\(ending)"
                    let isWritten = try target.makeIfAny(name) { try body(row, shard, index, $0) }
                    if isWritten { try list.append([.text(name)] + columns.values(row)) }
                    advance(1)
                }
            }
            try list.close()
        }
    }

    // MARK: Sound

    /// Writes `<split>/<number>.wav` or `.flac`, a file per segment of audio, and `index.csv` with a column `file`.
    ///
    /// The samples are those of the feature `waveform` where the dataset has it, mono at the dataset's rate and loudness;
    /// else those of the source's own file at its own rate and channels, if it is still there with the same bytes. WAV files
    /// hold 32-bit floats, FLAC files 24 bits, beyond whose range samples are clipped.
    ///
    /// - Returns: by source the segments whose file could not be written, since the source is gone or changed.
    /// - Throws: `BuildError`, `ManifestError`, `AudioOutputError`, and what decoding throws.
    func writeSound(_ container: SoundFileFormat.Container) throws -> [String: Int] {
        let rows = try SegmentRows(reader)
        guard let audio = rows.manifest.audio else { return [:] }
        let format = SoundFileFormat(container, container == .wav ? .float32 : .pcm24)
        let clips = SourceClips(reader, rows)
        var missing: [String: Int] = [:]
        try writeClips(container.rawValue, rows) { row, shard, index, path in
            guard row.kind != .midi else { return false }
            if let samples = try shard.waveform(index) {
                let length = row.kind == .audio ? min(row.segment.length, samples.count) : samples.count
                let writer = try SoundFileWriter(
                    path: path, format: format, sampleRate: audio.sampleRate, channels: 1)
                try writer.write([Array(samples.prefix(max(1, length)))])
                try writer.finish()
                return true
            }
            let start = row.segment.recording?.start ?? row.segment.start
            let length = row.kind == .audio ? row.segment.length : audio.samples
            let isWritten = try clips.write(
                row, seconds: start, length, per: audio.sampleRate, to: path, format)
            if !isWritten { missing[clips.recording(row).path, default: 0] += 1 }
            return isWritten
        }
        return missing
    }
}

extension Shard {
    /// A segment's notes, pedals and tempi, copied out.
    func rollSegment(_ index: Int) throws -> RollSegment {
        let steps = try steps()
        let range = try noteRows(index)
        let voices = try file.withElements(of: "notes.voice", as: UInt8.self) { Array($0[range]) }
        let rows = try withRows(of: index) { rows in
            rows.start.indices.map { row in
                RollSegment.Row(
                    start: Int(rows.start[row]), length: Int(rows.length[row]), pitch: rows.pitch[row],
                    velocity: rows.velocity[row], program: rows.program[row], voice: voices[row],
                    isOnset: rows.flags[row] & RollFlags.onset != 0)
            }
        }
        let own = index * steps..<(index + 1) * steps
        return RollSegment(
            length: min(try segment(index).length, steps), rows: rows,
            pedal: try file.withElements(of: "pedal", as: UInt8.self) {
                Array($0[own.lowerBound * 3..<own.upperBound * 3])
            },
            tempo: try file.withElements(of: "tempo", as: Float.self) { Array($0[own]) })
    }

    /// A segment's samples as its waveform is stored; nil without one.
    func waveform(_ index: Int) throws -> [Float]? {
        file.entries["waveform"] == nil ? nil : try feature("waveform", of: index)
    }
}

/// Cuts segments out of the files that they were read from; one file is open at a time.
private final class SourceClips {
    private let files: SourceFiles
    private let byPath: [[UInt8]: Snapshot.Source]
    private var open: (source: Snapshot.Source, file: SoundFile, path: String)?
    private var absent: Snapshot.Source?
    private var frame = 0
    private var buffer: [Float] = []
    private static let blockLength = 16_384

    init(_ reader: DatasetReader, _ rows: SegmentRows) {
        files = rows.files
        byPath = Dictionary(
            reader.snapshot.sources.filter { $0.pair != nil }.map { (Array($0.path.utf8), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The source of a segment's sound: of a pair, the recording.
    func recording(_ row: SegmentRow) -> Snapshot.Source {
        guard row.kind == .paired, let pair = row.source.pair else { return row.source }
        return byPath[Array(pair.path.utf8)] ?? row.source
    }

    /// Writes a stretch of a segment's source.
    ///
    /// - Parameters:
    ///   - row: the segment.
    ///   - start: where it begins, in samples at `rate`.
    ///   - length: its length, likewise.
    ///   - rate: the dataset's sample rate.
    ///   - path: the file to write.
    ///   - format: of which kind.
    /// - Returns: false where the source's file is gone or has other bytes, or ends before the stretch.
    /// - Throws: `BuildError`, `AudioOutputError`, and what decoding throws.
    func write(
        _ row: SegmentRow, seconds start: Int, _ length: Int, per rate: Int, to path: String,
        _ format: SoundFileFormat
    ) throws -> Bool {
        guard var file = try file(of: recording(row)) else { return false }
        func frames(_ samples: Int) -> Int {
            Int((Double(samples) * Double(file.sampleRate) / Double(rate)).rounded())
        }
        let (first, end) = (frames(start), frames(start + length))
        guard let found = try seek(to: first, file) else { return false }
        file = found
        let writer = try SoundFileWriter(
            path: path, format: format, sampleRate: file.sampleRate, channels: file.channels)
        while frame < end {
            let count = try read(min(Self.blockLength, end - frame), file)
            guard count > 0 else { break }
            try buffer.withUnsafeBufferPointer {
                try writer.write(interleaved: .init(rebasing: $0[..<(count * file.channels)]))
            }
        }
        guard writer.summary.frames > 0 else { return false }
        try writer.finish()
        return true
    }

    private func file(of source: Snapshot.Source) throws -> SoundFile? {
        if let open, open.source == source { return open.file }
        if absent == source { return nil }
        guard let found = try files.file(of: source) else {
            absent = source
            return nil
        }
        return try reopen(source, found.path)
    }

    private func reopen(_ source: Snapshot.Source, _ path: String) throws -> SoundFile {
        let file = try SoundFile(path: path)
        open = (source, file, path)
        frame = 0
        buffer = [Float](repeating: 0, count: Self.blockLength * file.channels)
        return file
    }

    /// Goes to a frame; where the decoder cannot go back, the file is opened again and decoded up to it.
    ///
    /// - Returns: the open file; nil if it ends before the frame.
    private func seek(to wanted: Int, _ file: SoundFile) throws -> SoundFile? {
        if frame == wanted { return file }
        if try file.seek(to: wanted) {
            frame = wanted
            return file
        }
        var file = file
        if frame > wanted, let open { file = try reopen(open.source, open.path) }
        while frame < wanted {
            guard try read(min(Self.blockLength, wanted - frame), file) > 0 else { return nil }
        }
        return file
    }

    private func read(_ count: Int, _ file: SoundFile) throws -> Int {
        let got = try buffer.withUnsafeMutableBufferPointer { buffer in
            try buffer.baseAddress.map { try file.read(into: $0, count: count) } ?? 0
        }
        frame += got
        return got
    }
}
