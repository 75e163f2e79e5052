/// What a listener answered to a question of a trial.
public struct ListeningAnswer: Sendable, Equatable {
    /// The listener's code.
    public let listener: String
    /// The trial's number, from 1.
    public let trial: Int
    /// The question's name.
    public let question: String
    /// The side.
    public let answer: ListeningTest.Side
    /// The seconds from the trial's beginning to the answer.
    public let seconds: Double
    /// How often the listener had started A, B or X until then.
    public let plays: Int

    /// The columns of a file of answers.
    static let header = "test,listener,trial,question,answer,seconds,plays"

    /// An answer.
    public init(
        listener: String, trial: Int, question: String, answer: ListeningTest.Side, seconds: Double,
        plays: Int
    ) {
        (self.listener, self.trial, self.question) = (listener, trial, question)
        (self.answer, self.seconds, self.plays) = (answer, seconds, plays)
    }

    /// Reads the answers that the page of a test wrote: CSV, without quotes.
    ///
    /// - Parameters:
    ///   - text: The file's text.
    ///   - path: Its path, for messages.
    ///   - test: The test.
    /// - Returns: The answers in the file's order.
    /// - Throws: `judge.file` for another file, another test's answers, or a line that the page does not write.
    public static func read(
        _ text: String, path: String, of test: ListeningTest
    ) throws(JudgingError) -> [ListeningAnswer] {
        var lines = text.split(whereSeparator: \.isNewline)
        guard lines.first.map(String.init) == header else {
            throw JudgingError(
                .file, "\(path) is no file of answers to a listening test: its first line is not \(header)")
        }
        lines.removeFirst()
        var answers: [ListeningAnswer] = []
        for (index, line) in lines.enumerated() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 7, let number = Int(fields[2]),
                let answer = ListeningTest.Side(rawValue: fields[4]),
                let seconds = Double(fields[5]), let plays = Int(fields[6])
            else {
                throw JudgingError(.file, "\(path), line \(index + 2): this is no answer: \(line)")
            }
            guard fields[0] == test.id, test.trials.indices.contains(number - 1),
                test.trials[number - 1].questions.contains(fields[3])
            else {
                throw JudgingError(
                    .file, "\(path), line \(index + 2): the answer is to another test than the key's")
            }
            answers.append(
                ListeningAnswer(
                    listener: fields[1], trial: number, question: fields[3], answer: answer,
                    seconds: seconds, plays: plays))
        }
        return answers
    }
}
