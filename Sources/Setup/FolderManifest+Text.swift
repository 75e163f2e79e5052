import Files
import Manifest

extension FolderManifest {
    /// The manifest's text.
    ///
    /// - Parameters:
    ///   - survey: what the folder holds.
    ///   - dataset: the dataset's name.
    ///   - base: the path from the manifest's folder to the folder; empty if they are one.
    /// - Returns: YAML with comments.
    static func text(_ survey: FolderSurvey, dataset: String, base: String) -> String {
        let prefix = base.isEmpty ? "" : base + "/"
        let found = [("MIDI", survey.midi), ("audio", survey.audio)].filter { !$0.1.isEmpty }
            .map { "\($0) \(FolderSurvey.summary($1))" }
        var text = """
            # The dataset '\(dataset)': \(found.joined(separator: ", ")).
            # Written by 'reprise init'; change anything. docs/manifest.md explains every key.
            #
            #   reprise build \(dataset).yaml        builds it; again and again, only what changed runs
            #   reprise stats \(dataset)             shows what is in it, and what is wrong with it
            #   reprise manifest \(dataset).yaml     prints this manifest with every default
            version: 1
            dataset: \(YAMLText.scalar(dataset))

            sources:

            """
        let sources = Sources(survey, prefix: prefix)
        text += sources.lines
        let audio =
            survey.audio.isEmpty || sources.leavesOutAudio
            ? "" : audioBlock(survey, isPaired: sources.hasPairs)
        if !survey.midi.isEmpty, !sources.leavesOutMIDI {
            text += "\n" + midiBlock(isPaired: sources.hasPairs)
        }
        if !audio.isEmpty { text += "\n" + audio }
        return text + "\n" + splits(survey, sources)
    }

    private static func midiBlock(isPaired: Bool) -> String {
        if isPaired {
            return """
                midi:
                  grid: {frames: mel}                 # a step is a frame of the mel; or {steps_per_beat: 4}

                """
        }
        return """
            midi:
              grid: {steps_per_beat: 4}           # sixteenth notes; or {steps_per_second: 20} for a clock
              segment: {steps: 64, hop: 64}       # four bars of 4/4; or {beats: 16}, {bars: 4}
              drums: separate                     # kept, but not in the piano roll; or include, exclude

            """
    }

    private static func audioBlock(_ survey: FolderSurvey, isPaired: Bool) -> String {
        let rate = survey.rates.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 44_100
        let median = survey.seconds.isEmpty ? 3 : survey.seconds[survey.seconds.count / 2]
        let length = median >= 3 ? "3" : median >= 1 ? "1" : "0.5"
        // The segments of pairs have whole frames.
        let segment = isPaired ? "{samples: 131072}" : "{seconds: \(length)}"
        let remark =
            survey.rates.count > 1 ? "the most common rate; others are resampled" : "the rate of the files"
        return """
            audio:
              sample_rate: \(rate)                  # \(remark)
              loudness: {lufs: -23}               # EBU R128; or {rms_dbfs: -20}, or none
              segment: \(segment)
              stft: {n_fft: 2048, hop: 512}
              features:
                mel: {bands: 128}                 # also spectrogram, mfcc, chroma, waveform
              normalize: {compress: log10_1p, per: dataset, epsilon: 0.001}

            """
    }

    private static func splits(_ survey: FolderSurvey, _ sources: Sources) -> String {
        if let column = sources.split {
            return "splits: {column: \(YAMLText.scalar(column))}   # as the table says\n"
        }
        // Few pieces dealt by their hashes may all go to one side.
        let method = survey.midi.count + survey.audio.count < 200 ? "exact" : "hash"
        return """
            # by: a label keeps all of its files in one split; near_duplicates: together finds versions of one work.
            splits: {train: 0.8, validation: 0.1, test: 0.1, by: piece, method: \(method), seed: 0}

            """
    }

    /// The items of `sources`.
    private struct Sources {
        var lines = ""
        var hasPairs = false
        var leavesOutMIDI = false
        var leavesOutAudio = false
        var split: String?

        init(_ survey: FolderSurvey, prefix: String) {
            if let listing = survey.mainListing {
                addTable(listing, survey, prefix)
                return
            }
            if let pairs = survey.pairs, let depth = survey.depth {
                addPairs(pairs, depth, survey, prefix)
                return
            }
            let folders = survey.topFolders
            if folders.isEmpty {
                for files in [survey.midi, survey.audio] where !files.isEmpty {
                    addGlob(prefix, files, labels(survey.levels))
                }
                return
            }
            lines += "  # The files lie at different depths, so each folder has an item with its own label.\n"
            for (folder, files) in folders.sorted(by: { utf8Order($0.key, $1.key) }) {
                addGlob(
                    "\(prefix)\(folder)/", files, ["labels: {style: \(YAMLText.scalar(Self.plain(folder)))}"])
            }
            let rest = (survey.midi + survey.audio).filter { !$0.contains("/") }
            if !rest.isEmpty { addItem(prefix, "*.", rest, []) }
        }

        /// Folders' names inside a pattern, where braces have a meaning.
        private static func plain(_ text: String) -> String {
            text.reduce(into: "") { $0 += $1 == "{" ? "{{" : $1 == "}" ? "}}" : String($1) }
        }

        /// The lines of labels for levels of folders: the first is a label, the others are proposed.
        private func labels(_ levels: [FolderSurvey.Level]) -> [String] {
            levels.enumerated().map { index, level in
                let pattern = level.height == 1 ? "{dir}" : "{dir:\(level.height)}"
                let values = FolderSurvey.names(level.counts)
                return index == 0
                    ? "labels: {style: \"\(pattern)\"}   # \(values)"
                    : "# a further label: \"\(pattern)\", \(values)"
            }
        }

        private mutating func addGlob(_ prefix: String, _ files: [String], _ more: [String]) {
            let isFlat = files.allSatisfy { !$0.contains("/") }
            addItem(prefix, isFlat ? "*." : "**/*.", files, more)
        }

        private mutating func addItem(_ prefix: String, _ glob: String, _ files: [String], _ more: [String]) {
            let endings = MusicFiles.pattern(endings: files.map { MusicFiles.ending(of: $0) })
            lines += "  - path: \(YAMLText.scalar(MusicFiles.pattern(prefix) + glob + endings))\n"
            for line in more { lines += "    \(line)\n" }
        }

        private mutating func addPairs(
            _ pairs: (count: Int, ending: String), _ depth: Int, _ survey: FolderSurvey, _ prefix: String
        ) {
            hasPairs = true
            // A pair's path is relative to the manifest; the folders of the file are those of its pattern.
            let above = (0..<depth).map { index in depth - index == 1 ? "{dir}" : "{dir:\(depth - index)}" }
            let pair = Self.plain(prefix) + (above + ["{stem}.\(pairs.ending)"]).joined(separator: "/")
            addGlob(
                prefix, survey.midi,
                ["pair: \(YAMLText.scalar(pair))   # the recording of each MIDI file"] + labels(survey.levels)
            )
        }

        private mutating func addTable(
            _ listing: FolderSurvey.Listing, _ survey: FolderSurvey, _ prefix: String
        ) {
            lines +=
                "  - table: \(YAMLText.scalar(prefix + listing.path))   # \(grouped(listing.rows)) rows\n"
            lines += "    path: \(YAMLText.scalar(listing.midi ?? listing.audio ?? ""))\n"
            if let pair = listing.midi == nil ? nil : listing.audio {
                hasPairs = true
                lines += "    pair: \(YAMLText.scalar(pair))   # the recording of each MIDI file\n"
            }
            if let piece = listing.piece {
                lines +=
                    "    piece: \(YAMLText.scalar("{\(piece)}"))   # the files of a piece stay in one split\n"
            }
            let names = listing.labels.prefix(8).map(\.name)
            let counts = listing.labels.prefix(8).map { "\($0.name) (\(grouped($0.values)) values)" }
            if names.isEmpty {
                lines +=
                    "    labels: {}                        # no column has few enough values to be a label\n"
            } else {
                lines += "    # \(counts.joined(separator: ", "))\n"
                lines += "    labels: [\(names.map(YAMLText.scalar).joined(separator: ", "))]\n"
            }
            split = listing.split
            leavesOutMIDI = !listing.files.contains { MusicFiles.kind(of: $0) == .midi }
            leavesOutAudio = !listing.files.contains { MusicFiles.kind(of: $0) == .audio }
        }
    }
}
