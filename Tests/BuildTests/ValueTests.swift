import Testing

@testable import Build
@testable import Files

@Suite struct ValueTests {
    @Test func digestsAreThoseOfSHA256() throws {
        // FIPS 180-4 examples, by the NIST's own sheets.
        let table = [
            "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq":
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ]
        for (text, hex) in table {
            let digest = Digest(of: Array(text.utf8))
            #expect(digest.hex == hex)
            #expect(Digest(hex: hex) == digest)
            #expect(Digest(bytes: digest.bytes) == digest)
            #expect(digest.description == String(hex.prefix(12)))
            var hasher = Digest.Hasher()
            for byte in text.utf8 { hasher.update([byte]) }
            #expect(hasher.finish() == digest)
        }
        let hex = Digest(of: [1]).hex
        for bad in [hex.uppercased(), String(hex.dropLast()), hex + "0", "", String(hex.dropLast()) + "g"] {
            #expect(Digest(hex: bad) == nil)
        }
        let sorted = (0..<50).map { Digest(of: [$0]) }.sorted()
        #expect(sorted.map(\.hex) == sorted.map(\.hex).sorted())
    }

    @Test func canonicalTextIsFixed() throws {
        // As Python's json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) writes it.
        let value: JSONValue = [
            "b": [1, -2, 1.0, 0.1, 1e-7, 1e300, nil, true, false], "a": "ü\"\\\n\u{1}\u{7F}/", "é": [:],
            "z": [],
        ]
        let text =
            "{\"a\":\"ü\\\"\\\\\\n\\u0001\u{7F}/\",\"b\":[1,-2,1.0,0.1,1e-07,1e+300,null,true,false],\"z\":[],\"é\":{}}"
        #expect(value.canonical == text)
        #expect(try JSONValue(parsing: Array(text.utf8)) == value)
    }

    @Test func integersAreSpeltAsTheStandardLibraryDoes() {
        var numbers: [Int64] = [.min, .min + 1, .max, 0]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            numbers += [power - 1, power, power + 1, -power, 1 - power]
        }
        for number in numbers { #expect(JSONValue.integer(number).canonical == String(number)) }
    }

    @Test(arguments: [
        ("[1, 2.5 ,\t\"a\\u00e9\\ud83d\\ude00\"]\n", "[1,2.5,\"aé😀\"]"), ("-0", "0"), ("1E2", "100.0"),
        ("9223372036854775807", "9223372036854775807"), ("9223372036854775808", "9.223372036854776e+18"),
        ("\"\\/\\b\\f\\r\\t\"", "\"/\\b\\f\\r\\t\""),
    ])
    func validTextsAreRead(text: String, canonical: String) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)).canonical == canonical)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "[1 2]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{a:1}", "01", "-", "1.", ".5",
        "1e", "+1",
        "nul", "tru", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\u{1}\"", "1 2",
        "1e999",
        "[\"a\"", "{\"a\" 1}", "'a'", "NaN",
    ])
    func invalidTextsAreRefused(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test func badUTF8AndGreatDepthAreRefused() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xC3, 0x22]) }
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 100_000))
        }
    }

    @Test func randomValuesReadBackAsTheyWere() throws {
        var random = SeededGenerator(state: 7)
        func value(_ depth: Int) -> JSONValue {
            switch Int.random(in: 0...(depth > 3 ? 4 : 6), using: &random) {
            case 0: return .null
            case 1: return .bool(Bool.random(using: &random))
            case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
            case 3: return .number(Double(bitPattern: random.next() & 0x7FEF_FFFF_FFFF_FFFF))
            case 4:
                return .string(
                    String(
                        String.UnicodeScalarView(
                            (0..<5).map { _ in
                                Unicode.Scalar(UInt8.random(in: 0...255, using: &random))
                            })))
            case 5: return .array((0..<3).map { _ in value(depth + 1) })
            default: return .object(["a": value(depth + 1), "b\n": value(depth + 1)])
            }
        }
        for _ in 0..<300 {
            let value = value(0)
            #expect(try JSONValue(parsing: value.canonicalBytes) == value)
        }
    }

    @Test func workersKeepTheOrderAndStopAtAnError() throws {
        for count in [1, 2, 8] {
            let workers = Workers(count: count, cancellation: Cancellation())
            let squares = try workers.map(Array(0..<1000)) { (number) throws(BuildError) in number * number }
            #expect(squares == (0..<1000).map { $0 * $0 })
            let begun = Monitor(0)
            let error = #expect(throws: BuildError.self) {
                try workers.forEach(Array(0..<100_000)) { (number) throws(BuildError) in
                    begun.withLock { $0 += 1 }
                    if number == 5 { throw BuildError(.stageFaulted, "five", canRetry: false) }
                }
            }
            #expect(error?.message == "five")
            #expect(begun.withLock { $0 } < 100_000)
            #expect(try workers.map([Int]()) { (number) throws(BuildError) in number } == [])
        }
    }

    @Test func diagnosticsAndReasonsHaveJSONForms() throws {
        let diagnostic = Diagnostic(.warning, code: "a.b", message: "m", offset: 1, help: "h")
        #expect(Diagnostic(json: diagnostic.json) == diagnostic)
        #expect(
            diagnostic.json.canonical
                == #"{"code":"a.b","help":"h","message":"m","offset":1,"severity":"warning"}"#)
        #expect(Diagnostic(json: ["code": "x"]) == nil)
        let reason = RunReason.inputChanged([.init(name: "source", old: "aa", new: nil)])
        #expect(
            reason.json.canonical
                == #"{"changes":[{"name":"source","new":null,"old":"aa"}],"reason":"inputChanged"}"#)
        #expect(reason.description == "inputs changed: source aa → none")
    }

    /// Digits are a number only with a point, and are cut only where the difference still shows.
    @Test func reasonsShowWhatChanged() {
        func shown(_ old: String, _ new: String) -> String {
            RunReason.inputChanged([.init(name: "x", old: old, new: new)]).description
        }
        #expect(shown("123456789012", "1234567890e3") == "inputs changed: x 123456789012 → 1234567890e3")
        #expect(shown("0.123456789", "0.223456789") == "inputs changed: x 0.123456 → 0.223456")
        #expect(shown("0.123456789", "0.123456780") == "inputs changed: x 0.123456789 → 0.123456780")
        #expect(shown("1.23456789e-12", "2.5") == "inputs changed: x 1.23456789e-12 → 2.5")
    }
}
