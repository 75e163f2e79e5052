import Testing

@testable import Files

/// Text that fits where it is shown.
struct TextFormatTests {
    @Test(arguments: [
        (0.0, "0.00"), (1.006, "1.01"), (99.99, "99.99"), (99.996, "100.0"), (127, "127.0"),
        (999.96, "1,000"),
        (10_567.7, "10,568"), (-1234.5, "-1,235"), (-0.5, "-0.50"),
    ])
    func numbersHaveTheDecimalsOfTheirSize(value: Double, text: String) {
        #expect(figures([value]) == [text])
    }

    @Test func numbersOfOneRowHaveTheSameDecimals() {
        #expect(figures([72.194, 22.75, 127]) == ["72.2", "22.8", "127.0"])
        #expect(figures([1, 10_567.7]) == ["1", "10,568"])
        #expect(figures([]) == [])
    }

    @Test func longTextsLoseTheirMiddle() {
        #expect(shortened("abcdefghij", to: 10) == "abcdefghij")
        #expect(shortened("abcdefghij", to: 9) == "abcd…ghij")
        #expect(shortened("abcdefghij", to: 4) == "ab…j")
    }

    @Test func listsBreakBetweenItems() {
        let text = listed("programs", ["piano 3", "violin 2", "drums 1"], width: 30, note: " (sources)")
        #expect(text == "programs   piano 3, violin 2,\n           drums 1 (sources)\n")
        // What is longer than a line is not torn.
        let long = String(repeating: "x", count: 50)
        #expect(listed("formats", [long, "y"], width: 30) == "formats    \(long),\n           y\n")
    }

    @Test(arguments: [40, 60, 80, 100, 200])
    func tablesFitTheirWidth(width: Int) {
        let name = String(repeating: "a long title ", count: 12)
        let text = table(
            ["work", "sources", "notes"], [[name, "1", "1,234,567"], ["short", "2", "3"]], width: width)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.count <= width })
        #expect(lines.allSatisfy { $0.count == lines[0].count })
        #expect(text.contains("…") == (width < name.count + 20))
    }

    @Test func manyNamesAreCutShort() {
        #expect(briefly([]) == "")
        #expect(briefly(["a", "b", "c"]) == "a, b, c")
        #expect(briefly(["a", "b", "c", "d"]) == "a, b and 2 others")
        #expect(briefly((1...15).map { "run-\($0)" }) == "run-1, run-2 and 13 others")
    }

    @Test func timesHaveTheUnitsOfTheirLength() {
        #expect(
            [0, 0.2, 59.1, 60, 3599, 3600, 90_061].map(durationText)
                == ["0 s", "1 s", "1 min 0 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"])
        #expect(durationText(.infinity).hasSuffix(" h 46 min"))
    }
}
