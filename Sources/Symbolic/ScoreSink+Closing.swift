/// What can be known of a timeline's notes only when all its tracks are read, since channels cross tracks.
///
/// Messages are in the order of ticks, within a tick in the order of the file. Notes and control changes are here still
/// in the order of the file.
extension ScoreSink {
    /// Ends notes that nothing in their track ends where another track turns all notes of their channel off.
    mutating func endStuckNotes() {
        guard !unended.isEmpty, !silences.isEmpty else { return }
        let ordered = silences.withUnsafeBufferPointer(sortedByTick)
        let ofChannel = Dictionary(grouping: ordered) { Int($0.port) << 4 | Int($0.channel) }
        for index in unended {
            let note = storage.notes[index]
            guard let list = ofChannel[note.channelKey] else { continue }
            let first = list.partitioningIndex { $0.tick > note.start }
            guard first < list.count, list[first].tick <= note.end else { continue }
            storage.notes[index].end = list[first].tick
            storage.releases[index] = list[first].controlCount
            warnings.remove(MIDICode.noteUnended)
        }
    }

    /// Gives notes their programs where their own tracks do not suffice: when other tracks set the program, or when
    /// messages change which parts are drums.
    mutating func resolvePrograms() {
        guard hasDrumMessages || isProgramMissing && !programs.isEmpty else { return }
        var states = PartStates(parts)
        for (number, start) in trackStarts.enumerated() {
            let isLast = number + 1 == trackStarts.count
            let next = isLast ? (note: noteCount, part: parts.count) : trackStarts[number + 1]
            resolve(start.note..<next.note, messages: parts[start.part..<next.part], &states)
        }
        guard hasDrumMessages else { return }
        for index in controls.indices {
            let control = controls[index]
            controls[index].portBits = control.port | (states.isDrum(control, index: index) ? 0x80 : 0)
        }
    }

    /// One track's notes; `messages` are its own.
    private func resolve(_ notes: Range<Int>, messages: ArraySlice<PartMessage>, _ states: inout PartStates) {
        guard !notes.isEmpty else { return }
        let notSet = UInt8.max
        var own = [UInt8](repeating: notSet, count: 128 * 16)
        var message = messages.startIndex
        for index in notes {
            while message < messages.endIndex, Int(messages[message].noteCount) <= index {
                if messages[message].kind == .program {
                    own[messages[message].channelKey] = messages[message].value
                }
                message += 1
            }
            let note = storage.notes[index]
            let (program, isDrum) = states.state(of: note, index: index)
            let ownProgram = own[note.channelKey]
            storage.notes[index].program =
                isDrum ? Note.drumProgram : ownProgram == notSet ? program : ownProgram
        }
    }

    /// Marks the notes that are released before a sustain pedal goes down in the same tick, or before it or all sound
    /// (CC 120) goes off and the pedal is down again: the pedal that is down at the tick's end does not hold them.
    func markReleasesBeforePedals() {
        guard controls.contains(where: { $0.number == 64 && $0.value >= PedalSpans.threshold }) else {
            return
        }
        let presses = pedalPresses()
        guard !presses.isEmpty else { return }
        // Most releases are at no such tick: a bit for each tick modulo 65,536 tells.
        var ticks = [UInt64](repeating: 0, count: 1024)
        for press in presses {
            let tick = Int(press.key >> 11) & 0xFFFF
            ticks[tick >> 6] |= 1 << UInt64(tick & 63)
        }
        for index in 0..<noteCount {
            let end = storage.notes[index].end
            guard ticks[Int(end & 0xFFFF) >> 6] & 1 << UInt64(end & 63) != 0 else { continue }
            let key = UInt64(end) << 11 | UInt64(storage.notes[index].channelKey)
            let last = presses.partitioningIndex { $0.key > key } - 1
            if last >= 0, presses[last].key == key, presses[last].control >= storage.releases[index] {
                storage.notes[index].portBits |= 0x80
            }
        }
    }

    /// A sustain pedal's going down, or all sound's going off while it is down.
    private struct PedalPress: BitwiseCopyable {
        /// Tick, port and channel.
        var key: UInt64
        /// The number of control changes before it in the file.
        var control: UInt32
    }

    private struct PedalMove: Ticked {
        var tickKey: UInt32
        var control: UInt32
        var channelKey: UInt16
        var number: UInt8
        var value: UInt8

        /// Takes a control change and the number of those before it in the file.
        @inline(__always)
        init(_ control: ControlChange, _ index: Int) {
            tickKey = control.position
            self.control = UInt32(truncatingIfNeeded: index)
            channelKey = UInt16(truncatingIfNeeded: control.channelKey)
            number = control.number
            value = control.value
        }
    }

    /// By key, of equal keys in order.
    private func pedalPresses() -> [PedalPress] {
        var finder = PressFinder()
        var (last, isInOrder) = (UInt32(0), true)
        for index in controls.indices where controls[index].movesSustain {
            if controls[index].position < last {
                isInOrder = false
                break
            }
            last = controls[index].position
            finder.take(PedalMove(controls[index], index))
        }
        if !isInOrder {
            let moves = controls.indices.lazy.filter { controls[$0].movesSustain }
                .map { PedalMove(controls[$0], $0) }
            finder = PressFinder()
            for move in Array(moves).withUnsafeBufferPointer(sortedByTick) { finder.take(move) }
        }
        guard !finder.isSorted else { return finder.presses }
        return finder.presses.enumerated().sorted {
            ($0.element.key, $0.offset) < ($1.element.key, $1.offset)
        }
        .map(\.element)
    }

    /// Finds the presses among moves in the order of ticks.
    private struct PressFinder {
        private(set) var presses: [PedalPress] = []
        /// Whether the presses are in the order of their keys.
        private(set) var isSorted = true
        private var isDown = [Bool](repeating: false, count: 128 * 16)
        private var lastKey: UInt64 = 0

        @inline(__always)
        mutating func take(_ move: PedalMove) {
            let wasDown = isDown[Int(move.channelKey)]
            if move.number != 120 {
                isDown[Int(move.channelKey)] = move.number == 64 && move.value >= PedalSpans.threshold
            }
            guard isDown[Int(move.channelKey)], !wasDown || move.number == 120 else { return }
            let key = UInt64(move.tickKey) << 11 | UInt64(move.channelKey)
            isSorted = isSorted && lastKey <= key
            lastKey = key
            presses.append(PedalPress(key: key, control: move.control))
        }
    }

    /// Why damaged bytes leave the notes in doubt; nil if they do not.
    ///
    /// What follows damaged bytes may be misread, a time above all. So it was if after them nothing begins for half an
    /// hour, or for a minute that is more than half of the piece.
    func silenceAfterDamage(_ timeline: Timeline) -> MIDIError? {
        guard let damagedFrom, let lastOffset = timeline.notes.map(\.offset).max() else { return nil }
        let map = timeline.tempoMap
        let whole = map.time(at: lastOffset)
        var longest = 0
        var before = 0
        for tick in timeline.notes.map(\.onset) + [lastOffset] {
            if tick > damagedFrom { longest = max(longest, map.time(at: tick) - map.time(at: before)) }
            before = tick
        }
        let minute = 60 * map.unitsPerSecond
        guard longest >= 30 * minute || longest >= minute && longest > whole / 2 else { return nil }
        return MIDIError(
            MIDICode.damaged,
            "after damaged bytes no note begins for \(longest / map.unitsPerSecond) s of "
                + "\(whole / map.unitsPerSecond) s: a time was misread")
    }
}

extension Note {
    /// The number of its port and channel, below 2,048.
    var channelKey: Int { Int(port) << 4 | Int(channel) }
}

extension ControlChange {
    /// The number of its port and channel, below 2,048.
    var channelKey: Int { Int(port) << 4 | Int(channel) }
    /// Whether it concerns the sustain pedal: its own, all sound off, or reset all controllers.
    fileprivate var movesSustain: Bool { number == 64 || number == 120 || number == 121 }
}

extension PartMessage {
    /// The number of its port and channel, below 2,048.
    var channelKey: Int { Int(port) << 4 | Int(channel) }
}

extension RandomAccessCollection {
    /// The first index whose element meets a condition that holds from some element on; the end if none does.
    func partitioningIndex(where holds: (Element) -> Bool) -> Index {
        var (low, count) = (startIndex, self.count)
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if holds(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
