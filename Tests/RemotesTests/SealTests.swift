import Files
import Testing

@testable import Remotes

struct SealTests {
    private let key = (0..<32).map { UInt8($0) }
    private let name = Digest(of: Array("an action".utf8))

    // By Python: hmac.new(bytes(range(32)), b"reprise record 1\n" + hashlib.sha256(b"an action").hexdigest().encode()
    // + b"\n" + b'{"a":1}', "sha256").hexdigest()
    @Test func aSignatureIsThatOfAnotherProgram() throws {
        let sealed = RecordSeal(key: key).seal(Array(#"{"a":1}"#.utf8), under: name)
        let expected = "8ceb958396d2e69c64dbea1b456e961b83454ac5bd70418856e15bec8272c6cc"
        #expect(String(decoding: sealed, as: UTF8.self) == "{\"a\":1}\n\(expected)\n")
    }

    @Test func aRecordIsOpenedWithItsKeyAndUnderItsNameOnly() {
        let seal = RecordSeal(key: key)
        for record in [[], Array("x\n".utf8), Array(#"{"a":1}"#.utf8), [UInt8](repeating: 0x0A, count: 80)] {
            let sealed = seal.seal(record, under: name)
            #expect(seal.open(sealed, under: name) == record)
            #expect(RecordSeal.parts(sealed)?.record == record)
            #expect(seal.open(record, under: name) == nil, "not signed")
            #expect(seal.open(sealed, under: Digest(of: [1])) == nil, "moved to another name")
            #expect(RecordSeal(key: key.reversed()).open(sealed, under: name) == nil, "another key")
            for index in sealed.indices {
                var changed = sealed
                changed[index] ^= 1
                #expect(seal.open(changed, under: name) == nil, "byte \(index)")
            }
            for count in 0..<sealed.count { #expect(seal.open(Array(sealed[..<count]), under: name) == nil) }
        }
    }

    @Test func aShortOrMissingKeyIsRefused() {
        for path in ["/nowhere/key", "/dev/null"] {
            #expect { try RecordSeal(keyFile: path) } throws: { ($0 as? BuildError)?.code == .badRemote }
        }
    }
}
