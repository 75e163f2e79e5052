import Files
import Foundation
import Testing

@testable import Remotes

/// Signatures against botocore's: `tools/oracles/signatures_golden.py` wrote the cases.
struct SignatureTests {
    private let golden: JSONValue

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/Signatures.json").path
        golden = try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    }

    private static func pairs(_ json: JSONValue?) -> [(name: String, value: String)] {
        (json?.array ?? []).map { ($0.array?[0].string ?? "", $0.array?[1].string ?? "") }
    }

    @Test func requestsAreSignedAsBotocoreSignsThem() throws {
        let cases = try #require(golden["cases"]?.array)
        #expect(cases.count == 200)
        for (number, item) in cases.enumerated() {
            func text(_ name: String) throws -> String { try #require(item[name]?.string) }
            let signature = AWSSignature(
                credentials: AWSCredentials(
                    key: try text("key"), secret: try text("secret"), token: item["token"]?.string),
                region: try text("region"))
            let request = AWSSignature.Request(
                method: try text("method"), path: try text("path"), query: Self.pairs(item["query"]),
                headers: [("host", try text("host"))] + Self.pairs(item["headers"]),
                bodyHash: try text("body"))
            let added = signature.headers(for: request, at: try #require(item["time"]?.integer))
            let found = Dictionary(uniqueKeysWithValues: added.map { ($0.name, $0.value) })
            let expected = try #require(item["signed"]?.object).compactMapValues(\.string)
            #expect(found == expected, "case \(number)")
        }
    }

    @Test func timesAreSpeltAsBotocoreSpellsThem() throws {
        let stamps = try #require(golden["stamps"]?.object)
        #expect(stamps.count == 72)
        for (stamp, time) in stamps { #expect(AWSSignature.stamp(try #require(time.integer)) == stamp) }
    }

    @Test func aSignatureDependsOnEveryPart() {
        let base = AWSSignature.Request(
            method: "GET", path: "/a", query: [("x", "1")], headers: [("host", "h")], bodyHash: "00")
        func sign(_ request: AWSSignature.Request, secret: String = "s", region: String = "r", time: Int = 0)
            -> String
        {
            AWSSignature(credentials: AWSCredentials(key: "k", secret: secret, token: nil), region: region)
                .headers(for: request, at: time).last?.value ?? ""
        }
        var others: [AWSSignature.Request] = []
        for change in 0..<5 {
            var request = base
            switch change {
            case 0: request.method = "PUT"
            case 1: request.path = "/b"
            case 2: request.query[0].value = "2"
            case 3: request.headers[0].value = "i"
            default: request.bodyHash = "01"
            }
            others.append(request)
        }
        let all =
            [sign(base), sign(base, secret: "t"), sign(base, region: "q"), sign(base, time: 86_400)]
            + others.map { sign($0) }
        #expect(Set(all).count == all.count)
    }
}
