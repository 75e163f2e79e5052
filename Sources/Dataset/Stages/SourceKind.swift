import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension SegmentKind {
    /// What a file's name promises.
    static func promised(byPath path: String) -> SegmentKind {
        let name = path.split(separator: "/", omittingEmptySubsequences: true).last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return .audio }
        return ["mid", "midi", "kar", "rmi", "smf"].contains(name[name.index(after: dot)...].lowercased())
            ? .midi : .audio
    }

    /// What a file's first bytes say; what its name promises where they say nothing.
    static func found(atPath file: String, named path: String) -> SegmentKind {
        let promised = promised(byPath: path)
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return promised }
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: 12)
        let count = read(descriptor, &head, head.count)
        let text = String(decoding: head.prefix(max(count, 0)), as: Unicode.ASCII.self)
        // The MIDI reader says that it does not read clips of MIDI 2.0.
        if text.hasPrefix("MThd") || text.hasPrefix("SMF2CLIP")
            || (text.hasPrefix("RIFF") && text.hasSuffix("RMID"))
        {
            return .midi
        }
        let isAudio =
            ["fLaC", "OggS", "RIFX", "RF64", "FORM", ".snd", "riff", "caff", "ID3"].contains {
                text.hasPrefix($0)
            }
            || (text.hasPrefix("RIFF") && text.hasSuffix("WAVE"))
        return isAudio ? .audio : promised
    }
}
