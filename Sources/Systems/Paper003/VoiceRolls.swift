import Loading
internal import Symbolic
internal import Tensors
internal import Torch

/// What the voices of segments play, as MIDI-VAE encodes it.
struct VoiceRolls {
    static let pitches: ClosedRange<UInt8> = 24...83
    /// 60 pitches, and silence as the last.
    static let pitchClasses = 61
    /// The 16 of General MIDI, and drums as the last.
    static let families = 17
    /// The steps of a segment.
    static let steps = 16
    /// An output of at least this is the onset of a note.
    static let onset = 0.5

    /// One-hot, `[N, steps, voices, 61]`.
    let pitch: TorchTensor
    /// 0.5 + 0.5 · velocity / 127 where a note begins, `[N, steps, voices]`; 0 where one is held, and in silence.
    let velocity: TorchTensor
    /// One-hot, `[N, voices, 17]`; all 0 for a voice that is silent in the segment.
    let instrument: TorchTensor

    init(pitch: TorchTensor, velocity: TorchTensor, instrument: TorchTensor) {
        (self.pitch, self.velocity, self.instrument) = (pitch, velocity, instrument)
    }

    var count: Int { pitch.shape[0] }
    var steps: Int { pitch.shape[1] }
    var voices: Int { pitch.shape[2] }

    /// The views of batches that it is made from.
    static func views(voices: Int) -> [LoaderView] {
        (0..<voices).flatMap { voice in
            [
                LoaderView.roll("piano \(voice)", .piano, pitches: pitches, voice: UInt8(voice)),
                .roll("onset \(voice)", .onsetVelocity, pitches: pitches, voice: UInt8(voice)),
            ]
        } + [LoaderView("programs", .voicePrograms(voices))]
    }

    /// The voices of a batch; a segment of it with several times 16 steps gives as many, one after the other.
    ///
    /// - Parameters:
    ///   - voices: How many.
    ///   - view: The views of a batch by name.
    /// - Throws: what `view` throws, and `TorchError`.
    init(voices: Int, _ view: (String) throws -> TorchTensor) throws {
        func stacked(_ name: String) throws -> TorchTensor {
            let all = try (0..<voices).map { try view("\(name) \($0)") }
            let (segments, steps, width) = (all[0].shape[0], all[0].shape[1], all[0].shape[2])
            return try TorchTensor.stacked(all, axis: 2)
                .reshaped([segments * (steps / Self.steps), Self.steps, voices, width])
        }
        let sounding = try stacked("piano")
        let silent = try (1 - sounding.sum([3], keep: true)).clamped(low: 0)
        pitch = try .concatenated([sounding, silent], axis: 3)
        let velocities = try stacked("onset").sum([3])
        velocity = try (velocities * (0.5 / 127) + 0.5) * (velocities .> 0).to(.f32)
        let programs = try view("programs")
        let parts = pitch.shape[0] / programs.shape[0]
        instrument = try Self.instruments(
            of: programs.unsqueezed(1).repeated([1, parts, 1]).reshaped([-1, voices]), in: pitch)
    }

    /// The families of programs `[N, voices]`, of voices that sound in `pitch`.
    private static func instruments(of programs: TorchTensor, in pitch: TorchTensor) throws -> TorchTensor {
        let known = try (programs .>= 0).to(.f32) * sounds(pitch)
        // Drums are program 128, one past the last family.
        let family = try (programs.to(.f32) * 0.125).floor().clamped(low: 0, high: Double(families - 1))
        return try family.to(.i64).oneHot(families).to(.f32) * known.unsqueezed(2)
    }

    /// 1 where a voice sounds anywhere in the segment, `[N, voices]`.
    private static func sounds(_ pitch: TorchTensor) throws -> TorchTensor {
        try ((1 - pitch.selected(3, pitchClasses - 1)).sum([1]) .> 0).to(.f32)
    }

    /// The same, without the instruments of voices that are silent and without velocities where no note begins.
    func asPlayed() throws -> VoiceRolls {
        let sounding = try 1 - pitch.selected(3, Self.pitchClasses - 1)
        let begins = try (velocity .>= Self.onset).to(velocity.type)
        return VoiceRolls(
            pitch: pitch, velocity: try velocity * begins * sounding,
            instrument: try instrument * Self.sounds(pitch).unsqueezed(2))
    }
}
