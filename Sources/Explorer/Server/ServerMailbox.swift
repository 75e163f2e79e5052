internal import Audio
import SoundFiles
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What tasks hand to the server's thread; putting something in wakes it.
final class ServerMailbox: Sendable {
    enum Letter: Sendable {
        /// A request's answer, for a connection by its number.
        case answer(ExplorerResponse, connection: Int)
        /// More of a body; nothing at its end, or if it cannot be read any more.
        case part([UInt8], connection: Int)
        case stop
    }

    private let letters = Mutex<[Letter]>([])
    /// The two ends of a pipe: one is polled, into the other a byte is written.
    let pollDescriptor: Int32
    private let wakeDescriptor: Int32

    /// - Throws: `ExplorerError` if the process has no descriptor left.
    init() throws(ExplorerError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw ExplorerError(.failed, "no file descriptor is left") }
        (pollDescriptor, wakeDescriptor) = (ends[0], ends[1])
        _ = Socket.makeNonBlocking(ends[0])
        _ = Socket.makeNonBlocking(ends[1])
    }

    deinit {
        close(pollDescriptor)
        close(wakeDescriptor)
    }

    func put(_ letter: Letter) {
        letters.withLock { $0.append(letter) }
        var byte: UInt8 = 0
        // A full pipe wakes as well.
        _ = write(wakeDescriptor, &byte, 1)
    }

    /// Everything that was put in.
    func empty() -> [Letter] {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(pollDescriptor, &bytes, bytes.count) > 0 {}
        return letters.withLock { letters in
            defer { letters = [] }
            return letters
        }
    }
}

/// Some of a sound's bytes, decoded when they are asked for.
final class SoundStream: Sendable {
    private struct State {
        var reader: WaveView.Reader?
        var left: Range<Int>
    }

    private let view: WaveView
    private let state: Mutex<State>

    init(_ view: WaveView, _ range: Range<Int>) {
        self.view = view
        state = Mutex(State(reader: nil, left: range))
    }

    /// Whether all bytes have been given.
    var isAtEnd: Bool { state.withLock { $0.left.isEmpty } }

    /// The next bytes; nothing at the end.
    ///
    /// - Throws: what opening the file meets.
    func next() throws -> [UInt8] {
        try state.withLock { state in
            guard !state.left.isEmpty else { return [] }
            let reader = try state.reader ?? view.reader(from: state.left.lowerBound)
            state.reader = reader
            let bytes = Array(reader.next().prefix(state.left.count))
            state.left = state.left.lowerBound + bytes.count..<state.left.upperBound
            return bytes
        }
    }
}
