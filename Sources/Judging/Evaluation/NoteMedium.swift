internal import Dataset
internal import Files
import Statistics
internal import Symbolic

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Notes: MIDI files, quantised as the dataset's rolls are.
///
/// Quantising twice changes nothing, so it does not matter whether an output has been quantised.
struct NoteMedium: Medium {
    /// A MIDI file.
    struct Piece: Sendable {
        let notes: NotePiece
        let statistics: NoteStatistics
        /// How the file was made, which style does not depend on.
        let nuisance: [Double]

        init(_ notes: NotePiece, nuisance: [Double]) {
            self.notes = notes
            statistics = NoteStatistics(notes)
            self.nuisance = nuisance
        }
    }

    static let mostJudged = 200
    static let mostTrained = Int.max

    /// The grid, the pitches and the drums of the dataset's rolls.
    let parameters: RollParameters

    func piece(at path: String) throws -> Piece {
        let score = try FileStages.score(of: FileStages.bytes(ofScoreAt: path), path: path)
        var rounded = score
        rounded.timelines = score.timelines.map { $0.quantized(by: parameters) }
        return Piece(NotePiece(rounded), nuisance: Self.nuisance(of: score))
    }

    /// Ticks of a beat, tracks with notes, tempo and time signature events, drums' share, distinct velocities.
    ///
    /// Common numbers of ticks have a feature each, and counts are there as logarithms too: this judge must be as good as it
    /// can be.
    private static func nuisance(of score: Score) -> [Double] {
        let notes = score.timelines.flatMap(\.notes)
        let beat = score.division.ticksPerBeat
        let ticks = Double(beat.numerator) / Double(beat.denominator)
        let counts = [
            Double(Set(notes.map(\.track)).count),
            Double(score.timelines.reduce(0) { $0 + $1.tempoMap.changes.count }),
            Double(score.timelines.reduce(0) { $0 + $1.timeSignatures.count }),
            Double(Set(notes.map(\.velocity)).count),
        ]
        let common = [96, 120, 192, 220, 240, 256, 384, 480, 960, 1024].map { ticks == $0 ? 1.0 : 0.0 }
        return common + [log2(ticks), Double(notes.count { $0.isDrum }) / Double(max(1, notes.count))]
            + counts + counts.map { log2(1 + $0) }
    }

    // MARK: Judges

    var views: [JudgeView<Piece>] {
        [
            JudgeView(
                name: "notes", sees: "intervals, onsets and durations; no velocities, no instruments",
                isNuisance: false
            ) { piece in
                Self.roots(.intervals4, piece) + Self.roots(.onsetDurations, piece)
                    + piece.statistics.named.compactMap { name, value in
                        name.hasPrefix("velocity") ? nil : value ?? 0
                    }
            },
            JudgeView(name: "velocity", sees: "velocities, by the place in the bar", isNuisance: false) {
                Self.roots(.onsetVelocities, $0)
                    + [$0.statistics.velocityMean ?? 0, $0.statistics.velocityStd ?? 0]
            },
            JudgeView(name: "instruments", sees: "the families of programs", isNuisance: false) { piece in
                var families = [Double](repeating: 0, count: 17)
                for note in piece.notes.notes { families[min(16, Int(note.program) / 8)] += 1 }
                let parts = Set(piece.notes.notes.map(\.part)).count
                let all = Double(max(1, piece.notes.notes.count))
                return families.map { ($0 / all).squareRoot() } + [Double(parts)]
            },
            JudgeView(
                name: "nuisance",
                sees:
                    "ticks per beat, tracks, tempo and time signature events, drums' share, distinct velocities",
                isNuisance: true
            ) { $0.nuisance },
        ]
    }

    /// The roots of a profile's shares, which make counts of all sizes comparable (Hellinger); zeros without notes.
    private static func roots(_ kind: StyleProfile.Kind, _ piece: Piece) -> [Double] {
        StyleProfile([piece.notes], kind: kind)?.values.map { $0.squareRoot() }
            ?? [Double](repeating: 0, count: kind.size)
    }

    // MARK: Measures

    /// The target style in numbers.
    struct Style {
        let pieces: [Piece]
        /// The mean of the pieces' own profiles, of each kind.
        let profiles: [StyleProfile]
        /// The profile of all pieces together, of each kind.
        let jointProfiles: [StyleProfile]
        let pitches: ClosedRange<UInt8>
        /// All velocities in order.
        let velocities: [UInt8]
        /// The most common program of the parts with most notes, then of those with second most, and so on.
        let programs: [UInt8]
    }

    private static let profileKinds: [StyleProfile.Kind] = [.intervals4, .onsetDurations, .onsetVelocities]

    func style(of pieces: [Piece]) -> Style {
        let notes = pieces.flatMap { $0.notes.notes.filter { !$0.isDrum } }
        let pitches = notes.map(\.pitch)
        var votes: [[UInt8: Int]] = []
        for piece in pieces {
            for (rank, part) in piece.notes.partsBySize.enumerated() {
                if rank == votes.count { votes.append([:]) }
                votes[rank][part.program, default: 0] += 1
            }
        }
        return Style(
            pieces: pieces,
            profiles: Self.profileKinds.compactMap { kind in
                StyleProfile(meanOf: pieces.compactMap { StyleProfile([$0.notes], kind: kind) })
            },
            jointProfiles: Self.profileKinds.compactMap { kind in
                StyleProfile(pieces.map(\.notes), kind: kind)
            },
            pitches: (pitches.min() ?? 0)...(pitches.max() ?? 127),
            velocities: notes.map(\.velocity).sorted(),
            programs: votes.map { $0.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0 })
    }

    func content(of output: Piece, against content: Piece) -> [Named] {
        let (ours, theirs) = (output.notes, content.notes)
        let chroma = ChromaSimilarity.twoBeats
        // Where lengths differ by more than a bar, columns are brought together first.
        let isStretched = abs(ours.length - theirs.length) > 4
        let f1 = { (one: NotePiece, other: NotePiece) in
            other.notes.isEmpty ? nil : NoteMatching.score(one, reference: other).f1
        }
        return [
            Named(
                .content, "chroma_similarity",
                isStretched ? chroma.aligned(ours, theirs)?.similarity : chroma.similarity(ours, theirs)),
            Named(.content, "bar_chroma_similarity", BarSimilarity.chroma(of: ours, to: theirs)),
            Named(.content, "onset_similarity", BarSimilarity.onsets(of: ours, to: theirs)),
            Named(.content, "note_f1", f1(ours, theirs)),
            Named(.content, "melody_f1", f1(ours.melody, theirs.melody)),
            Named(.content, "bass_f1", f1(ours.bass, theirs.bass)),
            Named(
                .content, "beat_f1",
                theirs.beatTimes.isEmpty
                    ? nil : BeatMatching.score(ours.beatTimes, reference: theirs.beatTimes).f1),
        ]
    }

    func fit(of output: Piece, to style: Style) -> [Named] {
        style.profiles.map { profile in
            Named(
                .style, "profile_\(profile.kind.rawValue)",
                StyleProfile([output.notes], kind: profile.kind)?.cosine(to: profile))
        } + [
            Named(
                .quality, "density_ratio",
                output.statistics.densityRatio(to: style.pieces.map(\.statistics))),
            Named(
                .quality, "notes_out_of_range",
                NoteStatistics.shareOutside(style.pitches, of: output.notes)),
            Named(.quality, "empty_beat_rate", output.statistics.emptyBeatRate),
        ]
    }

    /// The most pieces of either set that are compared with each other, since time grows with the square.
    private static let mostCompared = 60

    func fit(ofAll outputs: [Piece], to style: Style, seed: UInt64) -> [Named] {
        let count = min(outputs.count, style.pieces.count, Self.mostCompared)
        guard count > 1 else { return [] }
        let table = { (pieces: [Piece]) in
            pieces.prefix(count).map { $0.statistics.named.map { $0.value ?? 0 } }
        }
        let (found, expected) = (table(outputs), table(style.pieces))
        let scaled = Standardisation(expected)
        let test = KernelDistance(reference: expected.map { scaled($0) })?
            .test(found.map { scaled($0) }, seed: seed)
        let areas = scaled.means.indices.compactMap { feature in
            SetComparison(
                outputs: found.map { [$0[feature]] }, reference: expected.map { [$0[feature]] })?.outputs
                .overlapArea
        }
        return style.jointProfiles.map { aim in
            Named(
                .style, "profile_\(aim.kind.rawValue)_of_all",
                StyleProfile(outputs.map(\.notes), kind: aim.kind)?.cosine(to: aim))
        } + [
            Named(.quality, "kernel_distance", test?.distance),
            Named(.quality, "kernel_distance_p", test?.pValue),
            Named(
                .quality, "overlap_area",
                areas.isEmpty ? nil : areas.reduce(0, +) / Double(areas.count)),
        ]
    }

    // MARK: Novelty

    /// Passages of the train split.
    struct Training {
        let passages: PassageIndex
        let melodies: PassageIndex
    }

    func training(of pieces: some Sequence<Piece>) -> Training {
        let notes = pieces.map(\.notes)
        return Training(
            passages: PassageIndex(notes, noteCount: 12, voice: .allNotes),
            melodies: PassageIndex(notes, noteCount: 8, voice: .melody))
    }

    func novelty(of output: Piece, among training: Training) -> [Named] {
        [
            Named(.novelty, "copied_share", training.passages.nearest(to: output.notes)?.share),
            Named(.novelty, "copied_melody_share", training.melodies.nearest(to: output.notes)?.share),
        ]
    }

    func omissions(_ outputs: [Piece], _ contents: [Piece]) -> [String] { [] }

    func music(_ piece: Piece) -> BaselineAnswer.Music { .notes(piece.notes) }

    // MARK: The rule

    /// Velocities by the style's distribution, and programs by the size of parts.
    ///
    /// A velocity becomes the style's velocity of the same rank. The part with most notes takes the program that the
    /// style's largest parts have most often, and so on. Pitches and times stay.
    func changedByRule(_ content: Piece, to style: Style) -> Piece {
        let ranks = content.notes.notes.filter { !$0.isDrum }.map(\.velocity).sorted()
        guard !ranks.isEmpty, !style.velocities.isEmpty else { return content }
        var velocities: [UInt8: UInt8] = [:]
        for velocity in Set(ranks) {
            // The middle of the ranks that have this velocity.
            let low = ranks.count { $0 < velocity }
            let middle = (Double(low) + Double(ranks.count { $0 == velocity }) / 2) / Double(ranks.count)
            let place = Int(middle * Double(style.velocities.count))
            velocities[velocity] = style.velocities[min(place, style.velocities.count - 1)]
        }
        var programs: [Int: UInt8] = [:]
        for (rank, part) in content.notes.partsBySize.enumerated() where !style.programs.isEmpty {
            programs[part.number] = style.programs[min(rank, style.programs.count - 1)]
        }
        let changed = content.notes.mapNotes { note in
            guard !note.isDrum else { return }
            note.velocity = velocities[note.velocity] ?? note.velocity
            note.program = programs[note.part] ?? note.program
        }
        return Piece(changed, nuisance: content.nuisance)
    }
}

extension NotePiece {
    /// The parts with pitched notes, the one with most notes first, and the program that most of its notes have.
    fileprivate var partsBySize: [(number: Int, program: UInt8)] {
        var counts: [Int: (all: Int, programs: [UInt8: Int])] = [:]
        for note in notes where !note.isDrum {
            counts[note.part, default: (0, [:])].all += 1
            counts[note.part, default: (0, [:])].programs[note.program, default: 0] += 1
        }
        return counts.sorted { ($1.value.all, $0.key) < ($0.value.all, $1.key) }.map { part, found in
            (part, found.programs.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0)
        }
    }
}
