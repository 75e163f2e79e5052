import Files
import Foundation
import Runs
import Testing

/// What is read of the evaluations that are kept with a run.
@Suite struct RunEvaluationTests {
    private let cache = FileManager.default.temporaryDirectory.appendingPathComponent(
        "reprise-evaluations-\(UUID().uuidString)")

    private func write(_ name: String, _ text: String) throws {
        let file = cache.appendingPathComponent("runs/net-1/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func evaluation(_ split: String, of weights: String, objective: String? = nil) -> String {
        let hash = Digest(of: Array(weights.utf8)).hex
        let more = objective.map { #","objective":"\#($0)""# } ?? ""
        return
            #"{"run":"net-1","split":"\#(split)","weights":"\#(hash)","metrics":{"loss":0.5,"spread":null},"#
            + #""baselines":{"zero":{"loss":1}},"evaluated":1700000000\#(more)}"#
    }

    @Test func anEvaluationOfOtherWeightsIsNotCurrent() throws {
        defer { try? FileManager.default.removeItem(at: cache) }
        try write("best.safetensors", "weights")
        try write("best.auc.safetensors", "others")
        try write("evaluation.train.json", evaluation("train", of: "weights"))
        try write("evaluation.test.json", evaluation("test", of: "weights"))
        try write("evaluation.test.auc.json", evaluation("test", of: "others", objective: "auc"))
        try write("evaluation.validation.json", "{}")
        func all() -> [RunEvaluation] { RunEvaluation.all(ofRun: "net-1", cachePath: cache.path) }
        let found = all()
        #expect(found.map(\.split) == ["test", "test", "train"])
        #expect(found.map(\.objective) == ["auc", nil, nil])
        #expect(found.map(\.isCurrent) == [true, true, true])
        #expect(found[1].metrics == ["loss": 0.5, "spread": nil] && found[1].evaluated == 1_700_000_000)
        #expect(found[1].baselines == ["zero": ["loss": 1]])
        // More training: the weights that were measured are gone.
        try write("best.safetensors", "better")
        #expect(all().map(\.isCurrent) == [true, false, false])
        try write("evaluation.train.json", evaluation("train", of: "better"))
        #expect(all().map(\.isCurrent) == [true, false, true])
    }
}
