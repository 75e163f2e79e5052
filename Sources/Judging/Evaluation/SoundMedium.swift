internal import Audio
internal import Dataset
internal import Files
internal import Pretrained
import Statistics
internal import Symbolic

/// Sound: recordings, their first 30 seconds, taken through the dataset's mel and back.
///
/// An output that has been there before changes little on a second trip. What is said of quality is of the file as it is.
struct SoundMedium: Medium {
    /// A recording.
    struct Piece: Sendable {
        let sound: Sound
        let mel: MelSummary
        let chroma: Chromagram
        let onsets: OnsetEnvelope
        let beats: [Double]
        let quality: SoundQuality
        let musicnn: [Double]
        let embedding: [Double]
        /// What a transcriber wrote beside the file; nil where it has not run.
        let transcription: NotePiece?
        /// The true notes, where a MIDI file lies beside the recording.
        let notes: NotePiece?
    }

    static let mostJudged = 40
    static let mostTrained = 100
    /// The seconds of each file that are heard.
    static let excerpt = 30.0

    /// The mel that the dataset has, through which pieces go; nil without one.
    let mel: (parameters: MelParameters, stft: STFTParameters, sampleRate: Int)?
    private let probe: Musicnn?
    private let embedder: Musicnn?

    /// Prepares to hear as a dataset's manifest says.
    ///
    /// - Parameters:
    ///   - audio: What the dataset computes.
    ///   - cachePath: The cache, in which musicnn's weights may lie.
    /// - Throws: `sound.bad-weights`.
    init(_ audio: AudioParameters, cachePath: String) throws {
        mel = audio.mel.map { ($0, audio.stft, audio.sampleRate) }
        // A VGG of musicnn may be a system's backbone, so the judge is the other architecture.
        probe =
            Musicnn.isPresent(.msdMusicnn, cachePath: cachePath)
            ? try Musicnn(.msdMusicnn, cachePath: cachePath) : nil
        embedder =
            Musicnn.isPresent(.mttVGG, cachePath: cachePath)
            ? try Musicnn(.mttVGG, cachePath: cachePath) : nil
    }

    func piece(at path: String) throws -> Piece {
        let (sound, stem) = (try Sound(path: path, first: Self.excerpt), OutputPair.stem(path))
        return try piece(
            roundTrip(sound), quality: SoundQuality(of: sound),
            transcription: Self.notes(at: stem + OutputPair.transcriptionEnding),
            notes: Self.notes(at: stem + ".mid"))
    }

    private func piece(
        _ sound: Sound, quality: SoundQuality, transcription: NotePiece? = nil, notes: NotePiece? = nil
    ) throws -> Piece {
        let mel = try MelSummary(of: sound)
        return Piece(
            sound: sound, mel: mel, chroma: try Chromagram(of: sound),
            onsets: try OnsetEnvelope(of: sound),
            beats: Beats(of: try OnsetEnvelope(of: sound, by: .median)).seconds,
            quality: quality, musicnn: try probe?.features(of: sound).features ?? [],
            embedding: try embedder?.features(of: sound).embedding ?? mel.features,
            transcription: transcription, notes: notes)
    }

    private static func notes(at path: String) throws -> NotePiece? {
        guard FileStat(path: path)?.isRegularFile == true else { return nil }
        return NotePiece(try FileStages.score(of: FileStages.bytes(ofScoreAt: path), path: path))
    }

    /// A sound as a system would give it back that did nothing to its mel: the phases are lost, and what lies between bands.
    private func roundTrip(_ sound: Sound) throws -> Sound {
        guard let mel else { return sound }
        let resampled = try sound.resampled(to: mel.sampleRate)
        let values = try AudioParameters(
            sampleRate: mel.sampleRate, stft: mel.stft, features: [.mel(mel.parameters)]
        ).features(of: resampled.samples)["mel"]
        let magnitudes = try MelInversion(mel.parameters, sampleRate: mel.sampleRate, nFFT: mel.stft.nFFT)
            .magnitudes(mel: values ?? [])
        let samples = try GriffinLim(mel.stft).invert(
            magnitudes: magnitudes, length: resampled.samples.count)
        return try Sound(samples: samples, sampleRate: mel.sampleRate).resampled(to: Sound.standardRate)
    }

    // MARK: Judges

    var views: [JudgeView<Piece>] {
        var views = [
            JudgeView<Piece>(
                name: "mel",
                sees: "mean and deviation of 96 mel bands, level removed; a system may see mel too",
                isNuisance: false
            ) { $0.mel.features }
        ]
        if probe != nil {
            views.append(
                JudgeView(
                    name: "musicnn", sees: "layers of MSD_musicnn, which hears mel too", isNuisance: false
                ) { $0.musicnn })
        }
        views.append(
            JudgeView(
                name: "nuisance", sees: "bandwidth, loudness, peak, silence, clipping", isNuisance: true
            ) {
                [
                    $0.quality.bandwidth ?? 0, $0.quality.loudness ?? -70, $0.quality.truePeak ?? -70,
                    $0.quality.silence, $0.quality.clipping,
                ]
            })
        return views
    }

    // MARK: Measures

    /// The target style.
    struct Style {
        let pieces: [Piece]
    }

    func style(of pieces: [Piece]) -> Style { Style(pieces: pieces) }

    func content(of output: Piece, against content: Piece) -> [Named] {
        let isStretched = abs(output.sound.seconds - content.sound.seconds) > 1
        // A MIDI file may be longer than the recording, and a transcription longer than the excerpt.
        let end = min(output.sound.seconds, content.sound.seconds)
        let heard = { (notes: NotePiece) in notes.filter { $0.onsetSeconds < end } }
        let reference = content.notes ?? content.transcription
        let f1 = reference.flatMap { reference in
            output.transcription.map { NoteMatching.score(heard($0), reference: heard(reference)).f1 }
        }
        return [
            Named(
                .content, "chroma_similarity",
                isStretched
                    ? Self.aligned(output.chroma, content.chroma)
                    : output.chroma.similarity(to: content.chroma)),
            Named(.content, "onset_similarity", output.onsets.similarity(to: content.onsets)),
            Named(.content, "beat_f1", BeatMatching.score(output.beats, reference: content.beats).f1),
            Named(.content, "note_f1", f1),
        ]
    }

    /// The mean cosine of chroma along the best alignment, columns of half a second.
    private static func aligned(_ first: Chromagram, _ second: Chromagram) -> Double? {
        let width = max(1, Int(Chromagram.frameRate / 2))
        let columns = { (chroma: Chromagram) in
            stride(from: 0, to: chroma.frames, by: width).map { start -> [Double] in
                var sum = [Double](repeating: 0, count: 12)
                for frame in start..<min(start + width, chroma.frames) {
                    for (index, value) in chroma.frame(frame).enumerated() { sum[index] += value }
                }
                return sum
            }
        }
        let (ours, theirs) = (columns(first), columns(second))
        guard let path = DynamicTimeWarping.align(ours, theirs, metric: .cosine), !path.pairs.isEmpty else {
            return nil
        }
        return 1 - path.cost / Double(path.pairs.count)
    }

    func fit(of output: Piece, to style: Style) -> [Named] {
        [
            Named(.quality, "silence", output.quality.silence),
            Named(.quality, "clipping", output.quality.clipping),
            Named(.quality, "bandwidth_hz", output.quality.bandwidth),
            Named(.quality, "loudness_lufs", output.quality.loudness),
        ]
    }

    func fit(ofAll outputs: [Piece], to style: Style, seed: UInt64) -> [Named] {
        let count = min(outputs.count, style.pieces.count)
        guard count > 1 else { return [] }
        let test = KernelDistance(reference: style.pieces.prefix(count).map(\.embedding))?
            .test(outputs.prefix(count).map(\.embedding), seed: seed)
        return [
            Named(.quality, "kernel_distance", test?.distance),
            Named(.quality, "kernel_distance_p", test?.pValue),
        ]
    }

    // MARK: Novelty

    /// Embeddings of the train split.
    struct Training {
        let embeddings: [[Double]]
        /// The median distance of a piece to its nearest other one.
        let spacing: Double?
    }

    func training(of pieces: some Sequence<Piece>) -> Training {
        let embeddings = pieces.map(\.embedding)
        let nearest = embeddings.indices.compactMap { place in
            embeddings.indices.lazy.filter { $0 != place }.map { distance(embeddings[place], embeddings[$0]) }
                .min()
        }.sorted()
        return Training(
            embeddings: embeddings, spacing: nearest.isEmpty ? nil : nearest[nearest.count / 2])
    }

    func novelty(of output: Piece, among training: Training) -> [Named] {
        let nearest = training.embeddings.map { distance($0, output.embedding) }.min()
        return [
            Named(
                .novelty, "nearest_training_distance",
                training.spacing.flatMap { spacing in spacing > 0 ? nearest.map { $0 / spacing } : nil })
        ]
    }

    func omissions(_ outputs: [Piece], _ contents: [Piece]) -> [String] {
        var omissions: [String] = []
        if outputs.allSatisfy({ $0.transcription == nil }) {
            omissions.append(
                "note_f1 was not run: 'tools/transcribe' writes the notes of outputs and contents beside them"
            )
        } else if contents.allSatisfy({ $0.notes == nil && $0.transcription == nil }) {
            omissions.append(
                "note_f1 was not run: the contents have neither MIDI files nor transcriptions beside them")
        }
        if probe == nil {
            omissions.append(
                "the judge musicnn was not run: 'tools/fetch-weights' gets its weights, MSD_musicnn")
        }
        if embedder == nil {
            omissions.append(
                "distances are between mel statistics: 'tools/fetch-weights' gets MTT_vgg, whose features are better"
            )
        }
        if mel == nil {
            omissions.append(
                "the dataset has no mel, so contents and references did not take the way back from one")
        }
        return omissions
    }

    func music(_ piece: Piece) -> BaselineAnswer.Music { .sound(piece.sound) }

    // MARK: The rule

    /// The content with the mean spectrum of the style.
    func changedByRule(_ content: Piece, to style: Style) throws -> Piece {
        let filter = try MatchedSpectrum(content: content.sound, style: style.pieces.map(\.sound))
        let changed = try filter.apply(to: content.sound)
        return try piece(changed, quality: SoundQuality(of: changed), notes: content.notes)
    }
}
