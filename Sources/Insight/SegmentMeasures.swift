import Dataset
public import Files
import Loading
import Manifest
import Symbolic
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension SegmentView {
    /// The second of its source at which the segment begins; nil if no tempo is known.
    public func startSecond() -> Double? {
        excerpt.isOnFrames
            ? manifest.audio.map { Double(excerpt.start) / Double($0.sampleRate) } : excerpt.startSecond
    }

    /// The segment's own numbers, in the order in which people look at them: an array of name, title and value.
    ///
    /// Notes are those that begin in the segment; drums count as notes and nowhere else, as they do for sources.
    ///
    /// - Throws: `BuildError`, `TensorFileError`.
    public func measures() throws -> JSONValue {
        let numbers = shard.holdsNotes ? try noteNumbers() : try soundNumbers()
        return .array(
            numbers.compactMap { number in
                guard let value = number.value, value.isFinite else { return nil }
                return [
                    "name": .string(number.name), "title": .string(number.title), "value": .number(value),
                ]
            })
    }

    /// How long the segment is, in seconds, without its padding.
    public func lengthInSeconds() -> Double {
        if let audio = manifest.audio, excerpt.isOnFrames {
            let samples = place.shard.kind == .audio ? segment.length : audio.samples
            return Double(samples) / Double(audio.sampleRate)
        }
        return excerpt.seconds[min(segment.length, excerpt.columns)]
    }

    /// The second, from the segment's start, at which each step of notes begins, and the last one ends.
    ///
    /// In pairs a step begins with the first of its frames; steps without a frame begin with the next one that has some.
    func stepSeconds() throws -> [Double] {
        guard place.shard.kind == .paired else { return excerpt.seconds }
        let (frames, seconds) = (try shard.frameSteps(place.index), excerpt.seconds)
        var result: [Double] = []
        for (frame, step) in frames.enumerated() {
            guard let step else { continue }
            while result.count <= step { result.append(seconds[frame]) }
        }
        let steps = try shard.steps()
        return result + Array(repeating: seconds[frames.count], count: max(0, steps + 1 - result.count))
    }

    private typealias Number = (name: String, title: String, value: Double?)

    private func noteNumbers() throws -> [Number] {
        let steps = min(segment.length, try shard.steps())
        let seconds = lengthInSeconds()
        var (notes, pitched, velocities) = (0, 0, 0)
        var pitches: [UInt8] = []
        /// Distinct pitches at each step.
        var sounding = [Set<UInt8>](repeating: [], count: steps)
        try shard.withRows(of: place.index) { rows in
            for row in rows.start.indices {
                let begins = rows.flags[row] & RollFlags.onset != 0
                if begins { notes += 1 }
                guard rows.program[row] != Note.drumProgram else { continue }
                if begins {
                    pitched += 1
                    velocities += Int(rows.velocity[row])
                }
                pitches.append(rows.pitch[row])
                let first = min(Int(rows.start[row]), steps)
                let end = min(first + Int(rows.length[row]), steps)
                for step in first..<end { sounding[step].insert(rows.pitch[row]) }
            }
        }
        let busy = sounding.filter { !$0.isEmpty }
        let tempi = excerpt.tempo.prefix(excerpt.isOnFrames ? excerpt.columns : steps).filter { $0 > 0 }
        func share(_ part: Int, _ whole: Int) -> Double? { whole > 0 ? Double(part) / Double(whole) : nil }
        return [
            ("seconds", "length, s", seconds), ("notes", "notes", Double(notes)),
            ("notes_per_second", "notes/s", seconds > 0 ? Double(pitched) / seconds : nil),
            ("polyphony", "polyphony", share(busy.reduce(0) { $0 + $1.count }, busy.count)),
            ("empty_steps", "empty steps, %", share(steps - busy.count, steps).map { $0 * 100 }),
            ("velocity", "velocity", share(velocities, pitched)),
            ("lowest_pitch", "lowest pitch", pitches.min().map { Double($0) }),
            ("highest_pitch", "highest pitch", pitches.max().map { Double($0) }),
            (
                "tempo", "tempo, BPM",
                tempi.isEmpty ? nil : Double(tempi.reduce(0, +)) / Double(tempi.count)
            ),
        ]
    }

    private func soundNumbers() throws -> [Number] {
        var numbers: [Number] = []
        if let rate = manifest.audio?.sampleRate {
            numbers.append(("seconds", "length, s", Double(segment.length) / Double(rate)))
        }
        if shard.file.entries["waveform"] != nil {
            let samples = try shard.feature("waveform", of: place.index).prefix(segment.length)
            let peak = samples.reduce(0) { max($0, $1.magnitude) }
            let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(samples.count, 1))
            // Decibels of full scale; silence has none.
            numbers.append(("peak", "peak with gain, dBFS", 20 * log10(Double(peak))))
            numbers.append(("rms", "RMS with gain, dBFS", 10 * log10(power)))
        }
        return numbers
            + self.numbers.map { number in
                (
                    number.name, number.unit.isEmpty ? number.title : "\(number.title), \(number.unit)",
                    number.value
                )
            }
    }
}
