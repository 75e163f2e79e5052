import Testing

@testable import Build
@testable import Files
@testable import Storage

/// Reading texts part by part, and facts that are read when they are asked for.
@Suite struct JSONReaderTests {
    private func read<Result>(
        _ text: String, _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let bytes = Array(text.utf8)
        return try bytes.span.withUnsafeBytes { (raw) throws(JSONError) in
            var reader = JSONReader(raw)
            let result = try body(&reader)
            try reader.end()
            return result
        }
    }

    @Test func partsAreReadInTheirOrder() throws {
        var names: [String] = []
        var numbers: [Int] = []
        let share = try read(#" {"b" : [1, 2 ,3], "é\n": {"x": [{}, null]}, "a": 0.5} "#) {
            (reader) throws(JSONError) in
            var share = 0.0
            try reader.members { (reader, name) throws(JSONError) in
                names.append(name)
                switch name {
                case "b":
                    try reader.elements { (reader) throws(JSONError) in numbers.append(try reader.integer()) }
                case "a": share = try reader.double()
                default: try reader.skip()
                }
            }
            return share
        }
        #expect(names == ["b", "é\n", "a"] && numbers == [1, 2, 3] && share == 0.5)
    }

    @Test(arguments: [
        "null", "-12", "1.5e-7", #""a\"\\\u00e9""#, "[]", "{}", #"[1,[2,{"a":[],"b":"]"}],"}"]"#,
        #"{"a":{"b":{"c":[true,false,null]}},"d":"é"}"#,
    ])
    func whatIsPassedOverIsTheWholeValue(text: String) throws {
        let passed = try read("[\(text) , 7]") { (reader) throws(JSONError) in
            var found: [String] = []
            try reader.elements { (reader) throws(JSONError) in
                found.append(String(decoding: try reader.text(), as: UTF8.self))
            }
            return found
        }
        #expect(passed == [text, "7"])
    }

    @Test(arguments: [
        "", "[", "[1,]", "[1 2]", #"{"a":1,}"#, "{a:1}", #"{"a" 1}"#, "01", "-", "1.", ".5", "nul", "\"",
        "\"\\\"", "\"\\", "\"\u{1}\"", "1 2", String(repeating: "[", count: 1000),
    ])
    func brokenTextsAreNotPassedOver(text: String) {
        let error = #expect(throws: JSONError.self) {
            try read(text) { (reader) throws(JSONError) in try reader.skip() }
        }
        #expect((0...text.utf8.count).contains(error?.offset ?? -1))
    }

    @Test func otherKindsAreRefused() {
        #expect(throws: JSONError.self) { try read("1") { (r) throws(JSONError) in try r.string() } }
        #expect(throws: JSONError.self) { try read("1.5") { (r) throws(JSONError) in try r.integer() } }
        #expect(throws: JSONError.self) { try read("[]") { (r) throws(JSONError) in try r.double() } }
        #expect(throws: JSONError.self) {
            try read("[]") { (r) throws(JSONError) in try r.members { (_, _) throws(JSONError) in } }
        }
        #expect(throws: JSONError.self) {
            try read("{}") { (r) throws(JSONError) in try r.elements { (_) throws(JSONError) in } }
        }
    }

    @Test func factsAsTextAreTheFactsAsValue() throws {
        let value: JSONValue = ["notes": 3, "name": "é\"", "list": [1, 0.25, nil]]
        let text = try #require(RecordedFacts(text: value.canonicalBytes))
        #expect(text == RecordedFacts(value) && text.hashValue == RecordedFacts(value).hashValue)
        #expect(text.value == value && text.text == value.canonicalBytes)
        #expect(RecordedFacts(value).text == value.canonicalBytes)
        #expect(RecordedFacts(.null).text == nil)
        #expect(RecordedFacts(text: Array("{".utf8)) == nil)
        #expect(RecordedFacts(text: Array("{} x".utf8)) == nil)
        let names = try text.read { (reader) throws(JSONError) in
            var names: [String] = []
            try reader.members { (reader, name) throws(JSONError) in
                names.append(name)
                try reader.skip()
            }
            return names
        }
        #expect(names == ["list", "name", "notes"])
    }

    @Test func aLineOfAJournalKeepsItsFactsAsTheyAre() throws {
        let action = Action(
            Stage("score", version: 2, numerics: "x"), parameters: ["steps": 4],
            inputs: [Input("source", Digest(of: [1]))], subject: "a \"b\".mid")
        for facts in [.null, 7, ["b": [1.5], "a": "é"]] as [JSONValue] {
            let result = ActionResult(
                outputs: ["score": ObjectReference(digest: Digest(of: [2]), size: 300)], facts: facts,
                diagnostics: [Diagnostic(.warning, code: "midi.odd", message: "odd")])
            let record = ActionRecord(action: action, result: result)
            let line = JournalEntry.record(record, at: 5).line
            let entry = line.dropLast().withUnsafeBytes { JournalEntry(line: $0) }
            guard case .record(let found, 5)? = entry else {
                Issue.record("\(String(decoding: line, as: UTF8.self)) was not read")
                continue
            }
            #expect(found == record && found.facts == facts)
            #expect(ActionRecord(json: record.json) == record)
            let text = record.result.canonicalBytes
            #expect(try JSONValue(parsing: text).canonicalBytes == text)
            #expect(JournalEntry.record(found, at: 5).line == line)
        }
    }

    @Test func manyAreLookedUpByManyAsByOne() throws {
        let folder = try TemporaryFolder()
        let cache = try Cache(
            path: "\(folder.path)/cache", for: .building(wait: false), disk: Disk(UnflushedFileSystem()))
        let engine = Engine(cache)
        let actions = (0..<1400).map { number in
            Action(
                Stage("toy", version: 1), inputs: [Input("source", Digest(of: "\(number)".utf8))],
                subject: "\(number)")
        }
        for action in actions where action.subject.count != 2 {
            _ = try engine.run(action) { context in
                context.facts = ["number": .string(action.subject)]
                let bytes = Array(action.subject.utf8)
                if action.subject.hasSuffix("7") { try context.write(bytes, as: "toy", for: .readers) }
                if action.subject.hasSuffix("8") { try context.write(bytes, as: "toy") }
            }
        }
        try engine.flush()
        let gone = try #require(try cache.lookup([actions[777]])[0]).output("toy").digest
        try cache.disk.remove(cache.path(of: gone))
        let found = try cache.lookup(actions, with: Workers(count: 3))
        #expect(found == (try cache.lookup(actions)))
        for (number, record) in found.enumerated() {
            let isThere = "\(number)".count != 2 && number != 777
            #expect((record?.facts == ["number": .string("\(number)")]) == isThere)
        }
        #expect(try cache.recorded([actions[777]])[0]?.facts == ["number": "777"])
    }
}
