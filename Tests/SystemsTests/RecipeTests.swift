import Foundation
import Systems
import Testing
import Training

struct RecipeTests {
    /// What a run's card says of Python is what the package has.
    @Test func thePackagesNetworksAreKnown() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let module = tests.deletingLastPathComponent().appending(path: "tools/python/src/reprise/_runs.py")
        let line = try #require(
            String(contentsOf: module, encoding: .utf8).split(separator: "\n")
                .first { $0.hasPrefix("NETWORKS = ") })
        let names = line.split(separator: "\"").filter { $0.contains("-") }.map(String.init)
        #expect(!names.isEmpty)
        #expect(Recipe.all.filter(\.hasPythonNetwork).map(\.name).sorted() == names)
    }
}
