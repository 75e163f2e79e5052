import Audio
public import Files
import Loading
internal import SoundFiles
import Symbolic

/// The contents of one raw file, as the stages read it: no dataset and no cache are needed.
public struct FileInspection: Sendable {
    /// The inspection as one object; `docs/formats.md`, Command line, names its members.
    public let json: JSONValue
    /// The same as lines for people, without the notes.
    public let text: String

    /// Reads a file.
    ///
    /// - Parameter path: a MIDI or an audio file; its contents say which.
    /// - Throws: `BuildError` (`source.unreadable`) for a file that can't be read or used, with the reason and its place.
    public init(path: String) throws {
        guard FileStat(path: path)?.isRegularFile == true else {
            throw BuildError(.sourceUnreadable, "\(path) is not a file", canRetry: false)
        }
        do {
            switch SegmentKind.found(atPath: path, named: path) {
            case .midi, .paired:
                let bytes = try ReadStage.bytes(ofFile: path)
                let score = try Score(midi: bytes)
                (json, text) = (Self.json(score, path, bytes), Self.text(score, path))
            case .audio:
                let facts = try AudioFacts.measuring(path)
                (json, text) = (Self.json(facts, path), Self.text(facts, path))
            }
        } catch let error as MIDIError {
            let place = error.offset.map { " (byte \($0))" } ?? ""
            throw BuildError(
                .sourceUnreadable, "\(path): \(error.message)\(place) [\(error.code)]", canRetry: false)
        } catch let error as AudioError {
            let place = error.frame.map { " (frame \($0))" } ?? ""
            let help = error.help.map { "; \($0)" } ?? ""
            throw BuildError(
                .sourceUnreadable, "\(path): \(error.message)\(help)\(place) [\(error.code.rawValue)]",
                canRetry: false)
        } catch let error as AudioAccessError {
            throw BuildError(.sourceUnreadable, error.description, canRetry: true)
        }
    }

    // MARK: MIDI

    private static func json(_ score: Score, _ path: String, _ bytes: [UInt8]) -> JSONValue {
        var members: [String: JSONValue] = [
            "kind": "midi", "path": .string(path), "sha256": JSONValue(Digest(of: bytes)),
            "bytes": JSONValue(bytes.count), "format": JSONValue(score.format),
            "timelines": .array(score.timelines.map { json($0) }),
            "warnings": warnings(score.warnings.map { ($0.code, $0.message, $0.offset) }),
        ]
        switch score.division {
        case .ticksPerQuarter(let ticks): members["ticks_per_quarter"] = JSONValue(ticks)
        case .smpte(let frames, let ticks):
            members["smpte"] = [
                "frames_per_second": JSONValue(frames), "ticks_per_frame": JSONValue(ticks),
            ]
        }
        return .object(members)
    }

    private static func json(_ timeline: Timeline) -> JSONValue {
        func list<Row>(_ rows: [Row], _ value: (Row) -> JSONValue) -> JSONValue { .array(rows.map(value)) }
        let (notes, controls, map) = (timeline.notes, timeline.controls, timeline.tempoMap)
        return [
            "end": JSONValue(timeline.endTick), "seconds": .number(map.seconds(at: timeline.endTick)),
            "tempo": list(map.changes) { [JSONValue($0.tick), JSONValue($0.microsecondsPerBeat)] },
            "time_signatures": list(timeline.timeSignatures) {
                [JSONValue($0.tick), JSONValue($0.numerator), JSONValue($0.denominator)]
            },
            "keys": list(timeline.keys) {
                [JSONValue($0.tick), JSONValue($0.sharps), .bool($0.isMinor)]
            },
            "programs": list(timeline.programs) {
                [
                    JSONValue($0.tick), JSONValue(Int($0.channel)), JSONValue(Int($0.program)),
                    JSONValue($0.track),
                ]
            },
            "notes": [
                "onset": list(notes) { JSONValue($0.onset) },
                "duration": list(notes) { JSONValue($0.offset - $0.onset) },
                "onset_seconds": list(notes) { .number(map.seconds(at: $0.onset)) },
                "offset_seconds": list(notes) { .number(map.seconds(at: $0.offset)) },
                "pitch": list(notes) { JSONValue(Int($0.pitch)) },
                "velocity": list(notes) { JSONValue(Int($0.velocity)) },
                "program": list(notes) { JSONValue(Int($0.program)) },
                "channel": list(notes) { JSONValue(Int($0.channel)) },
                "track": list(notes) { JSONValue($0.track) },
            ],
            "controls": [
                "tick": list(controls) { JSONValue($0.tick) },
                "number": list(controls) { JSONValue(Int($0.number)) },
                "value": list(controls) { JSONValue(Int($0.value)) },
                "channel": list(controls) { JSONValue(Int($0.channel)) },
                "track": list(controls) { JSONValue($0.track) },
            ],
        ]
    }

    private static func text(_ score: Score, _ path: String) -> String {
        var text = ""
        func line(_ name: String, _ value: String) { text += row(name, value) }
        line("file", path)
        let division =
            switch score.division {
            case .ticksPerQuarter(let ticks): "\(ticks) ticks per quarter note"
            case .smpte(let frames, let ticks): "SMPTE, \(frames) frames/s of \(ticks) ticks"
            }
        line("kind", "MIDI, format \(score.format), \(division)")
        for (index, timeline) in score.timelines.enumerated() {
            if score.timelines.count > 1 { line("timeline", "\(index)") }
            let notes = timeline.notes
            let map = timeline.tempoMap
            line("length", "\(timeline.endTick) ticks, \(rounded(map.seconds(at: timeline.endTick))) s")
            line("notes", "\(notes.count), of which \(notes.count { $0.isDrum }) are drums")
            if let low = notes.lazy.filter({ !$0.isDrum }).map(\.pitch).min(),
                let high = notes.lazy.filter({ !$0.isDrum }).map(\.pitch).max()
            {
                line("pitches", "\(low) to \(high)")
            }
            let tempi = map.changes.map { 6e7 / Double($0.microsecondsPerBeat) }
            line(
                "tempo",
                tempi.isEmpty
                    ? "120 BPM (the default)"
                    : tempi.count == 1
                        ? "\(rounded(tempi[0])) BPM"
                        : "\(rounded(tempi.min() ?? 0)) to \(rounded(tempi.max() ?? 0)) BPM, \(tempi.count) events"
            )
            let signatures = timeline.timeSignatures.map { "\($0.numerator)/\($0.denominator) at \($0.tick)" }
            line("time signatures", signatures.isEmpty ? "none (4/4 by default)" : shown(signatures))
            let programs = Dictionary(grouping: notes, by: \.program).sorted { $0.key < $1.key }
            line(
                "programs",
                shown(
                    programs.map { program, notes in
                        (program == Note.drumProgram ? "drums" : "\(program)") + " (\(notes.count) notes)"
                    }))
            let numbers = Dictionary(grouping: timeline.controls, by: \.number).sorted { $0.key < $1.key }
            line("controls", numbers.isEmpty ? "none" : shown(numbers.map { "CC \($0) (\($1.count))" }))
        }
        for warning in score.warnings {
            let place = warning.offset.map { " (byte \($0))" } ?? ""
            line("warning", "\(warning.message)\(place) [\(warning.code)]")
        }
        return text
    }

    // MARK: Audio

    private static func json(_ facts: AudioFacts, _ path: String) -> JSONValue {
        // At the file's own rate there are as many samples as frames, and segments mean nothing.
        var members = facts.members.filter { !["samples", "segments"].contains($0.key) }
        members["kind"] = "audio"
        members["path"] = .string(path)
        members["seconds"] = .number(seconds(facts))
        members["warnings"] = warnings(facts.warnings.map { ($0.code, $0.message, $0.frame) })
        return .object(members)
    }

    private static func seconds(_ facts: AudioFacts) -> Double {
        Double(facts.frames) / Double(max(1, facts.nativeSampleRate))
    }

    private static func text(_ facts: AudioFacts, _ path: String) -> String {
        var text = ""
        func line(_ name: String, _ value: String) { text += row(name, value) }
        func level(_ value: Double?, _ unit: String) -> String {
            value.map { "\(rounded($0)) \(unit)" } ?? "not measurable"
        }
        line("file", path)
        line("kind", "audio, \(facts.format), \(facts.encoding)")
        line("rate", "\(facts.nativeSampleRate) Hz")
        line("channels", "\(facts.channels)")
        line("length", "\(facts.frames) frames, \(rounded(seconds(facts))) s")
        line("loudness", level(facts.integratedLoudness, "LUFS"))
        line("loudness range", level(facts.loudnessRange, "LU"))
        line("true peak", level(facts.truePeak, "dBTP"))
        line("RMS", level(facts.rms, "dBFS (of the mono mix)"))
        line("clipped", "\(facts.clippedSamples) samples")
        for warning in facts.warnings {
            let place = warning.frame.map { " (frame \($0))" } ?? ""
            line("warning", "\(warning.message)\(place) [\(warning.code)]")
        }
        return text
    }

    // MARK: Both

    private static func warnings(_ warnings: [(String, String, Int?)]) -> JSONValue {
        .array(
            warnings.map { code, message, offset in
                [
                    "code": .string(code), "message": .string(message),
                    "offset": offset.map { JSONValue($0) } ?? .null,
                ]
            })
    }

    /// A name and what it is, in two columns.
    private static func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 17 - name.count)) + value.shown + "\n"
    }

    /// The first few of a list.
    private static func shown(_ items: [String]) -> String {
        items.prefix(8).joined(separator: ", ") + (items.count > 8 ? ", and \(items.count - 8) more" : "")
    }

    /// Two decimals.
    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
