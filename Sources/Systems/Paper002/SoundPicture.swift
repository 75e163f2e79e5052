internal import Preparation
internal import Tensors
internal import Torch

/// The picture of a recording that a network sees, and what is changed to change it.
///
/// Levels are log10 of magnitudes over the recording's largest, at least −4, `[bins, frames]`, without the bin of half
/// the sample rate; pictures hold 0 to 255, `[1, rows, columns]`, low frequencies first. All of it as in paper 002's code,
/// but for the faults that docs/paper-002.md lists.
struct SoundPicture {
    /// What a picture shows.
    enum Kind: String, CaseIterable {
        /// Levels, each cell the mean of `zoom` × `zoom`.
        case spectrogram
        /// 96 mel bands of levels: what the paper calls MFCC.
        case logMel = "log-mel"
        /// The cosine transform of these, as its text has it.
        case mfcc
        /// The level of 96 mel bands of the magnitudes. Here and below, what is changed are the levels of all bins.
        case mel
        /// The level of the twelve pitch classes, four times one above the other.
        case chroma
        /// The level of 96 bands, 16 for an octave.
        case cqt

        /// Whether the picture is what is changed, or computed from the levels that are.
        var isDirect: Bool { self == .spectrogram || self == .logMel || self == .mfcc }
    }

    /// The floor of levels.
    static let floor = -4.0
    /// The natural logarithm of 10.
    private static let ln10 = 2.302_585_092_994_046
    /// The greatest number of a picture.
    static let white = 255.0
    static let transform = RecordingSpectrum.Transform(
        sampleRate: 22050, nFFT: 2048, hopLength: 128, band: 125...10000)

    let kind: Kind
    private let zoom: Int
    private let device: Device
    private let type: ElementType
    private let filters: TorchTensor?
    private let spreading: (matrix: TorchTensor, isCovered: [Bool])?
    private let cosines: TorchTensor?

    init(_ kind: Kind, zoom: Int = 2, type: ElementType = .f32, on device: Device = .cpu) throws {
        (self.kind, self.zoom, self.type, self.device) = (kind, zoom, type, device)
        let transform = Self.transform
        let (bins, width) = (transform.nFFT / 2, Double(transform.sampleRate) / Double(transform.nFFT))
        let filters: FrequencyFilters? =
            switch kind {
            case .spectrogram: nil
            case .logMel, .mfcc, .mel: .mel(96, transform.band, bins: bins, width: width)
            case .chroma: .chroma(tiles: 4, transform.band, bins: bins, width: width)
            // C3 to almost 8 kHz: six octaves.
            case .cqt: .constantQ(96, perOctave: 16, from: 130.81, bins: bins, width: width)
            }
        self.filters = try filters?.matrix(type, on: device)
        spreading = try kind.isDirect ? filters?.spreading(type, on: device) : nil
        cosines =
            try kind == .mfcc
            ? TorchTensor(FrequencyFilters.cosines(96), shape: [96, 96]).to(type).to(device) : nil
    }

    /// How numbers become those of a picture, and back.
    struct Scale {
        var low: Double
        var high: Double

        func pixels(_ values: TorchTensor) throws -> TorchTensor {
            try (values - low) * (SoundPicture.white / (high - low))
        }

        func values(_ pixels: TorchTensor) throws -> TorchTensor {
            try pixels * ((high - low) / SoundPicture.white) + low
        }
    }

    /// A recording as it is looked at.
    struct Recording {
        let levels: TorchTensor
        /// The magnitude whose level is 0.
        let loudest: Double
        /// Of its own picture, where that is changed itself: its least number is 0, its greatest 255.
        let scale: Scale
    }

    /// The levels of a recording's magnitudes `[bin, frame]`, and their scale; `loudest` is the magnitude whose level is 0, the
    /// largest unless said.
    func recording(
        _ magnitudes: [Float], frames: Int, loudest known: Double? = nil
    ) throws -> Recording {
        let bins = Self.transform.nFFT / 2
        let all = try TorchTensor(Array(magnitudes.prefix(bins * frames)), shape: [bins, frames])
            .to(type).to(device)
        let loudest = try known ?? max(all.largest().item(), 1e-30)
        let levels = try ((all * (1 / loudest)).clamped(low: 1e-30).log() * (1 / Self.ln10))
            .clamped(low: Self.floor)
        guard kind.isDirect else {
            return Recording(levels: levels, loudest: loudest, scale: Scale(low: Self.floor, high: 0))
        }
        let shown = try numbers(of: levels)
        let (low, high) = (try shown.smallest().item(), try shown.largest().item())
        return Recording(
            levels: levels, loudest: loudest, scale: Scale(low: low, high: max(high, low + 1e-6)))
    }

    /// The numbers of a direct picture `[rows, columns]` of levels.
    private func numbers(of levels: TorchTensor) throws -> TorchTensor {
        guard let filters else {
            return try levels.unsqueezed(0).unsqueezed(0).averagePooled([zoom, zoom]).squeezed(0).squeezed(0)
        }
        let halved = try Self.halved(filters.matmul(levels))
        // As the paper's 854 columns of 1,712 frames: the two at the edges are cut off.
        let inner = try halved.narrowed(1, from: 1, count: halved.shape[1] - 2)
        return try cosines.map { try $0.matmul(inner) } ?? inner
    }

    /// The mean of each two columns.
    private static func halved(_ rows: TorchTensor) throws -> TorchTensor {
        try rows.unsqueezed(0).averagePooled([2]).squeezed(0)
    }

    /// The columns of a picture of so many frames.
    func columns(of frames: Int) -> Int {
        switch kind {
        case .spectrogram: frames / zoom
        case .logMel, .mfcc: frames / 2 - 2
        case .mel, .chroma, .cqt: frames / 2
        }
    }

    /// The frames that so many columns need.
    func frames(for columns: Int) -> Int {
        switch kind {
        case .spectrogram: columns * zoom
        case .logMel, .mfcc: columns * 2 + 4
        case .mel, .chroma, .cqt: columns * 2
        }
    }

    // MARK: What is changed

    /// The free numbers of a recording: its picture, or the picture of all its levels.
    func free(_ recording: Recording) throws -> TorchTensor {
        try recording.scale.pixels(kind.isDirect ? numbers(of: recording.levels) : recording.levels)
    }

    /// The picture `[1, rows, columns]` of free numbers, differentiable.
    func picture(_ free: TorchTensor) throws -> TorchTensor {
        guard !kind.isDirect, let filters else { return try free.unsqueezed(0) }
        let scale = Scale(low: Self.floor, high: 0)
        let magnitudes = try (scale.values(free) * Self.ln10).exp()
        let bands = try Self.halved(filters.matmul(magnitudes))
        // Smooth at the floor, where a limit would have no slope.
        let levels = try (bands + 1e-4).log() * (1 / Self.ln10)
        return try scale.pixels(levels).unsqueezed(0)
    }

    /// The picture of a recording in the scale of another.
    func picture(_ recording: Recording, as other: Recording) throws -> TorchTensor {
        try picture(other.scale.pixels(kind.isDirect ? numbers(of: recording.levels) : recording.levels))
    }

    /// Noise of the shape of free numbers: evenly from 0 to 255, as published.
    func noise(like free: TorchTensor) throws -> TorchTensor { try free.randomLike(.uniform) * Self.white }

    // MARK: The way back

    /// The magnitudes `[bin, frame]` of changed free numbers, in the content's scale; the bin of half the sample rate is 0.
    ///
    /// - Parameters:
    ///   - free: The free numbers; what lies beyond 0 and 255 becomes the nearest.
    ///   - content: The content.
    ///   - keepsDetail: Whether a direct picture's change is added to the content's levels; else its own numbers are spread
    ///     over bins and frames, as published, and what they do not show is lost.
    /// - Returns: Linear amplitudes.
    /// - Throws: `TorchError`.
    func magnitudes(_ free: TorchTensor, _ content: Recording, keepsDetail: Bool) throws -> [Float] {
        let inside = try free.clamped(low: 0, high: Self.white)
        let frames = content.levels.shape[1]
        var levels: TorchTensor
        if !kind.isDirect {
            levels = try content.scale.values(inside)
        } else if keepsDetail {
            let change = try content.scale.values(inside) - numbers(of: content.levels)
            levels = try content.levels + spread(change, frames: frames, outside: 0)
            // Silence of the content stays silent where nothing is added to it.
            levels = try levels.clamped(high: 0)
        } else {
            levels = try spread(content.scale.values(inside), frames: frames, outside: Self.floor)
        }
        let isHeard = try (levels .> Self.floor + 1e-3).to(type)
        let magnitudes = try (levels * Self.ln10).exp() * isHeard * content.loudest
        return try magnitudes.to(.cpu).to(.f32).contiguous().elements(as: Float.self)
            + [Float](repeating: 0, count: frames)
    }

    /// A direct picture's numbers in all bins and frames.
    private func spread(_ numbers: TorchTensor, frames: Int, outside: Double) throws -> TorchTensor {
        guard let spreading else {
            return try numbers.unsqueezed(0).unsqueezed(0)
                .resized(to: [Self.transform.nFFT / 2, frames]).squeezed(0).squeezed(0)
        }
        let bands = try cosines.map { try $0.transposed(0, 1).matmul(numbers) } ?? numbers
        let edges = try bands.unsqueezed(0).padded([1, 1], with: .replicate)
        let wide = try edges.resized(to: [frames]).squeezed(0)
        let outsides = try TorchTensor(
            spreading.isCovered.map { $0 ? 0 : outside }, shape: [spreading.isCovered.count, 1]
        ).to(type).to(device)
        return try spreading.matrix.matmul(wide) + outsides
    }
}
