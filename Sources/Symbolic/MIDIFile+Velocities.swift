extension MIDIFile {
    /// Gives notes other velocities, and leaves every other byte as it is.
    ///
    /// - Parameters:
    ///   - grid: What a step is.
    ///   - rounding: How ticks become steps.
    ///   - timeline: The file's, for its tempo map, and for which of its notes are drums.
    ///   - velocity: The velocity of a note by the step that it begins on, its pitch, and the velocity it has; values
    ///     beyond 1 to 127 are brought into that range. It is not asked for drums.
    public mutating func setVelocities(
        grid: Grid, rounding: Rounding, timeline: Timeline,
        _ velocity: (_ step: Int, _ pitch: UInt8, _ current: UInt8) -> UInt8
    ) {
        var grid = TimelineGrid(grid, rounding: rounding, tempoMap: timeline.tempoMap)
        // A track's notes are in the order of its note-ons.
        let notes = Dictionary(grouping: timeline.notes, by: \.track)
        var number = -1
        for (place, chunk) in chunks.enumerated() {
            guard case .track(var track) = chunk else { continue }
            number += 1
            var rest = notes[number, default: []][...]
            for (index, event) in track.events.enumerated() {
                guard case .channel(let status, let pitch, let current) = event.message,
                    status & 0xF0 == 0x90, current > 0
                else { continue }
                let isDrum = rest.popFirst()?.isDrum ?? (status & 0x0F == Note.drumChannel)
                if isDrum { continue }
                let value = min(max(velocity(grid.step(of: event.tick), pitch, current), 1), 127)
                track.events[index].message = .channel(status: status, data1: pitch, data2: value)
            }
            chunks[place] = .track(track)
        }
    }
}
