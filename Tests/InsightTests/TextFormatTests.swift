import Insight
import Testing

@Suite struct TextFormatTests {
    @Test func manyNamesAreCutShort() {
        #expect(briefly([]) == "")
        #expect(briefly(["a", "b", "c"]) == "a, b, c")
        #expect(briefly(["a", "b", "c", "d"]) == "a, b and 2 others")
        #expect(briefly((1...15).map { "run-\($0)" }) == "run-1, run-2 and 13 others")
    }
}
