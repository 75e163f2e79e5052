import Foundation
import Testing

/// The commands that come before a build, as a user has them.
struct StartingTests {
    let place: Workplace

    init() throws {
        place = try Workplace()
        try place.addMusic()
    }

    @Test func theManifestOfInitBuilds() throws {
        let made = try place.run("init", "music", "--json")
        #expect(made.status == 0, "\(made.errors)")
        let found = try #require(made.json()["found"] as? [String: Any])
        #expect(found["midi"] as? Int == 12)
        let built = try place.run("build", "music.yaml", "--json")
        #expect(built.status == 0, "\(built.errors)")
        #expect((try built.json()["sources"] as? [String: Int])?["ok"] == 12)
        let again = try place.run("init", "music")
        #expect(again.status == 1)
        #expect(again.errors.split(separator: "\n").count == 1, "an error is one line: \(again.errors)")
    }

    @Test func thePrintedManifestBuildsTheSameSnapshot() throws {
        for text in [
            try place.text("styles.yaml"),
            "version: 1\ndataset: styles\nsources:\n  - {path: 'music/**/*.mid', labels: {style: ['{dir}', live]}, limit: 9, exclude: [music/jazz/1.mid], map: {style: {classical: null}}}\nmidi: {segment: {beats: 4}}\n",
        ] {
            try place.write("styles.yaml", text)
            let first = try place.run("build", "styles.yaml", "--json")
            let printed = try place.run("manifest", "styles.yaml")
            #expect(printed.status == 0 && printed.errors.isEmpty)
            try place.write("printed.yaml", printed.output)
            let second = try place.run("build", "printed.yaml", "--json")
            #expect(try first.json()["snapshot"] as? String == second.json()["snapshot"] as? String)
            #expect((try second.json()["actions"] as? [String: Int])?["run"] == 0)
            #expect(try place.run("manifest", "printed.yaml").output == printed.output)
            let json = try place.run("manifest", "styles.yaml", "--json").json()
            #expect(json["dataset"] as? String == "styles")
        }
        try place.write("bad.yaml", "version: 1\n")
        #expect(try place.run("manifest", "bad.yaml").status == 64)
    }

    @Test func doctorEndsWith1IfSomethingNeededIsBroken() throws {
        let good = try place.run("doctor", "--json")
        #expect(good.status == 0, "\(good.output)")
        #expect(try good.json()["fit"] as? Bool == true)
        #expect(try !((good.json()["libraries"] as? [String: String]) ?? [:]).isEmpty)
        #expect(try place.run("doctor").output.contains("everything that a build needs works"))
        let broken = try place.run("doctor", "--cache", "music", "--json")
        #expect(broken.status == 1)
        #expect(try broken.json()["fit"] as? Bool == false)
    }

    @Test func versionAsJSON() throws {
        for arguments in [["--version", "--json"], ["--json", "--version"]] {
            let outcome = try place.run(program: Workplace.binary, arguments)
            #expect(outcome.status == 0)
            let json = try outcome.json()
            #expect(
                json["version"] as? String
                    == (try place.run("--version").output).trimmingCharacters(in: .newlines))
            #expect(json["snapshot_format"] as? Int == 2)
        }
    }

    @Test func sourcesAsJSON() throws {
        try place.write("music/jazz/cut.mid", Array(Workplace.midi(pitches: [60, 62, 64]).dropLast(9)))
        #expect(try place.run("build", "styles.yaml").status == 3)
        let all = try place.run("sources", "styles", "--json").json()
        let sources = try #require(all["sources"] as? [[String: Any]])
        #expect(sources.count == 12)
        #expect(sources.allSatisfy { $0["seconds"] is NSNumber && $0["labels"] is [String: Any] })
        let failed = try #require(all["failed"] as? [[String: Any]])
        #expect(failed.map { $0["path"] as? String } == ["music/jazz/cut.mid"])
        #expect(failed.first?["code"] as? String == "midi.track-truncated")
        #expect(failed.first?["offset"] is Int)
        let path = try place.run("sources", "styles", "jazz/3", "--json").json()
        #expect((path["sources"] as? [[String: Any]])?.count == 1)
        #expect(try place.run("sources", "styles", "--split", "dev").status == 64)
        #expect(try place.run("sources", "styles", "--label", "style").status == 64)
        #expect(try place.run("sources", "stiles").status == 10)
    }

    @Test func datasetsTellWhenTheyWereBuilt() throws {
        let before = Int(Date().timeIntervalSince1970)
        #expect(try place.run("build", "styles.yaml").status == 0)
        let listed = try #require(place.run("datasets", "--json").json()["datasets"] as? [[String: Any]])
        let built = try #require(listed.first?["built"] as? Int)
        #expect((before - 2...before + 600).contains(built))
    }
}
