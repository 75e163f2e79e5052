/// What an evaluation needs to know of a kind of file, notes or sound; the evaluation itself is the same for both.
protocol Medium {
    /// A file as the measures see it, after the round trip that a system makes: the grid of rolls, or a mel and back.
    associatedtype Piece: Sendable
    /// What is known of pieces of the target style.
    associatedtype Style
    /// What is known of the pieces that a system may have been trained on.
    associatedtype Training

    /// The most pieces of a style that judges and references are made of.
    static var mostJudged: Int { get }
    /// The most pieces of the train split that an output is compared with.
    static var mostTrained: Int { get }

    /// What the judges look at, nuisance judges among them.
    var views: [JudgeView<Piece>] { get }

    /// Reads a file, and takes it through the round trip.
    ///
    /// - Throws: why the file cannot be used.
    func piece(at path: String) throws -> Piece

    /// Describes the target style by pieces that no system was trained on.
    func style(of pieces: [Piece]) throws -> Style

    /// Takes in the pieces of the train split, each of which is read once.
    func training(of pieces: some Sequence<Piece>) throws -> Training

    /// How much of the content is in the output.
    func content(of output: Piece, against content: Piece) throws -> [Named]

    /// How an output fits the target style.
    func fit(of output: Piece, to style: Style) throws -> [Named]

    /// How outputs as a set fit the target style.
    func fit(ofAll outputs: [Piece], to style: Style, seed: UInt64) throws -> [Named]

    /// How near an output is to the nearest of the pieces that a system may have been trained on.
    func novelty(of output: Piece, among training: Training) throws -> [Named]

    /// What was not measured, and what to do so that it is.
    func omissions(_ outputs: [Piece], _ contents: [Piece]) -> [String]

    /// The content changed by a rule that needs no training, to be more like the style.
    func changedByRule(_ content: Piece, to style: Style) throws -> Piece

    /// A piece that is in no file, to see and hear.
    func music(_ piece: Piece) -> BaselineAnswer.Music
}

/// What a judge looks at.
struct JudgeView<Piece>: Sendable {
    /// The judge's name.
    let name: String
    /// What it sees, in words.
    let sees: String
    /// Whether it sees only what style does not depend on, such as how a file was made.
    let isNuisance: Bool
    /// The features of a piece; all of one length.
    let features: @Sendable (Piece) throws -> [Double]
}

/// A measured number; nil where the measure is not defined.
struct Named: Sendable {
    let group: MeasureGroup
    let name: String
    let value: Double?

    init(_ group: MeasureGroup, _ name: String, _ value: Double?) {
        (self.group, self.name, self.value) = (group, name, value)
    }
}

/// What a measure is about.
public enum MeasureGroup: String, Sendable, CaseIterable {
    /// Whether the output is of the target style.
    case style
    /// Whether the content is still there.
    case content
    /// Whether the output is well made.
    case quality
    /// Whether the output is a copy.
    case novelty
}
