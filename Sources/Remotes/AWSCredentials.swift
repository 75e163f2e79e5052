import Files
import Foundation

/// Who signs.
struct AWSCredentials: Sendable, Hashable {
    let key: String
    let secret: String
    /// Of credentials that pass.
    let token: String?
}

/// What the environment and the standard files of AWS's tools say: who signs, where, for which region.
struct AWSSettings: Sendable, Hashable {
    /// Nil if there are none: requests are then not signed, as public buckets allow.
    let credentials: AWSCredentials?
    let region: String
    /// `https://host` of a store that is not Amazon's; nil for Amazon's own.
    let endpoint: String?

    /// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_REGION`,
    /// `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `S3_ENDPOINT_URL`,
    /// `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`, then `~/.aws/credentials` and `~/.aws/config`.
    ///
    /// - Parameters:
    ///   - environment: the variables.
    ///   - contents: the text of a file; nil if it cannot be read.
    /// - Throws: `build.bad-remote` for half of the credentials, a profile that no file has, an endpoint that is no address.
    init(
        environment: [String: String],
        contents: (String) -> String? = { try? String(contentsOfFile: $0, encoding: .utf8) }
    ) throws(BuildError) {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func refused(_ reason: String) -> BuildError { BuildError(.badRemote, reason, canRetry: false) }
        let home = variable("HOME") ?? ""
        func sections(_ name: String, _ usual: String) -> [String: [String: String]] {
            contents(variable(name) ?? "\(home)/.aws/\(usual)").map(Self.sections) ?? [:]
        }
        let named = variable("AWS_PROFILE") ?? variable("AWS_DEFAULT_PROFILE")
        let profile = named ?? "default"
        let secrets = sections("AWS_SHARED_CREDENTIALS_FILE", "credentials")[profile]
        let all = sections("AWS_CONFIG_FILE", "config")
        let config = all["profile \(profile)"] ?? all[profile]
        var found: AWSCredentials?
        if let key = variable("AWS_ACCESS_KEY_ID") {
            guard let secret = variable("AWS_SECRET_ACCESS_KEY") else {
                throw refused("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not; set both")
            }
            found = AWSCredentials(key: key, secret: secret, token: variable("AWS_SESSION_TOKEN"))
        } else if secrets != nil || config != nil {
            let values = (config ?? [:]).merging(secrets ?? [:]) { $1 }
            if let key = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] {
                found = AWSCredentials(key: key, secret: secret, token: values["aws_session_token"])
            } else if named != nil, variable("AWS_SECRET_ACCESS_KEY") == nil {
                throw refused(
                    "the profile '\(profile)' has no aws_access_key_id and aws_secret_access_key; 'aws configure export-credentials --format env' prints those of a profile of another kind"
                )
            }
        } else if let named {
            throw refused(
                "no profile '\(named)' in ~/.aws/credentials or ~/.aws/config; AWS_PROFILE names it")
        }
        // They become parts of headers.
        let parts = [found?.key, found?.secret, found?.token].compactMap { $0 }
        guard parts.allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }) else {
            throw refused("the credentials for S3 hold a space or a character outside of ASCII")
        }
        credentials = found
        region =
            variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ?? config?["region"] ?? "us-east-1"
        guard region.utf8.allSatisfy({ $0.isLetterOrDigit || $0 == 0x2D }) else {
            throw refused("the region '\(region)' is no name of a region; AWS_REGION names it")
        }
        let address =
            variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL") ?? variable("S3_ENDPOINT_URL")
            ?? config?["endpoint_url"]
        guard let address else {
            endpoint = nil
            return
        }
        guard let parsed = try? RemoteAddress(address), case .http(let base) = parsed.kind,
            !base.contains("@")
        else {
            throw refused("the endpoint '\(address)' is no address; write https://host or http://host:port")
        }
        endpoint = base
    }

    /// The sections of a file of AWS's tools, with their keys in small letters.
    static func sections(_ text: String) -> [String: [String: String]] {
        var sections: [String: [String: String]] = [:]
        var current: String?
        for line in text.split(whereSeparator: \.isNewline) {
            // A line that begins with a space belongs to a nested setting.
            let isNested = line.first?.isWhitespace == true
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
                let name = line[line.index(after: line.startIndex)..<end]
                    .split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
                current = name
                sections[name] = sections[name] ?? [:]
                continue
            }
            guard !isNested, let current, let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
            sections[current]?[key] = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
        }
        return sections
    }
}
