/// What each channel of each port plays, from each message on.
///
/// Channel 10 is drums unless Roland GS makes its part melodic. GS, XG and GM2 make further parts drums: by SysEx;
/// in XG a bank of 126 or 127 does it with the next program change, in GM2 (and where nothing says whose rules hold)
/// bank 120 on channels 10 and 11, which bank 121 takes back on 11. A reset makes all parts as they were at first, but
/// leaves programs alone: files often set them before.
struct PartStates {
    /// What a channel plays from a message on.
    private struct State {
        var tick: UInt32
        var noteCount: UInt32
        var controlCount: UInt32
        var program: UInt8
        var isDrum: Bool
    }

    /// For each channel of each port in use, its states in order.
    private var states: [[State]] = []
    /// The state that was found last.
    private var hints: [Int] = []
    private var places = PortPlaces()

    /// - Parameter messages: In the order of the file.
    init(_ messages: [PartMessage]) {
        for message in messages { places.add(message.port) }
        var devices = [Device](repeating: Device(), count: places.count)
        states = Array(repeating: [], count: places.count * 16)
        hints = Array(repeating: 0, count: states.count)
        for message in messages.withUnsafeBufferPointer(sortedByTick) {
            let port = places[message.port]
            for channel in devices[port].apply(message) {
                let (program, isDrum) = (devices[port].programs[channel], devices[port].isDrum(channel))
                let last = states[port * 16 + channel].last
                guard
                    (last?.program ?? 0, last?.isDrum ?? (channel == Int(Note.drumChannel))) != (
                        program, isDrum
                    )
                else { continue }
                states[port * 16 + channel].append(
                    State(
                        tick: message.tick, noteCount: message.noteCount, controlCount: message.controlCount,
                        program: program, isDrum: isDrum))
            }
        }
    }

    /// What a note's channel plays at its onset; `index` is the number of notes before it in the file.
    mutating func state(of note: Note, index: Int) -> (program: UInt8, isDrum: Bool) {
        state(note.port, note.channel) {
            $0.tick < note.start || $0.tick == note.start && Int($0.noteCount) <= index
        }
    }

    /// Whether a control change's channel plays drums; `index` is the number of control changes before it in the file.
    mutating func isDrum(_ control: ControlChange, index: Int) -> Bool {
        state(control.port, control.channel) {
            $0.tick < control.position || $0.tick == control.position && Int($0.controlCount) <= index
        }.isDrum
    }

    @inline(__always)
    private mutating func state(
        _ port: UInt8, _ channel: UInt8, isReached: (State) -> Bool
    ) -> (program: UInt8, isDrum: Bool) {
        let initial: (program: UInt8, isDrum: Bool) = (0, channel == Note.drumChannel)
        guard let place = places.find(port) else { return initial }
        let list = place * 16 + Int(channel)
        // The number of states that are reached; nearly always the one of the note before.
        var (low, high) = (0, states[list].count)
        let hint = hints[list]
        if hint == 0 || isReached(states[list][hint - 1]) {
            low = hint
            if hint == high || !isReached(states[list][hint]) { high = hint }
        } else {
            high = hint - 1
        }
        while low < high {
            let middle = (low + high) / 2
            if isReached(states[list][middle]) { low = middle + 1 } else { high = middle }
        }
        hints[list] = low
        guard low > 0 else { return initial }
        let state = states[list][low - 1]
        return (state.program, state.isDrum)
    }
}

/// A synthesizer of 16 parts.
private struct Device {
    var mode = SynthesizerMode.unknown
    var programs = [UInt8](repeating: 0, count: 16)
    private var banks = [UInt8](repeating: 0, count: 16)
    /// The channel that each part receives; 16 is none.
    private var receives = (0..<16).map { UInt8($0) }
    private var isRhythm = (0..<16).map { $0 == Int(Note.drumChannel) }
    /// Whether a bank makes the channel drums.
    private var isDrumBank = [Bool](repeating: false, count: 16)

    func isDrum(_ channel: Int) -> Bool {
        if isDrumBank[channel] { return true }
        var isReceived = false
        for part in 0..<16 where Int(receives[part]) == channel {
            if isRhythm[part] { return true }
            isReceived = true
        }
        return !isReceived && channel == Int(Note.drumChannel)
    }

    /// Takes in a message; returns the channels that may play something else from here on.
    mutating func apply(_ message: PartMessage) -> Range<Int> {
        let channel = Int(message.channel)
        switch message.kind {
        case .bank:
            banks[channel] = message.value
            return 0..<0
        case .program:
            programs[channel] = message.value
            applyBank(of: channel)
            return channel..<channel + 1
        case .rhythmGS:
            isRhythm[channel] = message.value > 0
            enter(.gs)
        case .rhythmXG:
            // Channel 10 is drums in XG.
            isRhythm[channel] = message.value > 0 || message.channel == Note.drumChannel
            enter(.xg)
        case .receive: receives[channel] = message.value
        case .reset:
            let programs = programs
            self = Device()
            self.programs = programs
            mode = SynthesizerMode(rawValue: message.value) ?? .unknown
        }
        return 0..<16
    }

    private mutating func enter(_ mode: SynthesizerMode) {
        if self.mode == .unknown { self.mode = mode }
    }

    /// What a bank select does once a program change follows.
    private mutating func applyBank(of channel: Int) {
        switch (mode, banks[channel]) {
        case (.xg, let bank): isDrumBank[channel] = bank >= 126
        case (.gm2, 120), (.gm, 120), (.unknown, 120):
            // RP-024: channels 10 and 11 alone can be drums.
            isDrumBank[channel] = channel == 9 || channel == 10
        case (.gm2, _), (.gm, _), (.unknown, _): isDrumBank[channel] = false
        case (.gs, _): break
        }
    }
}

/// Small numbers for the ports in use, of which most files have one.
struct PortPlaces {
    private var places = [UInt8](repeating: .max, count: 256)
    /// How many ports there are.
    private(set) var count = 0

    mutating func add(_ port: UInt8) {
        guard places[Int(port)] == .max else { return }
        places[Int(port)] = UInt8(count)
        count += 1
    }

    subscript(port: UInt8) -> Int { Int(places[Int(port)]) }

    func find(_ port: UInt8) -> Int? { places[Int(port)] == .max ? nil : Int(places[Int(port)]) }
}
