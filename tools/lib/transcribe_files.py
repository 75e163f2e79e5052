"""Runs in the environment of a transcriber; `tools/transcribe` starts it.

    transcribe_files.py MODEL MARK < jobs > results

A job is a line of JSON: "audio" and "to" are paths, "truth" is one or null, and with "is_current" what is at "to" is only
compared. A result is one too: "notes", "seconds" and, against the truth, "f1", "precision" and "recall" of onsets within
50 ms and pitches within 50 cents; or "error". MARK becomes the name of the MIDI file's instruments.
"""

import contextlib
import json
import logging
import math
import os
import sys
import time
import types
import warnings

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import command  # noqa: E402


def basic_pitch():
    """A function from a path to pretty_midi's object, by basic-pitch 0.4.0 with its own thresholds."""
    # It lists the runtimes that are not installed.
    logging.disable(logging.WARNING)
    from basic_pitch import FilenameSuffix, build_icassp_2022_model_path
    from basic_pitch.inference import Model, predict

    model = Model(build_icassp_2022_model_path(FilenameSuffix.onnx))
    return lambda path: predict(path, model)[1]


def mel_filters(n_freqs, f_min, f_max, n_mels, sample_rate):
    """What torchaudio.functional.melscale_fbanks gives by default: HTK's mel scale, triangles of height 1, [bin, mel].

    It is the only function of torchaudio that transkun uses.
    """
    import torch

    def mel(hertz):
        return 2595 * math.log10(1 + hertz / 700)

    bins = torch.linspace(0, sample_rate // 2, n_freqs)
    edges = 700 * (10 ** (torch.linspace(mel(f_min), mel(f_max), n_mels + 2) / 2595) - 1)
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - below) / (centre - below)
    falling = (above - bins[:, None]) / (above - centre)
    return torch.minimum(rising, falling).clamp(min=0)


def transkun():
    """A function from a path to pretty_midi's object, by transkun 2.0.1's own checkpoint."""
    stub = types.ModuleType("torchaudio")
    stub.functional = types.SimpleNamespace(melscale_fbanks=mel_filters)
    sys.modules["torchaudio"] = stub
    import soundfile
    import soxr
    import torch
    from transkun import ModelTransformer
    from transkun.Data import writeMidi

    folder = os.path.join(os.path.dirname(ModelTransformer.__file__), "pretrained")
    config = ModelTransformer.TransKun.Config()
    with open(os.path.join(folder, "2.0.conf"), encoding="utf-8") as file:
        config.__dict__.update(json.load(file)["Model"]["config"])
    model = ModelTransformer.TransKun(conf=config)
    state = torch.load(os.path.join(folder, "2.0.pt"), map_location="cpu", weights_only=True)
    model.load_state_dict(state.get("best_state_dict", state.get("state_dict")), strict=False)
    model.eval()

    def transcribe(path):
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if rate != model.fs:
            audio = soxr.resample(audio, rate, model.fs)
        with torch.no_grad():
            return writeMidi(model.transcribe(torch.from_numpy(audio)))

    return transcribe


MODELS = {"basic-pitch": basic_pitch, "transkun": transkun}


def notes(midi, end=None):
    """[N, 2] of seconds and [N] of hertz, of the notes that begin before `end`; drums are left out."""
    import numpy as np

    found = sorted((note.start, max(note.end, note.start + 0.01), note.pitch) for part in midi.instruments if not part.is_drum
                   for note in part.notes if end is None or note.start < end)
    times = np.array([note[:2] for note in found]).reshape(-1, 2)
    return times, 440 * 2 ** ((np.array([note[2] for note in found], float) - 69) / 12)


def score(midi, truth, audio):
    """F1, precision and recall of onsets, over the time that the audio lasts."""
    import librosa
    import mir_eval
    import pretty_midi

    end = librosa.get_duration(path=audio)
    reference, estimate = notes(pretty_midi.PrettyMIDI(truth), end), notes(midi, end)
    if not len(reference[0]) or not len(estimate[0]):
        return {"f1": 0.0, "precision": 0.0, "recall": 0.0}
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(*reference, *estimate, offset_ratio=None)
    return {"f1": f1, "precision": precision, "recall": recall}


def main(name, mark):
    import pretty_midi

    warnings.simplefilter("ignore")
    transcribe = None
    for line in sys.stdin:
        job, begin = json.loads(line), time.monotonic()
        try:
            # The libraries print as they work; the results go to the real standard output.
            with contextlib.redirect_stdout(sys.stderr if os.environ.get("REPRISE_VERBOSE") else open(os.devnull, "w")):
                if job["is_current"]:
                    midi = pretty_midi.PrettyMIDI(job["to"])
                else:
                    transcribe = transcribe or MODELS[name]()
                    midi = transcribe(job["audio"])
                    for part in midi.instruments:
                        part.name = mark
                result = {"notes": sum(len(part.notes) for part in midi.instruments)}
                if job["truth"]:
                    result.update(score(midi, job["truth"], job["audio"]))
                if not job["is_current"]:
                    with command.whole_file(job["to"]) as temporary:
                        midi.write(temporary)
        except Exception as error:  # noqa: BLE001  # a file that cannot be read ends in an error of any library
            result = {"error": f"{type(error).__name__}: {error}" if str(error) else f"it cannot be read ({type(error).__name__})"}
        print(json.dumps({**job, **result, "seconds": time.monotonic() - begin}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
