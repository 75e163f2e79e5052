import Audio
import SoundFiles

extension ExplorerResponse {
    /// A sound, or the part of it that a `Range` header names (RFC 9110, section 14).
    ///
    /// One range is understood: `bytes=a-b`, `bytes=a-`, `bytes=-n`.
    init(_ view: WaveView, range: String?) throws(ExplorerError) {
        let count = view.byteCount
        headers = [("Content-Type", "audio/wav"), ("Accept-Ranges", "bytes")]
        guard let range, range.hasPrefix("bytes="), !range.contains(",") else {
            status = .okay
            body = .sound(view, 0..<count)
            return
        }
        let parts = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.map { Int($0) }
        let wanted: Range<Int>? =
            switch (parts.count, parts.first?.isEmpty, parts.last?.isEmpty) {
            case (2, true, false): numbers[1].map { max(0, count - max(0, $0))..<count }
            case (2, false, true): numbers[0].map { min(max(0, $0), count)..<count }
            case (2, false, false):
                numbers[0].flatMap { low in
                    numbers[1].map { high in
                        low >= 0 && low <= high
                            ? min(low, count)..<max(min(low, count), min(high, count - 1) + 1) : 0..<0
                    }
                }
            default: nil
            }
        guard let wanted, !wanted.isEmpty else {
            throw ExplorerError(.rangeNotSatisfiable, "the sound has \(count) bytes")
        }
        status = .partial
        headers.append(("Content-Range", "bytes \(wanted.lowerBound)-\(wanted.upperBound - 1)/\(count)"))
        body = .sound(view, wanted)
    }
}
