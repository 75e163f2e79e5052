internal import Audio
public import Files
public import Symbolic

extension RecordingCut {
    /// How the manifest's audio block cuts the recording of a pair; nil without both blocks.
    ///
    /// The offset is when the score begins in the recording, in microseconds.
    public init?(_ manifest: Manifest, offset: Int) {
        guard let audio = manifest.audio, let midi = manifest.midi else { return nil }
        let parameters = AudioParameters(audio)
        self.init(
            sampleRate: audio.sampleRate, hop: audio.hop, frameHop: audio.stft.hopLength,
            frames: parameters.frameCount, firstFrame: audio.stft.center ? 0 : audio.stft.nFFT / 2,
            offset: offset, stepsAreFrames: midi.followsFrames)
    }

    /// The cut in a stage's parameters.
    public var json: JSONValue {
        [
            "sample_rate": JSONValue(sampleRate), "hop": JSONValue(hop), "frame_hop": JSONValue(frameHop),
            "frames": JSONValue(frames), "first_frame": JSONValue(firstFrame),
            "offset_us": JSONValue(offset), "steps_are_frames": .bool(stepsAreFrames),
        ]
    }
}
