extension Timeline {
    /// The notes as a roll keeps them, back in ticks: what comes of writing a roll of this timeline to a file.
    ///
    /// Onsets and offsets are moved to the steps of the grid, each note lasts at least a step, and what the parameters leave
    /// out (pitches, drums) is gone. Everything else stays. The order of notes is by onset, then as before.
    ///
    /// - Parameter parameters: The grid, the rounding, the pitches, and what becomes of drums.
    /// - Returns: The timeline with these notes.
    public func quantized(by parameters: RollParameters) -> Timeline {
        var grid = TimelineGrid(parameters.grid, rounding: parameters.rounding, tempoMap: tempoMap)
        var result = self
        result.notes = notes.compactMap { note in
            guard parameters.pitches.contains(note.pitch), !note.isDrum || parameters.drums != .exclude else {
                return nil
            }
            let first = grid.step(of: note.onset)
            let last = max(grid.step(of: note.offset), first + 1)
            let onset = grid.tick(ofStep: first)
            return Note(
                onset: onset, offset: max(grid.tick(ofStep: last), onset), pitch: note.pitch,
                velocity: note.velocity, releaseVelocity: note.releaseVelocity, channel: note.channel,
                program: note.program, track: note.track, port: note.port)
        }
        result.notes.sort { $0.onset < $1.onset }
        return result
    }

    /// The steps of a grid in which each note sounds, in the order of `notes`: at least one.
    ///
    /// - Parameters:
    ///   - grid: What a step is.
    ///   - rounding: How ticks become steps.
    /// - Returns: A range for each note.
    public func steps(on grid: Grid, rounding: Rounding = .halfUp) -> [Range<Int>] {
        var grid = TimelineGrid(grid, rounding: rounding, tempoMap: tempoMap)
        return notes.map { note in
            let first = grid.step(of: note.onset)
            return first..<max(grid.step(of: note.offset), first + 1)
        }
    }
}
