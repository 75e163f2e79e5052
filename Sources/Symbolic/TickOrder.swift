/// What is at a tick and is moved as plain bytes.
protocol Ticked: BitwiseCopyable {
    var tickKey: UInt32 { get }
}

extension Note: Ticked { var tickKey: UInt32 { start } }
extension ControlChange: Ticked { var tickKey: UInt32 { position } }
extension PitchBend: Ticked { var tickKey: UInt32 { position } }
extension ProgramChange: Ticked { var tickKey: UInt32 { position } }
extension PartMessage: Ticked { var tickKey: UInt32 { tick } }

/// A copy in the order of ticks; equal ticks stay as they were.
///
/// The tracks of a file follow each other sorted, so this is their merge. A radix sort of 11 bits a pass: two
/// passes suffice for most files, and its time does not depend on the number of tracks.
func sortedByTick<Element: Ticked>(_ source: UnsafeBufferPointer<Element>) -> [Element] {
    guard let base = source.baseAddress, source.count > 1 else { return Array(source) }
    var isSorted = true
    var maximum = base[0].tickKey
    for index in 1..<source.count {
        let key = base[index].tickKey
        isSorted = isSorted && base[index - 1].tickKey <= key
        maximum = max(maximum, key)
    }
    if isSorted { return Array(source) }
    var result = Array(source)
    let scratch = UnsafeMutableBufferPointer<Element>.allocate(capacity: source.count)
    defer { scratch.deallocate() }
    result.withUnsafeMutableBufferPointer { buffer in
        var (from, to) = (buffer, scratch)
        var shift: UInt32 = 0
        while shift < 32, maximum >> shift > 0 {
            distribute(UnsafeBufferPointer(from), into: to, shift: shift)
            swap(&from, &to)
            shift += 11
        }
        if from.baseAddress != buffer.baseAddress { _ = buffer.update(from: from) }
    }
    return result
}

private func distribute<Element: Ticked>(
    _ source: UnsafeBufferPointer<Element>, into target: UnsafeMutableBufferPointer<Element>, shift: UInt32
) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 2048) { starts in
        starts.initialize(repeating: 0)
        for element in source { starts[Int(element.tickKey >> shift & 2047)] += 1 }
        var sum = 0
        for digit in 0..<2048 {
            let count = starts[digit]
            starts[digit] = sum
            sum += count
        }
        for element in source {
            let digit = Int(element.tickKey >> shift & 2047)
            target[starts[digit]] = element
            starts[digit] += 1
        }
    }
}
