import Console
import Insight
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension [Figure] {
    /// Draws each into a PNG file of its name, and says where.
    ///
    /// - Throws: `train.file` when the folder cannot be made, `BuildError` when a file cannot be written.
    func write(to folder: String) throws {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
            throw TrainingError(.file, "cannot make \(folder): \(String(cString: strerror(errno)))")
        }
        for figure in self {
            let path = "\(folder)/\(figure.name).png"
            switch figure.content {
            case .rolls(let rolls):
                try Plot.writeRolls(
                    rolls.map {
                        Plot.Roll(
                            title: $0.title, values: $0.values, columns: $0.columns,
                            firstPitch: $0.firstPitch,
                            greatest: $0.greatest
                        )
                    }, title: figure.title, to: path)
            case .spectrograms(let spectrograms):
                try Plot.writeSpectrograms(
                    spectrograms.map {
                        Plot.Spectrogram(title: $0.title, values: $0.values, columns: $0.columns)
                    }, title: figure.title, to: path)
            case .curves(let horizontal, let curves):
                try Plot.writeCurves(
                    curves.map { ($0.name, $0.values) }, horizontal: horizontal, title: figure.title, to: path
                )
            case .histogram(let classes, let series):
                try Plot.writeHistogram(
                    classes: classes, series: series.map { ($0.name, $0.shares) }, title: figure.title,
                    to: path)
            }
            Terminal.standardError.writeLine("picture \(path)")
        }
    }
}
