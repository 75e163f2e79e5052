import Files
import Testing

@testable import Remotes

/// What the variables and files of AWS's tools say.
struct SettingsTests {
    private static let credentials = """
        # a comment
        [default]
        aws_access_key_id = ONE
        aws_secret_access_key=secret/one
        [lab]
        AWS_ACCESS_KEY_ID=TWO
        aws_secret_access_key = secret=two
        aws_session_token = passing
        [role]
        role_arn = arn:aws:iam::1:role/x
        """
    private static let config = """
        [default]
        region = eu-west-1
        s3 =
          max_concurrent_requests = 20
          endpoint_url = http://nested.example.org
        [profile  lab]
        region=eu-central-1
        endpoint_url = https://store.example.org/
        """

    private func settings(_ environment: [String: String], files: Bool = true) throws -> AWSSettings {
        try AWSSettings(environment: environment.merging(["HOME": "/home/me"]) { mine, _ in mine }) { path in
            guard files else { return nil }
            return switch path {
            case "/home/me/.aws/credentials": Self.credentials
            case "/home/me/.aws/config", "/elsewhere": Self.config
            default: nil
            }
        }
    }

    @Test func filesAreReadForTheProfileThatIsNamed() throws {
        let usual = try settings([:])
        #expect(usual.credentials == AWSCredentials(key: "ONE", secret: "secret/one", token: nil))
        #expect(usual.region == "eu-west-1")
        #expect(usual.endpoint == nil, "a nested setting is not one of the profile")
        let lab = try settings(["AWS_PROFILE": "lab"])
        #expect(lab.credentials == AWSCredentials(key: "TWO", secret: "secret=two", token: "passing"))
        #expect(lab.region == "eu-central-1")
        #expect(lab.endpoint == "https://store.example.org")
        let moved = try settings(["AWS_CONFIG_FILE": "/elsewhere", "AWS_SHARED_CREDENTIALS_FILE": "/none"])
        #expect(moved.credentials == nil)
        #expect(moved.region == "eu-west-1")
    }

    @Test func variablesWin() throws {
        let found = try settings([
            "AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T",
            "AWS_DEFAULT_REGION": "us-west-2", "S3_ENDPOINT_URL": "http://127.0.0.1:5000",
        ])
        #expect(found.credentials == AWSCredentials(key: "K", secret: "S", token: "T"))
        #expect(found.region == "us-west-2")
        #expect(found.endpoint == "http://127.0.0.1:5000")
        let endpoints = [
            "S3_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL": "http://b", "AWS_ENDPOINT_URL_S3": "http://c",
        ]
        #expect(try settings(endpoints).endpoint == "http://c")
        #expect(try settings(["AWS_REGION": "r1", "AWS_DEFAULT_REGION": "r2"]).region == "r1")
    }

    @Test func withoutAnythingRequestsAreNotSigned() throws {
        let found = try settings([:], files: false)
        #expect(found.credentials == nil)
        #expect(found.region == "us-east-1")
    }

    @Test(arguments: [
        ["AWS_ACCESS_KEY_ID": "K"], ["AWS_PROFILE": "nobody"], ["AWS_PROFILE": "role"],
        ["S3_ENDPOINT_URL": "host:9000"], ["S3_ENDPOINT_URL": "s3://bucket"],
        ["AWS_ACCESS_KEY_ID": "K\r\nX: y", "AWS_SECRET_ACCESS_KEY": "S"], ["AWS_REGION": "eu/../x"],
    ])
    func halfOfWhatIsNeededIsRefused(environment: [String: String]) {
        #expect { try settings(environment) } throws: { ($0 as? BuildError)?.code == .badRemote }
    }

    @Test func bucketsAreInTheHostOrInThePath() throws {
        func url(_ bucket: String, _ prefix: String, _ environment: [String: String]) throws -> String {
            S3Bucket(bucket, prefix: prefix, try settings(environment, files: false)).request(
                "GET", "cas/00", query: [], body: .none, hash: nil, limit: 1, at: 0
            ).url
        }
        #expect(try url("data", "", [:]) == "https://data.s3.us-east-1.amazonaws.com/cas/00")
        #expect(
            try url("data", "a b/", ["AWS_REGION": "eu-west-1"])
                == "https://data.s3.eu-west-1.amazonaws.com/a%20b/cas/00")
        #expect(try url("my.data", "", [:]) == "https://s3.us-east-1.amazonaws.com/my.data/cas/00")
        #expect(
            try url("data", "x/", ["S3_ENDPOINT_URL": "http://h:1/base/"]) == "http://h:1/base/data/x/cas/00")
        #expect(
            try url("data", "", ["AWS_REGION": "cn-north-1"])
                == "https://data.s3.cn-north-1.amazonaws.com.cn/cas/00")
    }
}
