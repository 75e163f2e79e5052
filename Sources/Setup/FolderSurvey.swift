public import Files
import Listing
import SoundFiles
import Symbolic

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a folder holds that a dataset could be made of.
public struct FolderSurvey: Sendable {
    /// A level of folders whose names could be a label.
    struct Level: Sendable, Hashable {
        /// How many folders above the file: 1 for the folder that it is in.
        let height: Int
        /// How many files each name has, by name.
        let counts: [String: Int]
    }

    /// A table that names files of the folder.
    struct Listing: Sendable {
        /// Its path from the folder.
        let path: String
        let rows: Int
        /// The columns whose cells are paths of MIDI and of audio files, as patterns such as `{midi_filename}`.
        var midi: String?
        var audio: String?
        /// The column that deals rows to splits.
        let split: String?
        /// The column that names the piece of each row.
        let piece: String?
        /// The columns with few values, by the number of values.
        let labels: [(name: String, values: Int)]
        /// The files that it names and that are there, from the folder.
        let files: Set<String>
    }

    /// The folder, as the user named it.
    public let folder: String
    /// MIDI files, audio files and others by ending, as paths from the folder.
    let midi: [String]
    let audio: [String]
    let others: [String: Int]
    /// The sample rates of the recordings that were opened, with their counts.
    private(set) var rates: [Int: Int] = [:]
    /// The lengths of these recordings in seconds, where known, sorted.
    private(set) var seconds: [Double] = []
    /// How many files were opened.
    private(set) var opened = 0
    /// What could not be read, and why.
    private(set) var unreadable: [(path: String, reason: String)]
    /// The tables that name files, and the others with the reason.
    private(set) var listings: [Listing] = []
    private(set) var otherTables: [(path: String, reason: String)] = []

    /// How many files of a kind are opened at most, spread over all.
    static let mostOpened = 400

    /// Looks through a folder.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `build.io` if it cannot be read.
    public init(_ folder: String) throws(BuildError) {
        self.folder = folder
        let (files, unreadable) = try FolderListing.readable(below: folder)
        self.unreadable = unreadable
        let byKind = Dictionary(grouping: files) { MusicFiles.kind(of: $0) }
        (midi, audio) = (byKind[.midi] ?? [], byKind[.audio] ?? [])
        others = Dictionary(
            (byKind[.other] ?? []).map { (MusicFiles.ending(of: $0), 1) }, uniquingKeysWith: +)
        openSome()
        guard let tables = byKind[.table] else { return }
        let music = Music(midi: midi, audio: audio)
        for path in tables { look(atTable: path, of: music) }
    }

    /// Files at equal distances in a list.
    private static func sample(_ files: [String]) -> [String] {
        guard files.count > mostOpened else { return files }
        return (0..<mostOpened).map { files[$0 * files.count / mostOpened] }
    }

    private mutating func openSome() {
        for path in Self.sample(midi) {
            opened += 1
            do {
                _ = try Score(midi: contents(of: "\(folder)/\(path)", in: AT_FDCWD, limit: 16 << 20))
            } catch {
                unreadable.append(
                    (path, (error as? MIDIError)?.message ?? (error as? FileFailure)?.message ?? "\(error)"))
            }
        }
        for path in Self.sample(audio) {
            opened += 1
            do {
                let file = try SoundFile(path: "\(folder)/\(path)")
                rates[file.sampleRate, default: 0] += 1
                if let frames = file.declaredFrames ?? file.expectedFrames {
                    seconds.append(Double(frames) / Double(file.sampleRate))
                }
            } catch {
                unreadable.append(
                    (
                        path,
                        (error as? AudioError)?.message ?? (error as? AudioAccessError)?.message ?? "\(error)"
                    ))
            }
        }
        seconds.sort()
    }

    // MARK: Tables

    /// How many tables, and how many rows of each, are looked at.
    private static let (mostTables, mostRows) = (50, 2000)

    /// The files that tables may name.
    private struct Music {
        let midi: Set<String>
        let all: Set<String>
        /// Their endings with the dots, sorted.
        let endings: [String]

        init(midi: [String], audio: [String]) {
            self.midi = Set(midi)
            all = self.midi.union(audio)
            endings = Set(all.map { MusicFiles.ending(of: $0) }).sorted().map { "." + $0 }
        }

        /// What must be added to the cells of a column to make them files: nothing, or an ending; nil if they are none.
        func ending(of paths: [String]) -> String? {
            if paths.count(where: all.contains) * 2 > paths.count { return "" }
            // Names without their endings.
            return endings.first { ending in paths.count { all.contains($0 + ending) } * 2 > paths.count }
        }
    }

    private mutating func look(atTable path: String, of music: Music) {
        guard listings.count + otherTables.count < Self.mostTables else { return }
        let table: TableSurvey
        do throws(ManifestError) {
            table = try TableSurvey(path: "\(folder)/\(path)")
        } catch {
            otherTables.append(
                (path, error.faults.first.map { "line \($0.line): \($0.message)" } ?? "cannot be read"))
            return
        }
        let parent = MusicFiles.folders(of: path).map { $0 + "/" }.joined()
        var listing = (midi: String?.none, audio: String?.none, files: Set<String>())
        var used: Set<String> = []
        for column in table.columns {
            let cells = table.cells(column, limit: Self.mostRows).filter { !$0.isEmpty }
            guard !cells.isEmpty, let ending = music.ending(of: cells.map { parent + $0 }) else {
                continue
            }
            let files = table.cells(column).map { parent + $0 + ending }.filter(music.all.contains)
            // A column of both kinds counts as one of the kind that most of its files have.
            let isMIDI = files.count(where: music.midi.contains) * 2 >= files.count
            guard (isMIDI ? listing.midi : listing.audio) == nil else { continue }
            used.insert(column)
            if isMIDI {
                listing.midi = "{\(column)}" + ending
            } else {
                listing.audio = "{\(column)}" + ending
            }
            listing.files.formUnion(files)
        }
        guard listing.midi != nil || listing.audio != nil else {
            otherTables.append((path, "no column contains paths of files beside it"))
            return
        }
        let split = table.splitColumns.first
        let piece = table.columns.first { $0.lowercased() == "piece" && !used.contains($0) }
        let labels = table.columns.filter { !used.contains($0) && $0 != split && $0 != piece }.compactMap {
            column in
            let values = Set(table.cells(column).filter { !$0.isEmpty }).count
            return values > 1 && values * 2 <= table.rowCount && !column.contains("/")
                ? (name: column, values: values) : nil
        }
        listings.append(
            Listing(
                path: path, rows: table.rowCount, midi: listing.midi, audio: listing.audio, split: split,
                piece: piece,
                labels: labels.sorted { ($0.values, $0.name) < ($1.values, $1.name) }, files: listing.files))
    }

    // MARK: Labels

    /// How deep every file of MIDI and audio lies below the folder; nil if not all lie equally deep.
    var depth: Int? {
        let depths = Set((midi + audio).map { MusicFiles.folders(of: $0).count })
        return depths.count == 1 ? depths.first : nil
    }

    /// The levels of folders that tell files apart: from the one right below the folder down; empty if depths differ.
    var levels: [Level] {
        guard let depth, depth > 0 else { return [] }
        return (0..<depth).compactMap { index in
            let names = (midi + audio).map { MusicFiles.folders(of: $0)[index] }
            let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
            guard counts.count > 1, counts.count * 2 <= names.count else { return nil }
            return Level(height: depth - index, counts: counts)
        }
    }

    /// The folders right below the folder, with their files, if depths differ and they could be a label.
    var topFolders: [String: [String]] {
        guard depth == nil else { return [:] }
        let found = Dictionary(grouping: (midi + audio).filter { $0.contains("/") }) {
            MusicFiles.folders(of: $0)[0]
        }
        return (2...60).contains(found.count) ? found : [:]
    }

    /// The table that names most of the files; nil if none names half of them.
    var mainListing: Listing? {
        let best = listings.max { ($0.files.count, $1.path) < ($1.files.count, $0.path) }
        return best.flatMap { $0.files.count * 2 >= midi.count + audio.count ? $0 : nil }
    }

    /// The MIDI files beside which a recording of the same name lies, with that recording's ending; nil if they are fewer
    /// than half, or the endings differ.
    var pairs: (count: Int, ending: String)? {
        guard !midi.isEmpty, !audio.isEmpty else { return nil }
        let recordings = Dictionary(audio.map { (MusicFiles.stem(of: $0), MusicFiles.ending(of: $0)) }) {
            first, _ in first
        }
        let endings = midi.compactMap { recordings[MusicFiles.stem(of: $0)] }
        guard endings.count * 2 > midi.count, Set(endings).count == 1, let ending = endings.first else {
            return nil
        }
        return (endings.count, ending)
    }
}
