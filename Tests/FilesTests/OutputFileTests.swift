import Files
import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a command writes for the user is there whole or not at all, and errors are one line of ours.
@Suite struct OutputFileTests {
    private func names(_ folder: TestFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test func aFileAppearsAtTheEnd() throws {
        let folder = try TestFolder(["old.npz"])
        for name in ["new.npz", "old.npz"] {
            let path = "\(folder.path)/\(name)"
            let before = FileManager.default.contents(atPath: path)
            do {
                let file = try OutputFile(path)
                try file.write([1, 2, 3])
                #expect(FileManager.default.contents(atPath: path) == before)
                // Given up: the file goes as its object does.
            }
            #expect(FileManager.default.contents(atPath: path) == before)
            let file = try OutputFile(path)
            try file.write([1, 2, 3])
            try file.overwrite([9], at: 1)
            try file.commit()
            #expect(FileManager.default.contents(atPath: path) == Data([1, 9, 3]))
        }
        #expect(try names(folder) == ["new.npz", "old.npz"])
    }

    @Test func linksAreFollowedAndDevicesWritten() throws {
        let folder = try TestFolder(["far/x.html"])
        try folder.link("x.html", to: "far/x.html")
        try OutputFile.write([7], to: "\(folder.path)/x.html")
        #expect(try folder.contents("far/x.html") == [7])
        #expect(try names(folder) == ["far", "x.html"])
        try OutputFile.write([7], to: "/dev/null")
        #expect(FileManager.default.fileExists(atPath: "/dev/null"))
    }

    @Test func errorsAreOneLineWithPathAndCause() throws {
        let folder = try TestFolder(["file", "folder/"])
        func message(_ body: () throws -> Void) -> String? {
            do {
                try body()
                return nil
            } catch {
                return (error as? BuildError)?.message ?? "\(error)"
            }
        }
        let path = folder.path
        #expect(
            message { try OutputFile.write([1], to: "\(path)/no/x") }
                == "cannot write \(path)/no/x: No such file or directory; write elsewhere")
        #expect(
            message { try OutputFile.write([1], to: "\(path)/folder") }
                == "cannot write \(path)/folder: Is a directory; name a file")
        #expect(
            message { try OutputFile.makeFolder("\(path)/file") }
                == "cannot write \(path)/file: Not a directory; a file has this name; name another folder")
        #expect(
            message { try OutputFile.makeFolder("\(path)/file/train") }?.hasPrefix(
                "cannot write \(path)/file") == true)
        #expect(message { try OutputFile.makeFolder("\(path)/a/b/c") } == nil)
        #if os(Linux)
            #expect(
                message { try OutputFile.write([1], to: "/dev/full") }
                    == "cannot write /dev/full: No space left on device; free some space, or write elsewhere")
        #endif
        #expect(try names(folder) == ["a", "file", "folder"])
    }
}
