import Files
import Foundation
import Loading
import Runs
import Testing

/// The card of a run: what the manifest and the evaluations say, and nothing of it markup.
struct RunCardTests {
    private let shop: Workshop

    init() throws {
        shop = try Workshop()
        for index in 0..<6 {
            try shop.write(
                "music/\(index % 2 == 0 ? "jazz" : "swing")/\(index).mid",
                Workshop.midi(Workshop.melody(seed: index)))
        }
    }

    /// A dataset with such an `about`, a run of it, and an evaluation.
    private func card(
        about: String, weights: String = "w", isEvaluated: Bool = true, hasPythonNetwork: Bool = false
    ) throws -> String {
        let reader = try shop.build(
            "splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact}\n" + about)
        try shop.write(
            "cache/runs/net-1/run.json",
            Array(
                #"{"recipe":"net","dataset":"test","snapshot":"\#(reader.digest.hex)","preset":"cpu","device":"cpu","#
                    .utf8)
                + Array(
                    #""parameters":{"rate":0.5,"base":"base-1"},"foundations":{"base":"ab"},"versions":{"torch":"2"},"#
                        .utf8)
                + Array(
                    #""result":{"epochs":3,"steps":1200,"seconds":61,"best":{"metric":"loss","value":0.25,"epoch":2}}}"#
                        .utf8))
        try shop.write("cache/runs/net-1/best.safetensors", Array(weights.utf8))
        if isEvaluated {
            let hash = Digest(of: Array("w".utf8)).hex
            try shop.write(
                "cache/runs/net-1/evaluation.test.json",
                Array(
                    #"{"run":"net-1","split":"test","weights":"\#(hash)","examples":1500,"pieces":2,"metrics":{"loss":0.125,"spread":null},"baselines":{"zero":{"loss":1}},"confusion":{"label":"style","classes":["jazz","swing"],"counts":[[3,1],[0,4]]}}"#
                        .utf8))
        }
        return try RunCard(of: "net-1", cachePath: shop.cache) { name in
            RunCard.System(
                summary: "what \(name) does", origin: "After A.", command: "transfer",
                hasPythonNetwork: hasPythonNetwork)
        }.text
    }

    @Test func itSaysWhatTheRunIs() throws {
        let text = try card(
            about: """
                about:
                  title: "The *first* | set"
                  licence: cc-by-4.0
                  citation: "@a{b}"
                  url: https://a.b
                """)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let head = try #require(lines.dropFirst().firstIndex(of: "---")).advanced(by: 0)
        #expect(lines[0] == "---")
        for line in [
            #"license: "cc-by-4.0""#, #"- name: "net-1""#, #"      name: "The *first* | set""#,
            #"    - type: "loss""#, "      value: 0.125", "      split: test",
        ] { #expect(lines[..<head].contains(line), "\(line)") }
        #expect(
            !lines[..<head].contains { $0.contains("spread") }, "a measure that is no number has no value")
        for line in [
            "# net-1", "A run of `net`: what net does. After A.", "Licence: cc-by-4.0", "@a{b}",
            "<https://a.b>",
            "Label `style`: `jazz`, `swing`.", "| `base` | `base-1` |", "| `rate` | `0.5` |",
            "3 epochs, 1,200 steps, 61 s, preset `cpu`, on `cpu`, torch 2.",
            "The weights are those of epoch 2, with `loss` 0.2500 on the validation split.",
            "It builds on `base-1` (`base`), whose weights have the SHA-256 `ab`.",
            "On the test split, 1,500 examples of 2 pieces, beside what needs no training:",
            "| measure | net-1 | zero |", "| `loss` | 0.1250 | 1.0000 |", "| `spread` |  |  |",
            "| jazz | 3 | 1 |", "| swing | 0 | 4 |",
            "reprise transfer net-1 --content FILE --style LABEL --out FILE",
        ] { #expect(lines[head...].contains(line), "\(line)") }
        #expect(
            text.contains("The \\*first\\* | set") == false && text.contains("The \\*first\\* \\| set, the"))
    }

    @Test func measuresOfOtherWeightsAreLeftOut() throws {
        let old = try card(about: "", weights: "more training")
        #expect(old.contains("Evaluations of earlier weights are left out."))
        #expect(
            old.contains("`reprise evaluate net-1`") && !old.contains("0.1250")
                && !old.contains("model-index"))
        #expect(old.contains("The manifest names no licence.") && !old.contains("license"))
        #expect(old.contains("\nThe dataset `test`, snapshot `"))
        let never = try card(about: "", weights: "more training", isEvaluated: false)
        #expect(never.contains("It is not measured yet"))
    }

    /// The lines for Python run the network where the package has it, and else give the weights.
    @Test func itShowsWhatPythonCanDo() throws {
        let plain = try card(about: "")
        #expect(plain.contains("run.state_dict()") && !plain.contains("network()"))
        let network = try card(about: "", hasPythonNetwork: true)
        #expect(network.contains("network = run.network().eval()"))
        #expect(network.contains("from torch.utils.data import DataLoader\n"))
    }

    @Test func aRunThatIsNotThereIsNamed() throws {
        _ = try shop.build()
        let error = #expect(throws: BuildError.self) {
            try RunCard(of: "net-9", cachePath: shop.cache) { _ in
                RunCard.System(summary: "", origin: "", command: nil, hasPythonNetwork: false)
            }
        }
        #expect(error?.code == .noDataset)
    }
}
