import Crypto
public import Files
import Foundation

/// Signs the records of a remote store, so that they are believed only from those who have the key.
///
/// A signed record is followed by a line with 64 hex digits: the HMAC-SHA-256 of `reprise record 1`, the key that the
/// record is kept under, and the record, each on a line. Objects need no signature: a record names them by their hashes.
public struct RecordSeal: Sendable {
    private let key: SymmetricKey

    /// The fewest bytes of a key.
    static let leastKeySize = 32

    /// Takes the bytes of a file as the key, whatever they are.
    ///
    /// - Throws: `build.bad-remote` for a file that cannot be read, or that is too short.
    public init(keyFile path: String) throws(BuildError) {
        guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
            throw BuildError(
                .badRemote,
                "cannot read the key \(path); make one with: head -c 32 /dev/urandom > \(path)",
                canRetry: false)
        }
        guard bytes.count >= Self.leastKeySize else {
            throw BuildError(
                .badRemote,
                "the key \(path) has \(bytes.count) bytes; it must have \(Self.leastKeySize) at least: head -c 32 /dev/urandom > \(path)",
                canRetry: false)
        }
        self.init(key: Array(bytes))
    }

    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    private static func message(_ record: some Sequence<UInt8>, _ name: Files.Digest) -> [UInt8] {
        Array("reprise record 1\n\(name.hex)\n".utf8) + record
    }

    /// The record with its signature.
    func seal(_ record: [UInt8], under name: Files.Digest) -> [UInt8] {
        record + [0x0A] + key.signature(of: Self.message(record, name)).hex.utf8 + [0x0A]
    }

    /// The record alone; nil if it is not signed with this key for this name.
    func open(_ bytes: [UInt8], under name: Files.Digest) -> [UInt8]? {
        guard let (record, signature) = Self.parts(bytes), let signature else { return nil }
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                signature.bytes, authenticating: Self.message(record, name), using: key)
        else { return nil }
        return record
    }

    /// A record, and its signature if it has one.
    static func parts(_ bytes: [UInt8]) -> (record: [UInt8], signature: Files.Digest?)? {
        guard bytes.last == 0x0A else { return (bytes, nil) }
        guard bytes.count >= 66, bytes[bytes.count - 66] == 0x0A,
            let signature = Files.Digest(hex: String(decoding: bytes.suffix(65).dropLast(), as: UTF8.self))
        else { return nil }
        return (Array(bytes.dropLast(66)), signature)
    }
}

extension SymmetricKey {
    /// The HMAC-SHA-256 of a message (RFC 2104).
    func signature(of message: [UInt8]) -> Files.Digest {
        let code = Array(HMAC<SHA256>.authenticationCode(for: message, using: self))
        guard let signature = Files.Digest(bytes: code) else { preconditionFailure("SHA-256 has 32 bytes") }
        return signature
    }
}
