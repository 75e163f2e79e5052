import Files
internal import Symbolic

/// The page of a blind listening test, in a folder that opens from disk without a server.
///
/// It names neither systems nor paths: sounds have numbers in a random order. Notes are in the page itself, recordings are
/// copied beside it.
public struct ListeningPage: Sendable {
    /// What listeners hear.
    public enum Sound: Sendable {
        /// A MIDI file.
        case score(path: String)
        /// A recording, and the factor of its amplitude.
        case recording(path: String, gain: Double)
    }

    /// A trial, its sounds by their places.
    public struct Trial: Sendable {
        let questions: [String]
        let (a, b, x, content): (Int, Int, Int?, Int)

        /// Questions about A and B; X, where it is asked for, is one of them.
        public init(questions: [String], a: Int, b: Int, x: Int?, content: Int) {
            self.questions = questions
            (self.a, self.b, self.x, self.content) = (a, b, x, content)
        }
    }

    private let test: String
    private let sounds: [Sound]
    private let trials: [Trial]
    private let examples: [Int]

    /// A page with its trials.
    ///
    /// - Parameters:
    ///   - test: What tells the test from others.
    ///   - sounds: All that is heard, in an order that tells nothing.
    ///   - trials: The trials, in the order in which they are heard.
    ///   - examples: The places of the sounds of the target style.
    public init(test: String, sounds: [Sound], trials: [Trial], examples: [Int]) {
        (self.test, self.sounds, self.trials, self.examples) = (test, sounds, trials, examples)
    }

    /// Writes `index.html`, and beside it `media` with copies of the recordings.
    ///
    /// - Parameter folder: A new or an empty folder.
    /// - Throws: `build.foreign-folder` if the folder holds something; `BuildError` if a file cannot be read or written;
    ///   what `Score` throws for a file that is no score.
    public func write(to folder: String) throws {
        try ComparisonPage.check(folder: folder)
        try OutputFile.makeFolder(folder)
        let described = try sounds.enumerated().map { number, sound -> JSONValue in
            switch sound {
            case .score(let path):
                guard let music = SoundingMusic(midiFile: path) else {
                    throw BuildError(
                        .inputOutput, "\(path.shown) is no MIDI file that can be read", canRetry: false)
                }
                // The names of its parts could tell which system it is of.
                return ["notes": music.json["notes"] ?? []]
            case .recording(let path, let gain):
                try OutputFile.makeFolder(folder + "/media")
                let file = try ComparisonPage.copy(path, as: "media/\(number + 1)", in: folder)
                return ["file": .string(file), "gain": .number(gain)]
            }
        }
        let data: JSONValue = [
            "test": .string(test), "sounds": .array(described),
            "examples": .array(examples.map { JSONValue($0) }),
            "trials": .array(
                trials.map { trial in
                    [
                        "questions": .array(trial.questions.map { .string($0) }), "a": JSONValue(trial.a),
                        "b": JSONValue(trial.b), "x": trial.x.map { JSONValue($0) } ?? .null,
                        "content": JSONValue(trial.content),
                    ]
                }),
        ]
        try OutputFile.write(Array(html(data).utf8), to: folder + "/index.html")
    }

    private func html(_ data: JSONValue) -> String {
        PageDocument(
            title: "Listening test", sources: "img-src data:; media-src 'self' file:",
            styles: [PackageResources.report_css, PackageResources.listening_css],
            body: """
                <header><h1>Listening test</h1><p id="progress" class="soft" role="status"></p>
                <progress id="bar" value="0" max="1" aria-label="progress"></progress></header>
                <section id="start"><p id="about"></p>
                <form id="enter"><label for="listener">Your code</label>
                <input id="listener" required maxlength="32" pattern="[A-Za-z0-9_\\-]+" autocomplete="off" \
                title="letters, digits, - and _">
                <button>Start</button></form>
                <h2>Keys</h2><dl id="keys"></dl></section>
                <section id="trial" hidden><div id="players" class="controls" role="group" aria-label="sounds"></div>
                <p><span id="time">0:00</span> <span id="hint" class="soft" role="status"></span></p>
                <div id="questions"></div><button id="next" disabled>Next</button></section>
                <section id="end" hidden><p>Thank you. Save the answers and send the file to the person who asked you.</p>
                <button id="save">Save the answers</button>
                <details><summary>The answers as text</summary>
                <textarea id="csv" readonly rows="12" aria-label="answers"></textarea></details></section>
                <footer><p>Made by Reprise.</p></footer>
                """,
            dataID: "listening", data: data,
            scripts: [[PackageResources.page_js, PackageResources.sound_js, PackageResources.listening_js]]
        ).text
    }
}
