import Files
import Testing

@testable import Remotes

struct AddressTests {
    @Test(arguments: [
        ("https://host/a/b/", "https://host/a/b"), ("HTTP://host:8080", "http://host:8080"),
        ("https://me:secret@host/x", "https://host/x"), ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"), ("http://[::1]:80/x", "http://[::1]:80/x"),
    ])
    func addressesAreShownWithoutPasswords(text: String, shown: String) throws {
        #expect(try RemoteAddress(text).shown == shown)
    }

    @Test(arguments: [
        "folder", "ftp://host/x", "http://", "http://:80", "https://me@", "s3://", "s3:///key",
        "s3://buck et",
        "http://host/a?b=c", "http://host/a#b", "http://host/\r\nX: y", "s3://bücket/x", "://host",
    ])
    func anythingElseIsRefused(text: String) {
        #expect { try RemoteAddress(text) } throws: { ($0 as? BuildError)?.code == .badRemote }
    }
}
