import Files
import Foundation
import Listing
import TestSupport
import Testing

/// The files below a folder, as commands list them that take folders.
struct FolderListingTests {
    @Test func filesAreListedInTheOrderOfBytes() throws {
        let folder = try TestFolder(["b.mid", "a/z.mid", "a.mid", "a/b/c.wav", ".hidden.mid", ".git/d.mid"])
        #expect(
            try FolderListing.files(below: folder.path) == ["a.mid", "a/b/c.wav", "a/z.mid", "b.mid"])
    }

    /// A link to a folder above itself ends nowhere.
    @Test func linksAreFollowedOnce() throws {
        let folder = try TestFolder(["a/b.mid"])
        try folder.link("a/up", to: "..")
        try folder.link("other.mid", to: "a/b.mid")
        try folder.link("dangling.mid", to: "nothing.mid")
        #expect(try FolderListing.files(below: folder.path) == ["a/b.mid", "other.mid"])
    }

    @Test func whatCannotBeReadIsNamed() throws {
        let folder = try TestFolder(["a.mid"])
        for path in [folder.path + "/none", folder.path + "/a.mid"] {
            do {
                _ = try FolderListing.files(below: path)
                Issue.record("\(path) was listed")
            } catch {
                #expect(error.code == .inputOutput && error.message.hasPrefix("cannot open \(path): "))
            }
        }
        #expect(try FolderListing.files(below: folder.subfolder("empty")) == [])
    }
}
