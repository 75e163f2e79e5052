import Dataset
import Files
import Loading
import Manifest

/// A dataset's card: what is in it, under which terms, how it was made and how it is loaded.
struct DatasetCard {
    private let reader: DatasetReader
    private let manifest: Manifest

    init(_ reader: DatasetReader, _ manifest: Manifest) {
        self.reader = reader
        self.manifest = manifest
    }

    private var snapshot: Snapshot { reader.snapshot }
    private var title: String { manifest.about.title ?? snapshot.dataset }

    /// The card of a Hugging Face dataset: a header in YAML, then the text.
    ///
    /// - Parameters:
    ///   - splits: those that were exported.
    ///   - features: lines that describe the columns.
    /// - Returns: the text of `README.md`.
    func huggingFace(_ splits: [Split], features: [String]) -> String {
        var lines = ["---", "pretty_name: \(YAML.quoted(title))"]
        lines += manifest.about.licenceHead
        lines += ["tags:", "- music", "configs:", "- config_name: default", "  data_files:"]
        for split in splits {
            lines += ["  - split: \(split.rawValue)", "    path: data/\(split.rawValue)-*"]
        }
        lines += ["dataset_info:", "  features:"] + features.map { "  \($0)" } + ["  splits:"]
        for split in splits {
            lines += [
                "  - name: \(split.rawValue)", "    num_examples: \(snapshot.segmentCount(split))",
            ]
        }
        let load = [
            "```python", "from datasets import load_dataset", "",
            "dataset = load_dataset(\"path/to/this/folder\")", "```", "",
            "`label_<name>` is a label's text, `class_<name>` its number in the vocabulary.",
        ]
        return (lines + ["---", ""] + text(load)).joined(separator: "\n") + "\n"
    }

    /// The card of a pushed dataset.
    var pushed: String {
        let name = snapshot.dataset
        return text([
            "```", "reprise pull \(name) --remote path/to/this/folder", "reprise stats \(name)",
            "reprise export \(name) --to out --format npz", "```",
        ]).joined(separator: "\n") + "\n"
    }

    /// The text, with how the dataset is loaded.
    private func text(_ load: [String]) -> [String] {
        var lines = ["# \(Markdown.text(title))", ""]
        if let url = manifest.about.url { lines += [Markdown.link(url), ""] }
        lines += ["## Contents", ""]
        lines += Markdown.table(
            ["split", "segments"], Split.allCases.map { [$0.rawValue, "\(snapshot.segmentCount($0))"] })
        let kinds = Set(snapshot.shards.values.joined().map(\.kind.rawValue)).sorted().joined(separator: ", ")
        lines += [
            "",
            "\(snapshot.sources.count) sources, \(Set(snapshot.sources.map(\.piece)).count) pieces. "
                + "Segments: \(kinds).", "",
        ]
        for (name, values) in snapshot.vocabularies.sorted(by: { utf8Order($0.key, $1.key) }) {
            let shown = values.prefix(20).map(Markdown.code).joined(separator: ", ")
            lines += [
                "Label \(Markdown.code(name)), \(values.count) values: \(shown)\(values.count > 20 ? ", …" : "").",
                "",
            ]
        }
        lines += ["## Licence and citation", ""] + manifest.about.terms
        lines += ["## Loading", ""] + load + ["", "## How it was made", ""]
        lines += ["By Reprise, as snapshot `\(reader.digest.hex)`, from this manifest:", ""]
        lines += Markdown.block(snapshot.manifest.canonical, language: "json") + [""]
        let stages = snapshot.stages.sorted { $0.key < $1.key }.map { "`\($0.key)` \($0.value)" }
        return lines + ["Stages, with their versions: \(stages.joined(separator: ", "))."]
    }
}
