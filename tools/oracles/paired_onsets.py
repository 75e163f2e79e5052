"""Whether the notes and the recordings of a dataset of pairs are of the same instants, and whether a shift is found.

    python tools/oracles/paired_onsets.py <reprise> <folder with .mid files> <work folder> [count]

Renders MIDI files with a synthesiser of its own (a plucked tone of five partials a note), names each pair in a table,
builds them with `grid: {frames: mel}` and correlates, over all segments of a piece, the number of onsets of each step
with the spectral flux of the stored mel. The lag of the highest correlation must be 0. Then the recordings are delayed
by 50 ms: the lag must be round(0.05 · rate / hop). With that delay in the table's column of offsets it must be 0 again.
The exit status is 1 if any piece differs.
"""

import csv
import json
import pathlib
import subprocess
import sys
import wave

import mido
import numpy as np
from safetensors.numpy import load_file

RATE, HOP, SAMPLES, SECONDS = 22050, 256, 65536, 40
DELAY = 0.05

MANIFEST = """\
version: 1
dataset: {name}
sources:
  - table: {name}.csv
    path: "{{midi}}"
    pair: "{{audio}}"
    offset_seconds: offset
    labels: []
midi:
  grid: {{frames: mel}}
audio:
  sample_rate: {rate}
  segment: {{samples: {samples}}}
  stft: {{n_fft: 1024, hop: {hop}}}
  features: {{mel: {{bands: 80, fmax: 11025}}}}
  normalize: none
splits: {{train: 1, validation: 0, test: 0}}
"""


def notes(path):
    """(seconds, pitch, velocity, seconds it lasts) of every note but drums, as mido reads the file."""
    clock, open_notes, found = 0.0, {}, []
    for message in mido.MidiFile(path, clip=True):
        clock += message.time
        if message.type not in ("note_on", "note_off") or message.channel == 9:
            continue
        key = (message.channel, message.note)
        if message.type == "note_on" and message.velocity > 0:
            open_notes.setdefault(key, []).append((clock, message.velocity))
        elif open_notes.get(key):
            start, velocity = open_notes[key].pop(0)
            found.append((start, message.note, velocity, clock - start))
    return sorted(found)


def render(found, delay):
    """Plucked tones, each on the sample nearest to its onset."""
    length = min(max(start + span for start, _, _, span in found) + 1, SECONDS) + delay
    sound = np.zeros(int(length * RATE))
    for start, pitch, velocity, span in found:
        first = round((start + delay) * RATE)
        count = min(int(max(span, 0.05) * RATE), len(sound) - first, 2 * RATE)
        if count <= 0:
            continue
        time = np.arange(count) / RATE
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        partials = [k for k in range(1, 6) if k * frequency < RATE / 2]
        tone = sum(np.sin(2 * np.pi * k * frequency * time) / k for k in partials)
        attack = np.minimum(time / 0.002, 1) * np.minimum((count - np.arange(count)) / (0.005 * RATE), 1)
        sound[first:first + count] += velocity / 127 * tone * attack * np.exp(-time / 0.4)
    return sound / np.abs(sound).max() * 0.8


def write(path, sound):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def build(program, folder, name, rows):
    with open(folder / f"{name}.csv", "w", newline="") as file:
        csv.writer(file).writerows([("midi", "audio", "offset"), *rows])
    path = folder / f"{name}.yaml"
    path.write_text(MANIFEST.format(name=name, rate=RATE, hop=HOP, samples=SAMPLES))
    cache = folder / "cache"
    run = subprocess.run([program, "build", path, "--cache", cache, "--json"], check=True, stdout=subprocess.PIPE)
    snapshot = json.loads(run.stdout)["snapshot"]
    return cache, json.loads((cache / "objects" / snapshot[:2] / snapshot[2:]).read_bytes())


def lags(cache, snapshot, reach=20):
    """For each MIDI file's hash, the lag in frames at which onsets and flux correlate best."""
    onsets, fluxes = {}, {}
    for shard in (s for split in snapshot["splits"].values() for s in split["shards"]):
        assert shard["kind"] == "paired", shard
        name = cache / "objects" / shard["object"][:2] / shard["object"][2:]
        tensors = load_file(name)
        size = int.from_bytes(name.read_bytes()[:8], "little")
        sources = json.loads(json.loads(name.read_bytes()[8:8 + size])["__metadata__"]["sources"])
        # Magnitudes: a logarithm rises as soon as a window touches an onset, and so before its centre reaches it.
        mel = np.sqrt(tensors["mel"])
        hops = SAMPLES // HOP
        assert mel.shape[2] == tensors["tempo"].shape[1] == hops + 1, (mel.shape, tensors["tempo"].shape)
        for index, source in enumerate(tensors["segment.source"]):
            assert tensors["segment.start"][index] * HOP == tensors["segment.audio_start"][index]
            rows = slice(*tensors["notes.offset"][index:index + 2])
            begins = (tensors["notes.flags"][rows] & 1 == 1) & (tensors["notes.program"][rows] != 128)
            onset = np.bincount(tensors["notes.start"][rows][begins], minlength=hops + 1)
            # Every frame is centred at its instant, so a difference of its two neighbours is centred there too.
            rise = np.maximum(mel[index][:, 2:] - mel[index][:, :-2], 0).sum(axis=0)
            flux = np.concatenate([[0], rise, [0]])
            onsets.setdefault(sources[source], []).append(onset[1:-1].astype(float))
            fluxes.setdefault(sources[source], []).append(flux[1:-1])
    found = {}
    for source in onsets:
        scores = {}
        for lag in range(-reach, reach + 1):
            a = np.concatenate([o[reach:len(o) - reach] for o in onsets[source]])
            b = np.concatenate([f[reach + lag:len(f) - reach + lag] for f in fluxes[source]])
            scores[lag] = np.corrcoef(a, b)[0, 1]
        best = max(scores, key=scores.get)
        found[source] = (best, scores[best], scores[0])
    return found


def main():
    program, source, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    folder.mkdir(parents=True, exist_ok=True)
    rows, names = [], []
    for path in sorted(source.rglob("*.mid")):
        if len(names) == count:
            break
        found = [note for note in notes(path) if note[0] < SECONDS]
        if len(found) < 50:
            continue
        name = f"{len(names):02}"
        (folder / f"{name}.mid").write_bytes(path.read_bytes())
        write(folder / f"{name}.wav", render(found, 0))
        write(folder / f"{name}-late.wav", render(found, DELAY))
        names.append(name)
    shift = round(DELAY * RATE / HOP)
    failed = False
    for dataset, ending, offset, expected in (
            ("aligned", ".wav", 0, 0), ("delayed", "-late.wav", 0, shift), ("corrected", "-late.wav", DELAY, 0)):
        rows = [(f"{name}.mid", name + ending, offset) for name in names]
        found = lags(*build(program, folder, dataset, rows))
        good = sum(lag == expected for lag, _, _ in found.values())
        failed |= good != count or len(found) != count
        least = min(score for _, score, _ in found.values())
        print(f"{dataset}: lag {expected} on {good} of {len(found)} pieces; correlation there at least {least:.3f}")
        for key, (lag, score, zero) in found.items():
            if lag != expected:
                print(f"  {key[:12]}: lag {lag} ({score:.3f}), at 0 {zero:.3f}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
