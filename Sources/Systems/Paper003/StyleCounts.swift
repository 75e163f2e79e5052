internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

/// How often each style plays what, counted in the train split: classifiers that know nothing of the
/// networks, and the programs that stand for families.
///
/// A naive Bayes classifier for each stream, as MIDI-VAE measures a transfer with a classifier for each: the probability of a
/// pitch in a step (drums apart from the others), of a velocity or none, and of a voice's family, given the style.
/// Voices count alike, and all styles are equally likely before.
final class StyleCounts: Module {
    /// What is counted.
    enum Stream: String, CaseIterable {
        case pitch
        case velocity
        case instrument
    }

    /// Velocities in classes of 16; class 0 is a step in which no note begins.
    private static let velocityClasses = 9
    /// The pitches of melodic voices, then those of drums.
    private static let pitches = 2 * VoiceRolls.pitches.count

    /// Logarithms of probabilities, `[styles, classes]`.
    private let pitch: TorchTensor
    private let velocity: TorchTensor
    private let instrument: TorchTensor
    /// The program that a style plays most often of each family, `[styles, 17]`; of one that it lacks, its first.
    private let programs: TorchTensor
    private let styles: Int

    var ownParameters: [NamedParameter] { [] }
    var ownBuffers: [NamedParameter] {
        [
            .init("pitch", pitch), .init("velocity", velocity), .init("instrument", instrument),
            .init("programs", programs),
        ]
    }

    /// Counts of nothing.
    init(styles: Int) throws {
        self.styles = styles
        pitch = try .zeros([styles, Self.pitches])
        velocity = try .zeros([styles, Self.velocityClasses])
        instrument = try .zeros([styles, VoiceRolls.families])
        programs = try .zeros([styles, VoiceRolls.families])
    }

    private func logarithms(_ stream: Stream) -> TorchTensor {
        switch stream {
        case .pitch: pitch
        case .velocity: velocity
        case .instrument: instrument
        }
    }

    /// How often the voices of a segment play each class: `[N, classes]`.
    private func counts(_ stream: Stream, of rolls: VoiceRolls) throws -> TorchTensor {
        switch stream {
        case .pitch:
            let sounding = try rolls.pitch.sum([1]).narrowed(2, from: 0, count: VoiceRolls.pitches.count)
            let drums = try rolls.instrument.narrowed(2, from: VoiceRolls.families - 1, count: 1)
            return try .concatenated(
                [(sounding * (1 - drums)).sum([1]), (sounding * drums).sum([1])], axis: 1)
        case .velocity:
            // Half a velocity more, so that rounding moves none to the class below.
            let played = try rolls.velocity * 254 - 126.5
            let classes = try ((played * (1.0 / 16)).floor() + 1).clamped(
                low: 0, high: Double(Self.velocityClasses - 1))
            return try classes.to(.i64).oneHot(Self.velocityClasses).to(.f32).sum([1, 2])
        case .instrument: return try rolls.instrument.sum([1])
        }
    }

    /// Counts segments by their styles.
    ///
    /// - Parameter forEach: Calls its body with segments, the places of their styles, and the programs of their voices
    ///   (−1 for a silent one), row by row.
    /// - Throws: what `forEach` throws, and `TorchError`.
    func count(
        _ forEach: (_ body: (VoiceRolls, _ styles: [Int], _ programs: [Int64]) throws -> Void) throws -> Void
    ) throws {
        var sums: [Stream: TorchTensor] = [:]
        var played = [[Int]](repeating: [Int](repeating: 0, count: 129), count: styles)
        try forEach { rolls, own, programs in
            let order = try TorchTensor(own.map { Int64($0) }, shape: [own.count], on: pitch.device)
            let members = try order.oneHot(styles).to(.f32).transposed(0, 1)
            for stream in Stream.allCases {
                let sum = try members.matmul(counts(stream, of: rolls)).to(.f64)
                sums[stream] = try sums[stream].map { try $0 + sum } ?? sum
            }
            let perSegment = programs.count / max(own.count, 1)
            for (place, program) in programs.enumerated() where (0...128).contains(program) {
                played[own[place / perSegment]][Int(program)] += 1
            }
        }
        for (stream, sum) in sums {
            // One more of each, so that nothing is impossible.
            let more = try sum + 1
            try logarithms(stream).assign((more / more.sum([1], keep: true)).log().to(.f32))
        }
        let most = played.flatMap { counts in
            (0..<VoiceRolls.families).map { family -> Float in
                guard family < 16 else { return Float(Note.drumProgram) }
                let members = family * 8..<family * 8 + 8
                // The first of the most frequent.
                let largest = members.map { counts[$0] }.max() ?? 0
                return Float(members.first { counts[$0] == largest } ?? family * 8)
            }
        }
        try programs.assign(TorchTensor(most, shape: [styles, VoiceRolls.families], on: programs.device))
    }

    /// The style that the counts of a stream make most probable, for each segment.
    func styles(of rolls: VoiceRolls, by stream: Stream) throws -> [Int] {
        try counts(stream, of: rolls).matmul(logarithms(stream).transposed(0, 1)).argmax(1)
            .elements(as: Int64.self).map { Int($0) }
    }

    /// The program that a style plays most often of a family, 128 for drums.
    func program(ofFamily family: Int, style: Int) throws -> UInt8 {
        UInt8(try programs.selected(0, style).selected(0, family).item())
    }
}
