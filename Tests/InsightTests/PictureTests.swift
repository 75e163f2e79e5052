import Testing

@testable import Files
@testable import Insight
@testable import Pictures

struct PictureTests {
    @Test func colourMapRunsFromDarkToLight() {
        func lightness(_ colour: Colour) -> Double {
            0.2126 * Double(colour.red) + 0.7152 * Double(colour.green) + 0.0722 * Double(colour.blue)
        }
        let steps = (0...64).map { lightness(ColourMap.colour(Double($0) / 64)) }
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 })
        #expect(ColourMap.colour(-1) == ColourMap.colour(0))
        #expect(ColourMap.colour(.nan) == ColourMap.colour(0))
        #expect(ColourMap.colour(7) == Colour(253, 231, 37))
    }

    @Test func everyLetterOfAPictureIsDrawn() {
        let words =
            "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz .,:-_/()♯%#×…~+='&![]"
        for letter in words {
            let rows = BitmapFont.rows(of: letter)
            #expect(rows.count == BitmapFont.height, "'\(letter)' has \(rows.count) rows")
            #expect(rows.allSatisfy { $0 < 32 })
            #expect((rows == BitmapFont.rows(of: "€")) == false, "'\(letter)' is a box")
            #expect(rows.contains { $0 > 0 } == (letter != " "))
        }
    }

    @Test func textAndRectanglesStayOnTheCanvas() {
        var canvas = Canvas(width: 20, height: 16)
        canvas.fill(-5, -5, 10, 10, .ink)
        canvas.fill(18, 14, 50, 50, .ink)
        canvas.write("WW", 12, 12)
        #expect(canvas.colour(0, 0) == .ink && canvas.colour(4, 4) == .ink)
        #expect(canvas.colour(5, 5) == .white)
        #expect(canvas.colour(19, 15) == .ink)
    }

    @Test(arguments: [
        (0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (2.1, 5.0), (5.1, 10.0), (0.03, 0.05), (40.0, 50.0),
    ])
    func marksStandAtRoundSteps(length: Double, step: Double) {
        #expect(abs(PictureTime.roundStep(length) - step) < 1e-12)
    }

    @Test func rulerBeginsAtTheFirstRoundValue() {
        // 64 sixteenths from beat 3.5 on.
        let late = PictureTime.ruler("seconds", [0, 1, 3, 4, 5], from: 2.5)
        // Columns begin at 2.5, 3.5, 5.5, 6.5 s; the last ends at 7.5 s.
        #expect(
            late.marks.map(\.text) == [
                "2.5", "3.0", "3.5", "4.0", "4.5", "5.0", "5.5", "6.0", "6.5", "7.0", "7.5",
            ])
        #expect(late.marks.prefix(4).map(\.column) == [0, 0.5, 1, 1.25])
        let ruler = PictureTime.ruler("beats", first: 3.5, perColumn: 0.25, columns: 64)
        #expect(ruler.marks.first?.text == "4")
        #expect(ruler.marks.first?.column == 2)
        #expect(ruler.marks.last?.text == "18")
    }

    @Test func aFewExtremesLeaveTheRestItsContrast() throws {
        var values = (0..<10_000).map { Float($0 % 100) }
        values[17] = 1e9
        let scale = try #require(ValueScale(values))
        #expect(scale.high < 100)
        #expect(scale.level(50) > 0.5)
        #expect(scale.level(1e9) == 1)
        // Nearly all zero: the one value still shows.
        let sparse = try #require(ValueScale([Float](repeating: 0, count: 1000) + [5]))
        #expect(sparse.level(5) == 1 && sparse.level(0) == 0)
        #expect(ValueScale([]) == nil)
    }
}

struct PlotTests {
    @Test func aRollIsDrawnWhereItIsLoud() {
        // Two pitches, four steps; the higher one is struck at step 1.
        let roll = Plot.Roll(title: "a", values: [0, 0, 0, 0, 0, 127, 0, 0], columns: 4, firstPitch: 60)
        let canvas = Plot.picture(of: [roll, roll], title: "b").canvas
        let loud = ColourMap.colour(1)
        var dots: [(x: Int, y: Int)] = []
        // The bar of colours beside it is left out.
        for y in 0..<canvas.height {
            for x in 0..<canvas.width - 120 where canvas.colour(x, y) == loud { dots.append((x, y)) }
        }
        // 1024 dots for four steps, 4 for a pitch, in both rolls.
        #expect(dots.count == 2 * 256 * 4)
        #expect(Set(dots.map(\.x)).count == 256 && Set(dots.map(\.y)).count == 8)
    }

    @Test func probabilitiesHaveAScaleOfTheirOwn() {
        let roll = Plot.Roll(title: "a", values: [0, 1, 0, 0], columns: 4, firstPitch: 60, greatest: 1)
        let canvas = Plot.picture(of: [roll], title: "b").canvas
        let loud = ColourMap.colour(1)
        let dots = (0..<canvas.height).reduce(0) { sum, y in
            sum + (0..<canvas.width - 120).count { canvas.colour($0, y) == loud }
        }
        #expect(dots == 256 * 4)
    }

    /// The values beside a colour bar are whole, however long.
    @Test func valuesBesideAColourBarHaveRoom() {
        var panel = PicturePanel(
            title: "a", values: [0, 1], rows: 1, rowHeight: 60, colour: { _ in ColourMap.colour(0) })
        panel.bar = ("-337.713", "164.134")
        let layout = PictureLayout(title: ["b"], panels: [panel], time: PictureTime(columns: 2, length: 2))
        let canvas = layout.draw().canvas
        let last = (0..<canvas.width).last { x in
            (0..<canvas.height).contains { canvas.colour(x, $0) != .white }
        }
        // Eight letters of twelve dots, and the margin.
        #expect(last.map { $0 < canvas.width - 12 && $0 > canvas.width - 30 } == true)
    }

    @Test func barsAreAsHighAsTheirShares() {
        let canvas = Plot.histogram(
            classes: ["1", "2"], series: [("a", [0.5, 0.25]), ("b", [0, 1])], title: "t")
        func dots(_ level: Double) -> Int {
            let colour = ColourMap.colour(level)
            var count = 0
            for y in 104..<canvas.height {
                for x in 0..<canvas.width where canvas.colour(x, y) == colour { count += 1 }
            }
            return count
        }
        // 14 dots a bar, 300 for the highest.
        #expect(dots(0.25) == 14 * (150 + 75))
        #expect(dots(0.75) == 14 * 300)
    }

    @Test func spectrogramsShareTheirScale() {
        // Two rows of four frames; the second picture is half as long.
        let loud = Plot.Spectrogram(title: "a", values: [0, 0, 0, 0, 0, 8, 0, 0], columns: 4)
        let short = Plot.Spectrogram(title: "b", values: [8, 0, 0, 0], columns: 2)
        let canvas = Plot.picture(of: [loud, short], title: "t").canvas
        var dots = 0
        for y in 0..<canvas.height {
            for x in 0..<canvas.width - 120 where canvas.colour(x, y) == ColourMap.colour(1) { dots += 1 }
        }
        // 256 dots a frame, 128 a row, in both.
        #expect(dots == 2 * 256 * 128)
    }

    @Test func curvesGoFromNumberToNumber() {
        let canvas = Plot.curves(
            [("falls", [4, 2, 0]), ("gap", [0, .nan, 0])], horizontal: "step", title: "t")
        func rows(_ level: Double, at x: Int) -> [Int] {
            (104..<canvas.height).filter { canvas.colour(130 + x, $0) == ColourMap.colour(level) }
        }
        // 800 dots for two steps and 400 for four: one dot to the right is one half down.
        for (x, height) in [(0, 0), (200, 100), (400, 200), (600, 300), (799, 399)] {
            let drawn = rows(0.25, at: x)
            #expect(!drawn.isEmpty && drawn.allSatisfy { abs($0 - 104 - height) <= 2 }, "\(x): \(drawn)")
        }
        #expect(rows(0.75, at: 200).isEmpty && rows(0.75, at: 600).isEmpty)
    }
}
