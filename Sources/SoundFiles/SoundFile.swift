/// A file open for decoding: interleaved floats, full scale at ±1, front to back.
///
/// The format is judged by the content, never by the name.
public final class SoundFile {
    /// The file's own rate in Hz, 1 to 768000.
    public let sampleRate: Int
    /// 1 to 64.
    public let channels: Int
    /// The number of frames that the file claims; `nil` if it does not.
    public let declaredFrames: Int?
    /// The number of frames that decoding will give if nothing is damaged; `nil` if only decoding can tell.
    public let expectedFrames: Int?
    /// What each channel is for.
    public let layout: ChannelLayout
    /// The container, as libsndfile names it.
    public let format: String
    /// The encoding inside the container.
    public let encoding: String

    private enum Decoder {
        case mpeg(MPEGDecoder)
        case sndfile(SndfileDecoder)
        case ffmpeg(FFmpegDecoder)
    }

    private let file: FileBytes
    private let decoder: Decoder
    /// What the opening found out about the file.
    private let findings: [AudioWarning]
    /// The most frames that the bytes of the file can hold, and whether the container says that some of them are missing.
    private let mostFrames: Int
    private let isCut: Bool
    private var position = 0
    private var isOverrun = false
    private let presentBytes: Int?

    /// The highest sample rate that is read or written, in Hz.
    public static let largestRate = 768_000
    /// The most channels that are read or written.
    public static let mostChannels = 64

    /// Opens a file.
    ///
    /// - Throws: `AudioError` for bytes that cannot be decoded, `AudioAccessError` for a file that cannot be reached.
    public init(path: String) throws {
        file = try FileBytes(path: path)
        let opened = try Self.open(file)
        decoder = opened.decoder
        findings = opened.findings
        sampleRate = opened.sampleRate
        channels = opened.channels
        layout = opened.layout
        (format, encoding) = opened.names
        declaredFrames = opened.declaredFrames
        expectedFrames = opened.expectedFrames
        mostFrames = opened.mostFrames
        isCut = opened.length?.isCut ?? false
        presentBytes = opened.length?.presentBytes
        try checkSizes()
    }

    // MARK: - Opening

    /// What opening a file reports about it.
    private struct Opened {
        let decoder: Decoder
        let sampleRate: Int
        let channels: Int
        let layout: ChannelLayout
        let names: (container: String, encoding: String)
        var declaredFrames: Int?
        var expectedFrames: Int?
        let mostFrames: Int
        var length: ContainerLength?
        var findings: [AudioWarning] = []
    }

    private static let convert = "convert it, for example with: ffmpeg -i FILE out.flac"

    private static func open(_ file: FileBytes) throws -> Opened {
        switch try FileKind(file) {
        case .foreign(let text, let demuxer?): return try media(file, text, demuxer)
        case .foreign(let text, nil):
            throw AudioError(.unknownFormat, "no audio format that is known here: this is \(text)")
        case .mpeg(let range):
            if let opened = try mpeg(file, range) { return opened }
            if range.count < 256 { throw AudioError(.malformed, "the decoder found nothing to decode") }
            throw AudioError(.unknownFormat, "no audio format that is known here", help: convert)
        case .other(let start, let isKnown):
            do {
                return try sound(file, start)
            } catch let error as AudioError where error.code == .unknownFormat && !isKnown {
                guard let opened = try mpeg(file, 0..<file.count) else { throw error }
                return opened
            }
        }
    }

    private static func media(_ file: FileBytes, _ kind: String, _ demuxer: String) throws -> Opened {
        let decoder = try FFmpegDecoder(path: file.path, kind: kind, demuxer: demuxer)
        return Opened(
            decoder: .ffmpeg(decoder), sampleRate: decoder.sampleRate, channels: decoder.channels,
            layout: ChannelLayout(
                channels: decoder.channels, map: nil, mask: decoder.channelMask, vorbisOrder: false),
            names: (
                kind.split(separator: " ").dropFirst().joined(separator: " "), "by ffmpeg, \(decoder.version)"
            ), mostFrames: (file.count + 64) * 8192)
    }

    private static func mpeg(_ file: FileBytes, _ range: Range<Int>) throws -> Opened? {
        var scanner = try MPEGScanner(file, range: range)
        guard let plan = try scanner.scan() else { return nil }
        if plan.innerGaps > 8, plan.innerGaps * 16 > plan.frames {
            throw AudioError(
                .malformed,
                "MPEG frames lie scattered among other data, in \(plan.innerGaps) places: a damaged file, or a container",
                help: convert)
        }
        let decoder = try MPEGDecoder(file, plan)
        return Opened(
            decoder: .mpeg(decoder), sampleRate: decoder.sampleRate, channels: decoder.channels,
            layout: ChannelLayout(channels: decoder.channels),
            names: (range == 0..<file.count ? "MPEG-1/2 Audio" : "WAV (Microsoft)", decoder.encoding),
            declaredFrames: plan.promised, expectedFrames: plan.samples, mostFrames: plan.samples,
            findings: plan.warnings)
    }

    private static func sound(_ file: FileBytes, _ start: Int) throws -> Opened {
        let length = try ContainerLength.read(file, start: start)
        let flac = try FLACScanner(file, start: start)
        var patches = length?.patches ?? []
        var findings: [AudioWarning] = []
        if let correction = length?.correction {
            findings.append(AudioWarning(code: "audio.wrong-length", message: correction))
        }
        var isLonger = false
        if let flac {
            try check(flac)
            isLonger = flac.claimedSamples > 0 && flac.foundSamples > flac.claimedSamples && !flac.isChained
            if isLonger, let patch = try flac.openLength(file) {
                patches.append(patch)
                findings.append(
                    AudioWarning(
                        code: "audio.wrong-length",
                        message:
                            "the header claims \(flac.claimedSamples) frames; all \(flac.foundSamples) were read"
                    ))
            }
            if flac.isChained { findings.append(.chained) }
        }
        let decoder = try SndfileDecoder(file, start: start, patches: patches)
        let mostFrames = length?.mostFrames ?? decoder.mostFrames(in: length?.presentBytes ?? file.count)
        let present = isLonger ? flac?.foundSamples : decoder.frames.map { min($0, mostFrames) }
        return Opened(
            decoder: .sndfile(decoder), sampleRate: decoder.sampleRate, channels: decoder.channels,
            layout: ChannelLayout(
                channels: decoder.channels, map: decoder.channelMap, mask: flac?.channelMask,
                vorbisOrder: decoder.hasVorbisOrder),
            names: decoder.names,
            declaredFrames: present.flatMap { length?.frames(present: $0) } ?? present,
            expectedFrames: present,
            mostFrames: mostFrames, length: length, findings: findings)
    }

    /// libsndfile gives all frames as if they had the first one's rate, channels and width.
    private static func check(_ flac: FLACScanner) throws(AudioError) {
        guard let change = flac.change else { return }
        let (old, new) = (flac.properties, change.found)
        let text =
            old.sampleRate != new.sampleRate
            ? "the sample rate changes from \(old.sampleRate) to \(new.sampleRate) Hz"
            : old.channels != new.channels
                ? "the number of channels changes from \(old.channels) to \(new.channels)"
                : "the sample size changes from \(old.bits) to \(new.bits) bits"
        throw AudioError(
            old.sampleRate != new.sampleRate ? .rateChanges : .malformed, text, frame: change.sample,
            help: convert)
    }

    private func checkSizes() throws(AudioError) {
        guard (1...Self.largestRate).contains(sampleRate) else {
            throw AudioError(.badRate, "want a sample rate of 1 to \(Self.largestRate) Hz, got \(sampleRate)")
        }
        guard (1...Self.mostChannels).contains(channels) else {
            throw AudioError(.badChannels, "want 1 to \(Self.mostChannels) channels, got \(channels)")
        }
    }

    /// Decodes up to `count` frames.
    ///
    /// - Returns: The number decoded; 0 at the end, or where the decoder gave up: see `fault`.
    /// - Throws: `AudioAccessError`.
    public func read(into buffer: UnsafeMutablePointer<Float>, count: Int) throws -> Int {
        let got: Int
        switch decoder {
        case .mpeg(let mpeg): got = try mpeg.read(into: buffer, count: count)
        case .sndfile(let sound): got = sound.read(into: buffer, count: min(count, mostFrames - position + 1))
        case .ffmpeg(let program):
            got = program.read(into: buffer, count: min(count, mostFrames - position + 1))
        }
        if position + got > mostFrames {
            isOverrun = true
            defer { position = mostFrames }
            return mostFrames - position
        }
        position += got
        return got
    }

    /// Goes to a frame; false where the decoder cannot.
    public func seek(to frame: Int) throws -> Bool {
        guard frame <= mostFrames else { return false }
        switch decoder {
        case .mpeg(let mpeg): try mpeg.seek(to: frame)
        case .sndfile(let sound): guard sound.seek(to: frame) else { return false }
        case .ffmpeg: return false
        }
        position = frame
        return true
    }

    /// What kept the decoder from reading the whole file, if anything did.
    ///
    /// - Throws: `AudioAccessError` if it is the disk's; `audio.malformed` if the decoder gave more than the file can hold.
    public func fault() throws -> String? {
        switch decoder {
        case .mpeg(let mpeg):
            return mpeg.plan.cutFrame.map { "the last MPEG frame has \($0.present) of \($0.length) bytes" }
        case .sndfile(let sound):
            let complaint = try sound.fault()
            try checkOverrun()
            return complaint
        case .ffmpeg(let program):
            try checkOverrun()
            return program.fault
        }
    }

    private func checkOverrun() throws(AudioError) {
        guard isOverrun, !isCut else { return }
        let count = presentBytes ?? file.count
        throw AudioError(
            .malformed,
            "the decoder gives more than \(mostFrames) frames, the most that \(count) bytes can hold",
            frame: mostFrames)
    }

    /// What is odd about the file, once it has been read: what was left out, and what was not as declared.
    public func warnings(frames: Int) throws -> [AudioWarning] {
        var warnings = findings
        switch decoder {
        case .mpeg(let mpeg):
            if mpeg.damagedFrames > 0 {
                warnings.append(
                    AudioWarning(
                        code: "audio.damaged",
                        message: "\(mpeg.damagedFrames) MPEG frames could not be decoded and are silent"))
            }
        case .sndfile:
            switch try OggEnding(file) {
            case .chained: warnings.append(.chained)
            case .cut:
                warnings.append(
                    AudioWarning(
                        code: AudioError.Code.truncated.rawValue,
                        message: "the Ogg pages do not run on to a marked end; some may be missing",
                        frame: frames))
            case nil: break
            }
        case .ffmpeg: break
        }
        return warnings
    }

    /// Why there is no sound in the file, as far as its header tells.
    public var emptiness: String {
        guard let presentBytes, presentBytes > 0 else { return "the file holds no samples" }
        return
            "the header claims no samples, though \(presentBytes) bytes follow it: repair it, or read it as raw samples"
    }
}

extension AudioWarning {
    static let chained = AudioWarning(
        code: "audio.chained", message: "several streams are chained in the file; only the first was read")
}

extension MPEGPlan {
    /// What the frames' places tell.
    fileprivate var warnings: [AudioWarning] {
        var warnings: [AudioWarning] = []
        func warn(_ code: String, _ message: String, _ frame: Int? = nil) {
            warnings.append(AudioWarning(code: code, message: message, frame: frame))
        }
        if leadingJunk > 0 {
            warn("audio.junk", "\(leadingJunk) bytes before the first MPEG frame were skipped")
        }
        if innerJunk > 0 {
            warn(
                "audio.junk",
                "\(innerJunk) bytes between MPEG frames were skipped, in \(innerGaps) \(innerGaps == 1 ? "place" : "places")"
            )
        }
        if trailingJunk > 0 {
            warn("audio.junk", "\(trailingJunk) bytes after the last MPEG frame were skipped")
        }
        let filled = streams.count { $0.frames > 0 }
        if filled > 1 {
            warn("audio.chained", "\(filled) MPEG streams follow each other in the file; all were read")
        }
        if let change = firstChange(of: \.channels) {
            warn(
                "audio.channels-change",
                "the number of channels changes to \(change.value); mono parts are the same on both sides",
                change.sample)
        }
        return warnings
    }
}
