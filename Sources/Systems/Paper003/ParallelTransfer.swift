internal import Files
internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

/// Converts the voices of a MIDI file to another style: it encodes every 16 steps, moves the dimensions of the two styles
/// in the mean of each code toward the target, and writes what the decoders put out.
///
/// The result has the content's tempo map and time signatures, and as many voices. Notes that no voice has (chords beyond
/// the voices, pitches outside 24 to 83) are not in it.
struct ParallelTransfer {
    let system: ParallelVAE
    let run: TrainedRun

    init(_ run: TrainedRun) throws {
        self.run = run
        system = try run.system(of: .parallelVAE)
    }

    static let parameters = [
        Parameter(
            "swap", "toward",
            "toward: the greater of the two styles' dimensions becomes the target's; exchange: they are exchanged, as published, even where the head already says the target",
            choices: ["toward", "exchange"]),
        Parameter(
            "strength", 1.0, "what the distance of the two dimensions is multiplied by", in: 0...100),
        Parameter(
            "temperature", 0.0,
            "what pitch logits are divided by before pitches are drawn; 0: the most probable",
            in: 0...10),
        Parameter("seed", 0, "of what is drawn"),
        Parameter(
            "instruments", "piece",
            "whether a voice has one instrument in the piece, or one for every 16 steps",
            choices: ["piece", "bar"]),
    ]

    /// A file as segments of 16 steps.
    private struct Content {
        let piece: PieceContent
        let rolls: VoiceRolls
        /// The programs of each voice in each segment of 16 steps, −1 where it is silent.
        let programs: [[Int]]
        /// Whether anything sounds in each segment.
        let sounds: [Bool]
    }

    func run(_ request: TransferRequest) throws -> Transferred {
        let styles = system.labels.names
        let target = try request.target(among: styles)
        let content = try content(request.content, path: request.path)
        try RandomGenerator.seed(UInt64(request.settings.integer("seed")))
        return try withoutGradients {
            let mean = try system.model.encode(content.rolls).mean
            let to = styles.firstIndex(of: target) ?? 0
            let from = try source(request, mean, content, target: to)
            let converted = try mean.movingStyles(
                from: from, to: to, strength: request.settings.number("strength"),
                exchanges: request.settings.word("swap") == "exchange")
            let (rolls, instruments) = try decode(
                converted, content, temperature: request.settings.number("temperature"))
            return try written(
                rolls, instruments, content, request, from: from, to: to)
        }
    }

    /// The source style: as given, the only other one, or the one that the head finds most probable over the piece.
    private func source(
        _ request: TransferRequest, _ mean: TorchTensor, _ content: Content, target: Int
    ) throws -> Int {
        let styles = system.labels.names
        if let known = request.source(for: styles[target], among: styles) {
            return styles.firstIndex(of: known) ?? target
        }
        let others = styles.indices.filter { $0 != target }
        let sounding = try TorchTensor(
            content.sounds.map { Float($0 ? 1 : 0) }, shape: [content.sounds.count, 1])
        let logits = try (mean.narrowed(1, from: 0, count: styles.count) * sounding.to(mean.device)).sum([0])
            .elements(as: Float.self)
        return others.max { logits[$0] < logits[$1] } ?? target
    }

    private func content(_ bytes: [UInt8], path: String) throws -> Content {
        let voices = system.voices
        // A step is two rolls of 60 columns for each voice, copied, and a few one-hot copies of 61.
        let bytesPerStep = voices * VoiceRolls.pitchClasses * MemoryLayout<Float>.size * 12
        let piece = try PieceContent(bytes, path: path, for: run.reader, bytesPerStep: bytesPerStep)
        let batch = try piece.segments(showing: VoiceRolls.views(voices: voices))
        let rolls = try VoiceRolls(voices: voices) { try batch.tensor(copying: $0, on: system.device) }
        let programs = try batch.tensor(copying: "programs").elements(as: Int64.self).map { Int($0) }
        let parts = piece.segmentSteps / VoiceRolls.steps
        let known = try rolls.instrument.sum([2]).elements(as: Float.self)
        let perSegment = (0..<rolls.count).map { segment in
            (0..<voices).map { voice in
                known[segment * voices + voice] > 0 ? programs[segment / parts * voices + voice] : -1
            }
        }
        return Content(
            piece: piece, rolls: rolls, programs: perSegment,
            sounds: perSegment.map { $0.contains { $0 >= 0 } })
    }

    /// Decodes a piece, a few hundred segments at a time; where nothing sounds in the content, nothing does.
    private func decode(
        _ latent: TorchTensor, _ content: Content, temperature: Double
    ) throws -> (rolls: VoiceRolls, instruments: [[Double]]) {
        let before = try system.before(latent, following: latent.shape[0])
        var (parts, instruments): ([VoiceRolls], [[Double]]) = ([], [])
        for start in stride(from: 0, to: latent.shape[0], by: 256) {
            let count = min(256, latent.shape[0] - start)
            let (rolls, shares) = try system.model.generate(
                latent.narrowed(0, from: start, count: count),
                after: before.map { try $0.narrowed(0, from: start, count: count) },
                steps: VoiceRolls.steps, voices: system.voices, temperature: temperature)
            let sounds = try TorchTensor(
                content.sounds[start..<start + count].map { Float($0 ? 1 : 0) }, shape: [count, 1, 1],
                on: latent.device)
            parts.append(try rolls.asPlayed().silent(where: sounds))
            let flat = try shares.to(.f64).elements(as: Double.self)
            instruments += stride(from: 0, to: flat.count, by: VoiceRolls.families).map {
                Array(flat[$0..<$0 + VoiceRolls.families])
            }
        }
        return (try VoiceRolls(joining: parts), instruments)
    }

    /// The family of each voice in each segment: the most probable of the segment, or of all in which the voice sounds.
    private func families(_ shares: [[Double]], _ rolls: VoiceRolls, perPiece: Bool) throws -> [[Int]] {
        let voices = system.voices
        func best(_ shares: [Double]) -> Int { shares.indices.max { shares[$0] < shares[$1] } ?? 0 }
        let own = stride(from: 0, to: shares.count, by: voices).map { segment in
            (0..<voices).map { best(shares[segment + $0]) }
        }
        guard perPiece else { return own }
        let sounding = try rolls.instrument.sum([2]).elements(as: Float.self)
        let piece = (0..<voices).map { voice in
            var sums = [Double](repeating: 0, count: VoiceRolls.families)
            for segment in own.indices where sounding[segment * voices + voice] > 0 {
                for family in sums.indices { sums[family] += shares[segment * voices + voice][family] }
            }
            return best(sums)
        }
        return own.map { _ in piece }
    }

    private func written(
        _ rolls: VoiceRolls, _ shares: [[Double]], _ content: Content, _ request: TransferRequest, from: Int,
        to: Int
    ) throws -> Transferred {
        let (length, voices) = (content.piece.length, system.voices)
        let families = try families(
            shares, rolls, perPiece: request.settings.word("instruments") == "piece")
        let (before, after) = (
            try VoiceNotes(content.rolls, length: length), try VoiceNotes(rolls, length: length)
        )
        var rows: [RollSegment.Row] = []
        var changed = 0
        for voice in 0..<voices {
            let had = content.programs.map { $0[voice] }.filter { $0 >= 0 }
            var programs: [Int: UInt8] = [:]
            for family in Set(families.map { $0[voice] }) {
                // A voice that keeps its family keeps its program.
                let own = had.filter { Self.family(of: $0) == family }
                let program = Dictionary(grouping: own) { $0 }.max {
                    ($0.value.count, $1.key) < ($1.value.count, $0.key)
                }
                programs[family] =
                    try program.map { UInt8($0.key) }
                    ?? system.counts.program(ofFamily: family, style: to)
            }
            let notes = after.notes(ofVoice: voice) { step in
                programs[families[step / VoiceRolls.steps][voice]] ?? 0
            }
            rows += notes
            changed += notes.count { note in !had.contains(Int(note.program)) }
        }
        rows.sort { ($0.start, $0.voice) < ($1.start, $1.voice) }
        return Transferred(
            bytes: content.piece.file(RollSegment(length: length, rows: rows)),
            measures: try measures(content, rolls, before, rows, changed: changed, to: to),
            figures: figures(
                before, after, content,
                "\(request.path): \(system.labels.names[from]) to \(system.labels.names[to])"))
    }

    private static func family(of program: Int) -> Int {
        program >= 128 ? VoiceRolls.families - 1 : program / 8
    }

    private func measures(
        _ content: Content, _ rolls: VoiceRolls, _ before: VoiceNotes, _ rows: [RollSegment.Row],
        changed: Int, to: Int
    ) throws -> [Measure] {
        let sounding = content.sounds.indices.filter { content.sounds[$0] }
        let all = Double(max(sounding.count, 1))
        func share(_ styles: [Int]) -> Double { Double(sounding.count { styles[$0] == to }) / all }
        let count = (0..<system.voices).reduce(0) { $0 + before.notes(ofVoice: $1) { _ in 0 }.count }
        let velocity = rows.reduce(0) { $0 + Int($1.velocity) }
        let same = try (rolls.pitch.argmax(3) .== content.rolls.pitch.argmax(3)).to(.f32).mean().item()
        return [
            Measure("segments", Double(content.sounds.count)),
            Measure("notes_of_voices", Double(count)), Measure("notes", Double(rows.count)),
            Measure("pitch_cells_as_content", same),
            Measure("notes_with_other_program", Double(changed)),
            Measure("mean_velocity_before", before.meanVelocity),
            Measure("mean_velocity_after", Double(velocity) / Double(max(rows.count, 1))),
            Measure(
                "target_before_encoded", share(try system.styles(of: system.model.encode(content.rolls).mean))
            ),
            Measure("target_after_encoded", share(try system.styles(of: system.model.encode(rolls).mean))),
        ]
            + (try StyleCounts.Stream.allCases.flatMap { stream in
                [
                    Measure(
                        "target_before_\(stream.rawValue)",
                        share(try system.counts.styles(of: content.rolls, by: stream))),
                    Measure(
                        "target_after_\(stream.rawValue)",
                        share(try system.counts.styles(of: rolls, by: stream))),
                ]
            })
    }

    /// Content and result from the first segment that sounds on: all voices, then each.
    private func figures(
        _ before: VoiceNotes, _ after: VoiceNotes, _ content: Content, _ title: String
    ) -> [Figure] {
        let first = (content.sounds.firstIndex(of: true) ?? 0) * VoiceRolls.steps
        let steps = first..<min(first + 8 * VoiceRolls.steps, content.piece.length)
        guard !steps.isEmpty else { return [] }
        let pairs = [nil] + (0..<system.voices).map { Optional($0) }
        return pairs.map { voice in
            let name = voice.map { "voice \($0)" } ?? "all voices"
            return Figure(
                name: voice.map { "voice-\($0)" } ?? "voices", title: "\(title), \(name)",
                .rolls([
                    before.roll("content, \(name)", steps: steps, voice: voice),
                    after.roll("result, \(name)", steps: steps, voice: voice),
                ]))
        }
    }
}

extension VoiceRolls {
    /// Segments behind segments.
    init(joining parts: [VoiceRolls]) throws {
        pitch = try .concatenated(parts.map(\.pitch))
        velocity = try .concatenated(parts.map(\.velocity))
        instrument = try .concatenated(parts.map(\.instrument))
    }

    /// The same where `sounds`, `[N, 1, 1]`, is 1, and silence where it is 0.
    func silent(where sounds: TorchTensor) throws -> VoiceRolls {
        let last = Self.pitchClasses - 1
        let silence = try (1 - sounds).unsqueezed(3).expanded([count, steps, voices, 1])
        let pitches = try pitch * sounds.unsqueezed(3)
        return VoiceRolls(
            pitch: try .concatenated(
                [
                    pitches.narrowed(3, from: 0, count: last),
                    pitches.narrowed(3, from: last, count: 1) + silence,
                ], axis: 3),
            velocity: try velocity * sounds, instrument: try instrument * sounds)
    }
}
