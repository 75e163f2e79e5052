/// A picture of what a system says, as numbers; who draws it is no concern of the system's.
public struct Figure: Sendable {
    /// The name of its file, without an ending.
    public let name: String
    /// A line above it.
    public let title: String
    /// What it shows.
    public let content: Content

    /// Names a picture.
    public init(name: String, title: String, _ content: Content) {
        self.name = name
        self.title = title
        self.content = content
    }

    /// What a picture shows.
    public enum Content: Sendable {
        /// Rolls of velocities on one axis of time, the first at the top.
        case rolls([Roll])
        /// Shares of some classes, such as lengths, for several series side by side.
        case histogram(classes: [String], series: [Series])
        /// Spectrograms, or other numbers by row and frame, on one axis of time, the first at the top.
        case spectrograms([Spectrogram])
        /// Numbers that follow each other, such as losses by step: a line for each series.
        case curves(horizontal: String, [Curve])
    }

    /// Numbers by row and frame.
    public struct Spectrogram: Sendable {
        /// What it is.
        public let title: String
        /// [rows, columns], the lowest frequency first; in any unit.
        public let values: [Float]
        /// Frames.
        public let columns: Int

        /// Numbers in so many columns.
        public init(title: String, values: [Float], columns: Int) {
            precondition(
                columns > 0 && values.count % columns == 0, "\(values.count) cells in \(columns) columns")
            self.title = title
            self.values = values
            self.columns = columns
        }
    }

    /// Numbers at 0, 1, 2, ….
    public struct Curve: Sendable {
        /// What it is.
        public let name: String
        /// The numbers; one that is not finite leaves a gap.
        public let values: [Double]

        /// The numbers of something.
        public init(_ name: String, _ values: [Double]) {
            self.name = name
            self.values = values
        }
    }

    /// A roll of velocities, or of other numbers by pitch.
    public struct Roll: Sendable {
        /// What it is.
        public let title: String
        /// [pitches, columns], 0 to `greatest`, the lowest pitch first.
        public let values: [Float]
        /// Steps.
        public let columns: Int
        /// The pitch of the first row.
        public let firstPitch: Int
        /// The greatest number there can be: 127 for velocities, 1 for probabilities.
        public let greatest: Int

        /// A roll of so many columns.
        public init(title: String, values: [Float], columns: Int, firstPitch: Int, greatest: Int = 127) {
            precondition(
                columns > 0 && values.count % columns == 0, "\(values.count) cells in \(columns) columns")
            self.title = title
            self.values = values
            self.columns = columns
            self.firstPitch = firstPitch
            self.greatest = greatest
        }
    }

    /// The shares of each class in one thing.
    public struct Series: Sendable {
        /// What it is.
        public let name: String
        /// A number for each class.
        public let shares: [Double]

        /// The shares of something.
        public init(_ name: String, _ shares: [Double]) {
            self.name = name
            self.shares = shares
        }
    }
}
