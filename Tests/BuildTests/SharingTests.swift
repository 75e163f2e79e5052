import Files
import Synchronization
import Testing

@Suite struct SharingTests {
    /// The first in order does the shared work, though the others are quicker.
    @Test(arguments: [1, 4])
    func theFirstOfAKeyIsDoneBeforeTheOthers(threads: Int) throws {
        let doers = Mutex<[Int: Int]>([:])
        let results = try Workers(count: threads).map(Array(0..<60), sharing: { $0 % 7 }) {
            (element) throws(BuildError) -> Int in
            if element < 7 { for _ in 0..<20_000 where Cancellation.bySignal.isRequested { break } }
            doers.withLock { if $0[element % 7] == nil { $0[element % 7] = element } }
            return element * 2
        }
        #expect(results == (0..<60).map { $0 * 2 })
        #expect(doers.withLock { $0 } == Dictionary(uniqueKeysWithValues: (0..<7).map { ($0, $0) }))
    }
}
