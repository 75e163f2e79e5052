import Files
import Testing

@testable import Training

struct FormatTests {
    @Test func checksAreCastagnolis() {
        // RFC 3720, appendix B.4.
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    }

    /// The message by hand: wall_time 1.5, step 300 (0xAC 0x02), a summary of one value 'loss' = 0.5.
    @Test func eventsAreTensorBoards() {
        let event = EventRecord.scalars([Measure("loss", 0.5)], step: 300, time: 1.5)
        let data: [UInt8] = [
            0x09, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0x10, 0xAC, 0x02, 0x2A, 0x0D, 0x0A, 0x0B, 0x0A, 0x04,
            0x6C, 0x6F, 0x73, 0x73, 0x15, 0, 0, 0, 0x3F,
        ]
        #expect(Array(event[12..<12 + data.count]) == data)
        #expect(event.count == 16 + data.count)
        #expect(event[0] == UInt8(data.count))
    }

    @Test func settingsAreChecked() throws {
        let settings = try Settings(.toy, preset: "cpu", assignments: ["word=b", "rate=0.5", "rate=0.25"])
        #expect(settings.word("word") == "b")
        #expect(settings.number("rate") == 0.25)
        #expect(settings.integer("epochs") == 2)
        for bad in ["word=c", "rate=-1", "rate=nan", "epochs=1.5", "epochs=0", "nothing=1", "word"] {
            let fault = #expect(throws: TrainingError.self) { try Settings(.toy, assignments: [bad]) }
            #expect(fault?.exitStatus == .usage)
        }
        #expect(throws: TrainingError.self) { try Settings(.toy, preset: "published") }
        var longer = settings
        try longer.setEpochs(7, of: .toy)
        #expect(longer.integer("epochs") == 7)
        // The steps of so many epochs would not fit a number.
        for bad in [Int.max, 0, -1] {
            #expect(throws: TrainingError.self) { try longer.setEpochs(bad, of: .toy) }
        }
    }

    @Test func aStyleIsChosenOrAsked() throws {
        let settings = try Settings(transferBy: .toy, assignments: [])
        func request(_ style: String?, _ content: String?) -> TransferRequest {
            TransferRequest(
                content: [], path: "x.mid", style: style, contentStyle: content, settings: settings)
        }
        #expect(try request("jazz", nil).target(among: ["classical", "jazz"]) == "jazz")
        #expect(try request(nil, "jazz").target(among: ["classical", "jazz"]) == "classical")
        #expect(throws: TrainingError.self) { try request(nil, nil).target(among: ["classical", "jazz"]) }
        func code(_ style: String?, _ content: String?) -> TrainingError.Code? {
            #expect(throws: TrainingError.self) {
                try request(style, content).target(among: ["classical", "jazz"])
            }?.code
        }
        #expect(code("pop", nil) == .usage && code("pop", "folk") == .usage)
        // A comparison leaves such contents out.
        #expect(code("jazz", "folk") == .unknownStyle)
    }
}
