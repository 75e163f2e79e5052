internal import Audio
import Build
internal import Dataset
internal import Files
public import Loading
internal import SoundFiles

/// A recording in a short-time Fourier transform of a system's own choice, and the way back from magnitudes to sound.
///
/// No dataset is needed: a system that optimises a picture of a recording decides itself what the picture shows. Frames
/// are not centred: frame t covers samples t·hop up to t·hop + nFFT. Memory: the samples twice, and 12 bytes a bin and
/// frame.
public struct RecordingSpectrum: Sendable {
    /// What is computed.
    public struct Transform: Sendable, Hashable {
        /// Samples per second, to which recordings are resampled.
        public var sampleRate: Int
        /// The samples of a frame, under a Hamming window.
        public var nFFT: Int
        /// From one frame to the next, in samples; a divisor of `nFFT`.
        public var hopLength: Int
        /// The band to keep in Hz, by a causal Butterworth filter of order 1.
        public var band: ClosedRange<Double>

        /// Names the numbers.
        public init(sampleRate: Int, nFFT: Int, hopLength: Int, band: ClosedRange<Double>) {
            self.sampleRate = sampleRate
            self.nFFT = nFFT
            self.hopLength = hopLength
            self.band = band
        }

        /// The frames of so many samples: those of the signal padded with zeros to whole frames side by side, but for
        /// the last, as in paper 002's code; 1,712 of 220,500 samples with frames of 2,048 and a hop of 128.
        public func frameCount(length: Int) -> Int {
            let frames = max(1, ((length + nFFT - 1) / nFFT - 1) * (nFFT / hopLength))
            return frames + ((frames - 1) * hopLength + nFFT < length ? 1 : 0)
        }

        /// The zeros that follow so many samples.
        func padding(length: Int) -> Int { (frameCount(length: length) - 1) * hopLength + nFFT - length }

        func stft(length: Int) -> STFTParameters {
            STFTParameters(
                nFFT: nFFT, hopLength: hopLength, window: .hamming, center: false,
                padEnd: padding(length: length))
        }
    }

    /// What was computed.
    public let transform: Transform
    /// The frames.
    public let frames: Int
    /// The bins, from 0 Hz to half the sample rate, both among them.
    public var bins: Int { transform.nFFT / 2 + 1 }
    /// Linear amplitudes, [bin, frame].
    public let magnitudes: [Float]
    /// The samples of the signal.
    public var length: Int { filtered.count }
    /// The samples that were read, before they begin again.
    public let readLength: Int
    /// Whether the recording ends where the signal does; false where it is longer.
    public let isWhole: Bool
    /// Whether it is under −70 dBFS.
    public var isSilent: Bool { levels.isSilent }
    private let filtered: [Float]
    private let levels: AudioLevels

    /// Reads a part of a recording, mixed down to one channel.
    ///
    /// What lies before the part is decoded too, and held for that time.
    ///
    /// - Parameters:
    ///   - path: The file, of any format that a build reads.
    ///   - part: What of it is read.
    ///   - length: The samples that the signal shall have; a shorter recording begins again at its end. Nil: its own.
    ///   - transform: What is computed.
    /// - Throws: `source.unreadable` for a file that cannot be decoded, or that ends before the part.
    public init(
        path: String, _ part: RecordingPart, length: Int? = nil, _ transform: Transform
    ) throws {
        let range = part.samples(of: .max, rate: transform.sampleRate)
        let most = length.map { min(range.upperBound, range.lowerBound + $0) } ?? range.upperBound
        let (decoded, isWhole): ([Float], Bool)
        do {
            (decoded, isWhole) = try AudioParameters(sampleRate: transform.sampleRate)
                .signal(ofFileAt: path, most: most)
        } catch let error as AudioError {
            throw BuildError(.sourceUnreadable, "\(path): \(error.message)", canRetry: false)
        } catch let error as AudioAccessError {
            throw BuildError(.sourceUnreadable, error.message, canRetry: false)
        }
        let readLength = decoded.count - range.lowerBound
        guard readLength > 0 else {
            throw BuildError(
                .sourceUnreadable, "\(path) ends before \(part.start) s", canRetry: false)
        }
        func wanted(_ samples: [Float]) -> [Float] {
            let found = samples[range.lowerBound...]
            guard let length, readLength < length else { return Array(found) }
            return (0..<length).map { found[range.lowerBound + $0 % readLength] }
        }
        // The filter begins where the recording does.
        let band = Bandpass(low: transform.band.lowerBound, high: transform.band.upperBound, order: 1)
        filtered = wanted(band.applied(to: decoded, sampleRate: transform.sampleRate))
        (self.transform, self.readLength, self.isWhole) = (transform, readLength, isWhole)
        levels = try AudioLevels(of: wanted(decoded), sampleRate: transform.sampleRate)
        let spectrum = try STFT(transform.stft(length: filtered.count)).forward(filtered)
        frames = spectrum.frames
        magnitudes = spectrum.magnitudes
    }

    /// The magnitudes [bin, frame] of a signal as long as this.
    public func spectrum(of samples: [Float]) throws -> [Float] {
        try STFT(transform.stft(length: length)).forward(samples).magnitudes
    }

    /// Sound with other magnitudes, by Griffin-Lim from this recording's phases.
    ///
    /// Griffin and Lim 1984, in the fast form of Perraudin et al., 2013, doi:10.1109/WASPAA.2013.6701851.
    ///
    /// - Parameters:
    ///   - magnitudes: Linear amplitudes of at least 0, [bin, frame], in any unit.
    ///   - iterations: Of Griffin-Lim.
    /// - Returns: As many samples as the recording's, as loud as it (a true peak over −1 dBTP lowers them), and the gain by
    ///   which they became so.
    /// - Throws: `audio.bad-value` for a magnitude that is negative or not finite.
    public func samples(
        magnitudes: [Float], iterations: Int
    ) throws -> (samples: [Float], gain: Double) {
        let stft = transform.stft(length: length)
        let phases = try STFT(stft).forward(filtered)
        let samples = try GriffinLim(stft, GriffinLimParameters(iterations: iterations)).invert(
            magnitudes: magnitudes, initialPhase: .given(phases), length: length)
        let found = try AudioLevels(of: samples, sampleRate: transform.sampleRate)
        let gain = found.gain(toMatch: levels, ceiling: -1).amplitude
        return (samples.map { $0 * Float(gain) }, gain)
    }
}

extension DatasetReader {
    /// The first recording of the train split, by path, that has a label's value and whose file is still there.
    ///
    /// - Parameters:
    ///   - label: The label.
    ///   - value: Its value.
    /// - Returns: The path as the manifest names it, and where the file lies; nil without such a recording.
    /// - Throws: `BuildError` of the cache.
    public func recording(where label: String, is value: String) throws -> (name: String, path: String)? {
        for source in snapshot.sources.sorted(by: { $0.path < $1.path })
        where source.kind == .audio && (source.split ?? .train) == .train && source.labels[label] == value {
            if let file = try file(of: source) { return (source.path, file.path) }
        }
        return nil
    }
}
