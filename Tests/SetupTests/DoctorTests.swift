import Build
import Dataset
import Files
import Foundation
import TestSupport
import Testing

@testable import Setup

/// What `doctor` finds on machines and in caches of several conditions.
struct DoctorTests {
    let shop = try? SetupWorkshop()

    private func doctor(cache: String, path: String = "", programs: String = "programs") throws -> Doctor {
        let shop = try #require(shop)
        return Doctor(
            cachePath: shop.path(cache), programs: shop.path(programs),
            environment: ["PATH": path, "TMPDIR": NSTemporaryDirectory()])
    }

    private func state(_ doctor: Doctor, _ name: String) -> Doctor.Finding? {
        doctor.findings.first { $0.name == name }
    }

    @Test func aMachineWithoutTheOptionalProgramsIsFit() throws {
        let doctor = try doctor(cache: "cache")
        #expect(doctor.isFit)
        for name in ["ffmpeg", "libtorch", "explorer"] {
            let finding = try #require(state(doctor, name))
            #expect(finding.state == .note)
            #expect(finding.help?.isEmpty == false, "it says what to do")
        }
        #expect(state(doctor, "cache")?.text.contains("the first 'reprise build' makes one") == true)
        #expect(doctor.libraries["libsndfile"]?.contains("libsndfile-") == true)
        #expect(doctor.libraries["SQLite"]?.hasPrefix("3.") == true)
        #expect(doctor.text.hasSuffix("everything that a build needs works\n"))
        #expect(doctor.json["fit"]?.bool == true)
    }

    private func program(_ path: String, _ text: String) throws {
        let shop = try #require(shop)
        try shop.write(path, Array("#!/bin/sh\n\(text)\n".utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: shop.path(path))
    }

    @Test func programsAreStarted() throws {
        let shop = try #require(shop)
        try program("bin/ffmpeg", "echo ffmpeg version 9.8.7 Copyright")
        try program("programs/reprise-train", "echo 0.1.0")
        try program("programs/reprise-serve", "exit 0")
        let doctor = try doctor(cache: "cache", path: "/nowhere:\(shop.path("bin"))")
        #expect(state(doctor, "ffmpeg")?.text == "9.8.7, \(shop.path("bin/ffmpeg"))")
        #expect(["ffmpeg", "libtorch", "explorer"].allSatisfy { state(doctor, $0)?.state == .ok })
        try program("programs/reprise-train", "echo no libtorch >&2; exit 127")
        let broken = try self.doctor(cache: "cache")
        #expect(state(broken, "libtorch")?.state == .broken)
        #expect(!broken.isFit)
    }

    @Test func foldersThatAreNoCachesAreBroken() throws {
        let shop = try #require(shop)
        try shop.write("other/notes.txt", [1])
        try shop.write("file", [1])
        for (path, text) in [("other", "it holds notes.txt"), ("file", "is a file")] {
            let doctor = try doctor(cache: path)
            #expect(!doctor.isFit)
            #expect(state(doctor, "cache")?.text.contains(text) == true)
            #expect(
                state(doctor, "cache")?.help == "name a new or an empty folder with --cache or REPRISE_CACHE")
        }
    }

    @Test func aCacheTellsItsDatasetsAndDamages() throws {
        let shop = try #require(shop)
        for index in 0..<3 { try shop.write("m/\(index).mid", shop.midi(index)) }
        let made = try FolderManifest(of: shop.path("m"))
        try made.write()
        let summary = try DatasetBuild(manifestPath: made.path).run(
            .init(cachePath: shop.path("cache"), jobs: 1))
        let good = try doctor(cache: "cache")
        #expect(
            state(good, "datasets")
                == .init(name: "datasets", state: .ok, text: "1 dataset, 1 snapshot", help: nil))
        #expect(good.isFit)
        let object = shop.path(
            "cache/objects/\(summary.snapshot.hex.prefix(2))/\(summary.snapshot.hex.dropFirst(2))")
        try FileManager.default.removeItem(atPath: object)
        let broken = try doctor(cache: "cache")
        #expect(state(broken, "datasets")?.state == .broken)
        #expect(state(broken, "datasets")?.help?.contains("reprise verify --repair") == true)
        #expect(broken.text.hasSuffix("something that is needed is broken\n"))
    }
}
