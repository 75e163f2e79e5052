import Dataset
import Files
import Judging
import Loading
import SoundFiles
import Storage
import Torch
import Training

/// What `transfer` does with each file.
struct Conversion: Sendable {
    let style: String?
    let styleFile: RawInput?
    let contentStyle: String?
    let part: TransferPart
    let isStereo: Bool

    /// A content, read as far as it must be.
    struct Source {
        let path: String
        /// The bytes of a score; nil of a recording, which is read from its file.
        let score: [UInt8]?
        let digest: Digest
    }

    /// A file that was written.
    struct Result: Sendable {
        let path: String
        let transfer: CachedTransfer
        let seconds: Double
    }

    /// Where the result of a folder's file goes: sound is written as WAV or FLAC only.
    static func target(of content: String, _ path: String) -> String {
        if case .midi = FileStages.kind(ofFile: content) { return path }
        return SoundFileFormat(path: path, .pcm16) == nil ? OutputPair.stem(path) + ".wav" : path
    }

    /// Reads a score, and hashes a recording.
    ///
    /// - Throws: `train.file` where it cannot be read; `train.usage` where the result cannot be named so.
    func source(_ content: String, for out: String) throws -> Source {
        if case .midi = FileStages.kind(ofFile: content) {
            guard !isStereo else {
                throw TrainingError(.usage, "--stereo is for recordings; \(content) holds notes")
            }
            let bytes = try RawFile.content(content, isScore: true)
            return Source(path: content, score: bytes, digest: Digest(of: bytes))
        }
        // Minutes may pass before it is written. A file that is no music at all is for the recipe to refuse.
        if SoundFileFormat(path: out, .pcm16) == nil, !out.lowercased().hasSuffix(".mid") {
            throw Self.noSound(out)
        }
        do {
            return Source(path: content, score: nil, digest: try Digest(ofFileAt: content))
        } catch {
            throw TrainingError(.file, error.message)
        }
    }

    /// Writes the result of a transfer and its sidecar, and keeps it beside its run; `begin` is called where there is
    /// something to compute.
    func convert(
        _ source: Source, to out: String, by system: TransferSystem, needsFigures: Bool = false,
        begin: () -> Void = {}
    ) throws -> Result {
        let clock = ContinuousClock.now
        let ending = out.lastIndex(of: ".").map { out[$0...].lowercased() } ?? ""
        let task = TransferTask(
            content: source.path, digest: source.digest, ending: source.score == nil ? ending : ".mid",
            style: style, styleFile: styleFile, contentStyle: contentStyle, part: part, isStereo: isStereo)
        let score = source.score.map { bytes in { try excerpt(of: bytes, source.path) } }
        let transfer = try system.cached(
            task, needsFigures: needsFigures,
            bytes: {
                begin()
                return try score?() ?? RawFile.content(source.path, isScore: false)
            }, write: Self.write)
        try OutputFile.copy(transfer.path, to: out)
        // Standard output can be a file, and has no place for one beside it.
        if RawFile.exists(out), !out.hasPrefix("/dev/") {
            let sidecar = system.sidecar(of: transfer, task)
            try OutputFile.write(sidecar.canonicalBytes + [0x0A], to: out + ".json")
        }
        try system.keep(transfer, of: task, score: score)
        return Result(
            path: out, transfer: transfer, seconds: (ContinuousClock.now - clock) / .seconds(1))
    }

    /// The bars of a score that hold the part, as a file.
    private func excerpt(of bytes: [UInt8], _ path: String) throws -> [UInt8] {
        if part.isWhole { return bytes }
        do {
            return try FileStages.excerpt(
                ofScore: bytes, path: path, start: part.start, duration: part.duration ?? .infinity)
        } catch {
            throw TrainingError(.file, error.message)
        }
    }

    /// Writes a file; sound as WAV or FLAC of 16 bits, by the path's ending.
    static func write(_ output: TransferOutput, to path: String) throws {
        switch output {
        case .file(let bytes): try OutputFile.write(bytes, to: path)
        case .sound(let sound):
            guard let format = SoundFileFormat(path: path, .pcm16) else { throw noSound(path) }
            let writer = try SoundFileWriter(
                path: path, format: format, sampleRate: sound.sampleRate, channels: sound.channelCount)
            let block = 1 << 16
            for start in stride(from: 0, to: sound.length, by: block) {
                try writer.write(sound.samples(start..<min(sound.length, start + block)))
            }
            _ = try writer.finish()
        }
    }

    private static func noSound(_ path: String) -> TrainingError {
        TrainingError(.usage, "\(path) is to hold sound; name a file that ends in .wav or .flac")
    }
}
