/// A message that says what a channel plays: its program, or whether it plays drums.
struct PartMessage: BitwiseCopyable {
    enum Kind: UInt8 {
        /// A program change; the value is the program.
        case program
        /// A bank select, upper half (CC 0).
        case bank
        /// What makes a part drums (the value is 1) or melodic (0): Roland GS, "use for rhythm part". The
        /// channel is the part's number.
        case rhythmGS
        /// The same by Yamaha XG, "part mode".
        case rhythmXG
        /// The channel that a part receives (GS and XG); 16 is none.
        case receive
        /// All parts as they were at first; the value is a `SynthesizerMode`.
        case reset
    }

    var tick: UInt32
    /// The timeline's notes and control changes before it in the file: its place within its tick.
    var noteCount: UInt32
    var controlCount: UInt32
    var kind: Kind
    var port: UInt8
    /// The channel, or the part by the channel that it receives at first.
    var channel: UInt8
    var value: UInt8
}

/// Whose rules a synthesizer follows.
enum SynthesizerMode: UInt8 {
    /// No message has said so.
    case unknown
    case gm, gm2, gs, xg
}

/// What SysEx messages say about parts.
enum PartSysEx {
    /// A message found: its kind, part and value.
    struct Found {
        var kind: PartMessage.Kind
        var part: UInt8
        var value: UInt8
        /// Whether it is about the parts of a Roland device's other port.
        var isOtherPort = false
    }

    /// Reads one message.
    ///
    /// Source: Universal SysEx 09 (GM system), Roland SC-55 and SC-88 owner's manuals (DT1 of model 42H: 40 1x 15
    /// "use for rhythm part", 40 1x 02 "Rx. channel", 40 00 7F "mode set", 00 00 7F "system mode set"; 50 for the
    /// parts of the other port), XG Specifications 1.x (08 nn 07 "part mode", 08 nn 04 "Rcv channel", 00 00 7E "XG
    /// system on", 00 00 7F "all parameter reset"). Any device number is taken, since files are made for one device.
    ///
    /// - Parameters:
    ///   - message: The bytes between F0 and F7.
    ///   - found: Called with what it says about each part.
    /// - Returns: Whether it is a Roland message about parts whose checksum is wrong, which has no effect.
    static func read(_ message: some RandomAccessCollection<UInt8>, found: (Found) -> Void) -> Bool {
        let bytes = Array(message.prefix(64))
        guard bytes.count >= 4 else { return false }
        switch (bytes[0], bytes[2]) {
        case (0x7E, 0x09):
            let mode: SynthesizerMode? = [1: .gm, 2: .unknown, 3: .gm2][bytes[3]]
            if let mode { found(Found(kind: .reset, part: 0, value: mode.rawValue)) }
        case (0x41, 0x42) where bytes[3] == 0x12: return readRoland(Array(bytes.dropFirst(4)), found)
        case (0x43, 0x4C) where bytes[1] & 0xF0 == 0x10: readYamaha(Array(bytes.dropFirst(3)), found)
        default: break
        }
        return false
    }

    /// Address, data and checksum of a data set.
    private static func readRoland(_ bytes: [UInt8], _ found: (Found) -> Void) -> Bool {
        guard bytes.count >= 5 else { return false }
        let isSound = bytes.reduce(0) { $0 + Int($1) } % 128 == 0
        var isAboutParts = false
        for (index, value) in bytes[3..<bytes.count - 1].enumerated() {
            let what: Found
            switch (bytes[0], bytes[1], Int(bytes[2]) + index) {
            case (0x40, 0x00, 0x7F), (0x00, 0x00, 0x7F):
                what = Found(kind: .reset, part: 0, value: SynthesizerMode.gs.rawValue)
            case (0x40, 0x10...0x1F, 0x15), (0x50, 0x10...0x1F, 0x15):
                what = Found(kind: .rhythmGS, part: part(ofBlock: bytes[1] & 15), value: value > 0 ? 1 : 0)
            case (0x40, 0x10...0x1F, 0x02), (0x50, 0x10...0x1F, 0x02):
                what = Found(kind: .receive, part: part(ofBlock: bytes[1] & 15), value: min(value, 16))
            default: continue
            }
            isAboutParts = true
            guard isSound else { continue }
            found(Found(kind: what.kind, part: what.part, value: what.value, isOtherPort: bytes[0] == 0x50))
        }
        return isAboutParts && !isSound
    }

    /// GS numbers its blocks from the drums on: block 0 is part 10, 1 to 9 are parts 1 to 9, A to F parts 11 to 16.
    private static func part(ofBlock block: UInt8) -> UInt8 {
        block == 0 ? 9 : block < 10 ? block - 1 : block
    }

    /// Address and data of a parameter change.
    private static func readYamaha(_ bytes: [UInt8], _ found: (Found) -> Void) {
        guard bytes.count >= 4 else { return }
        for (index, value) in bytes[3...].enumerated() {
            switch (bytes[0], bytes[1], Int(bytes[2]) + index) {
            case (0x00, 0x00, 0x7E), (0x00, 0x00, 0x7F):
                found(Found(kind: .reset, part: 0, value: SynthesizerMode.xg.rawValue))
            case (0x08, 0..<16, 0x07): found(Found(kind: .rhythmXG, part: bytes[1], value: value > 0 ? 1 : 0))
            case (0x08, 0..<16, 0x04): found(Found(kind: .receive, part: bytes[1], value: min(value, 16)))
            default: break
            }
        }
    }
}
