import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension SegmentKind {
    /// What a file's name promises.
    static func promised(byPath path: String) -> SegmentKind {
        guard let mark = path.utf8.lastIndex(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }),
            path.utf8[mark] == UInt8(ascii: ".")
        else { return .audio }
        let ending = path[path.utf8.index(after: mark)...].lowercased()
        return ["mid", "midi", "kar", "rmi", "smf"].contains(ending) ? .midi : .audio
    }

    /// What a file's first bytes say; what its name promises where they say nothing.
    static func found(atPath file: String, named path: String) -> SegmentKind {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return promised(byPath: path) }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 12) { head in
            let bytes = head[..<max(read(descriptor, head.baseAddress, head.count), 0)]
            func begins(_ text: StaticString) -> Bool {
                bytes.starts(with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
            }
            func isRIFF(of type: StaticString) -> Bool {
                begins("RIFF") && bytes.count == 12
                    && bytes[8...].elementsEqual(UnsafeBufferPointer(start: type.utf8Start, count: 4))
            }
            // The MIDI reader says that it does not read clips of MIDI 2.0.
            if begins("MThd") || begins("SMF2CLIP") || isRIFF(of: "RMID") { return .midi }
            let names: [StaticString] = [
                "fLaC", "OggS", "RIFX", "RF64", "FORM", ".snd", "riff", "caff", "ID3",
            ]
            return names.contains(where: begins) || isRIFF(of: "WAVE") ? .audio : promised(byPath: path)
        }
    }
}
