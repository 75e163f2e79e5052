#!/usr/bin/env python3
"""How good sound is that is made of spectra: ours (`InversionRoundTrip`) beside librosa's, on whole recordings.

    round_trip.py RECORDING… [--program FILE] [--work FOLDER] [--picture FILE]

Four tables, in Markdown:

1. Griffin-Lim from the true magnitudes, random phases, equal iterations and momentum: spectral convergence,
   20 log10(‖|X| − S‖ / ‖S‖), over all frames of the recording.
2. Seams. The spectral flux of a frame, ‖|X_t| − |X_{t−1}|‖, over the content's in the same frame, in dB; the mean over
   frames at joins less the mean elsewhere. It is compared with 2,000 random shifts of the joins within each recording,
   and with blocks inverted by themselves and cross-faded.
3. Non-negative least squares: the first segment of each recording, ours beside `librosa.feature.inverse.mel_to_stft`.
4. Round trips by the number of bands. Log-spectral distance: the mean over frames of the root mean square over bins of the
   difference in dB, levels more than 80 dB below the recording's greatest left at that floor.

Recordings are mono at 44,100 Hz, n_fft 2048, hop 512. All times are of one thread. What a run finds is kept in `--work`, and
read again by the next.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import zlib

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import librosa  # noqa: E402
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

RATE, N_FFT, HOP, ITERATIONS = 44100, 2048, 512, 32
# Bands, and the phases that Griffin-Lim starts from.
TRIPS = ((64, "random"), (128, "random"), (256, "random"), (256, "content"), (512, "random"))


def magnitudes(y):
    return np.abs(librosa.stft(y, n_fft=N_FFT, hop_length=HOP))


def convergence(found, wanted):
    return float(20 * np.log10(np.linalg.norm(found - wanted) / np.linalg.norm(wanted)))


def log_spectral_distance(found, wanted):
    floor = wanted.max() * 1e-4
    difference = 20 * np.log10(np.maximum(found, floor) / np.maximum(wanted, floor))
    return float(np.mean(np.sqrt(np.mean(difference**2, axis=0))))


def flux(s):
    return np.linalg.norm(np.diff(s, axis=1, prepend=s[:, :1]), axis=0)


class Recording:
    """One recording and what is made of it."""

    def __init__(self, path, options):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.path, self.options = path, options

    def ours(self, *words):
        """Our sound of it, the content, and what the program printed."""
        out = f"{self.options.work}/{self.name}.wav"
        made = subprocess.run(
            [self.options.program, self.path, "--out", out, *map(str, words)], check=True, capture_output=True
        )
        y, x = (soundfile.read(p, dtype="float32")[0] for p in (out, out[:-4] + ".content.wav"))
        for p in (out, out[:-4] + ".content.wav"):
            os.unlink(p)
        return y, x, json.loads(made.stdout)

    def measure(self):
        """Everything but the comparison of least squares."""
        result = {"name": self.name}
        y, x, said = self.ours("--magnitudes")
        wanted = magnitudes(x)
        result["seconds"] = len(x) / RATE
        begin = time.process_time()
        theirs = librosa.griffinlim(
            wanted, n_iter=ITERATIONS, hop_length=HOP, momentum=0.99, init="random", length=len(x), random_state=0
        )
        seconds = time.process_time() - begin
        result["librosa"] = {"convergence": convergence(magnitudes(theirs), wanted), "seconds": seconds}
        result["ours"] = {"convergence": convergence(magnitudes(y), wanted), "seconds": said["griffin_lim_seconds"]}
        y, _, said = self.ours("--magnitudes", "--block", 128)
        result["small"] = {"convergence": convergence(magnitudes(y), wanted)}
        result["joins"] = said["joins"]
        result["flux"] = self.relative_flux(y, wanted)
        y, _, _ = self.ours("--magnitudes", "--block", 128, "--alone")
        result["alone"] = {"convergence": convergence(magnitudes(y), wanted)}
        result["flux_alone"] = self.relative_flux(y, wanted)
        result["bands"] = {}
        for bands, phases in TRIPS:
            y, _, said = self.ours("--bands", bands, "--phases", phases)
            found = magnitudes(y)
            result["bands"][f"{bands} {phases}"] = {
                "convergence": convergence(found, wanted),
                "distance": log_spectral_distance(found, wanted),
                "mel_seconds": said["mel_seconds"],
                "seconds": said["griffin_lim_seconds"],
            }
        return result

    @staticmethod
    def relative_flux(y, wanted):
        """In dB over the content's; nothing where the content is silent or still."""
        own = flux(wanted)
        ratio = 20 * np.log10((flux(magnitudes(y)) + 1e-9) / (own + 1e-9))
        return [float(r) if o > 1e-3 * own.max() else None for r, o in zip(ratio, own)]

    def compare_least_squares(self):
        """The first segment's mel, solved by both."""
        file = f"{self.options.work}/{self.name}.safetensors"
        y, x, _ = self.ours("--seconds", 3, "--spectra", file)
        data = load_file(file)
        os.unlink(file)
        mel, ours = data["mel"], data["magnitudes"]
        segment = np.pad(x, (0, max(0, 131072 - len(x))))[:131072]
        truth = magnitudes(segment)
        begin = time.process_time()
        theirs = librosa.feature.inverse.mel_to_stft(mel, sr=RATE, n_fft=N_FFT)
        seconds = time.process_time() - begin
        bank = librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=256)
        result = {"librosa_seconds": seconds}
        for name, s in (("ours", ours), ("librosa", theirs)):
            residual = np.linalg.norm(bank @ s**2 - mel) / np.linalg.norm(mel)
            result[name] = {
                "residual": float(20 * np.log10(residual + 1e-12)),
                "distance": log_spectral_distance(s, truth),
                "convergence": convergence(s, truth),
            }
        return result, (truth, ours, theirs)


def write_picture(path, spectra):
    """Spectrograms side by side as grey levels, 80 dB from white to black, up to half the band, low bins below."""
    top = max(s.max() for s in spectra)
    panels = []
    for s in spectra:
        level = np.clip(20 * np.log10(np.maximum(s[: N_FFT // 4], top * 1e-4) / top) / -80, 0, 1)
        # 16 levels compress well.
        panels += [(np.rint(level[::-1] * 15) * 17).astype(np.uint8), np.full((N_FFT // 4, 6), 255, np.uint8)]
    image = np.concatenate(panels[:-1], axis=1)

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    size = image.shape[1].to_bytes(4, "big") + image.shape[0].to_bytes(4, "big")
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + bytes([8, 0, 0, 0, 0])))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def seam_statistic(results, key, dice=None):
    """Mean relative flux of the frames at joins less that of the others, pooled; joins shifted at random with `dice`."""
    at, elsewhere = [], []
    for result in results:
        values = np.array([np.nan if v is None else v for v in result[key]])
        marks = np.zeros(len(values), bool)
        shift = 0 if dice is None else int(dice.integers(len(values)))
        for join in result["joins"]:
            # The carried frames, from the first on which the new block has a say to the last.
            marks[(np.arange(join, join + 17) + shift) % len(values)] = True
        at.append(values[marks & ~np.isnan(values)])
        elsewhere.append(values[~marks & ~np.isnan(values)])
    return float(np.mean(np.concatenate(at)) - np.mean(np.concatenate(elsewhere)))


def mean(values):
    return float(np.mean(list(values)))


def print_tables(results, squares):
    print(f"{len(results)} recordings, {sum(r['seconds'] for r in results) / 60:.1f} minutes; {ITERATIONS} iterations.\n")
    print("| recording | seconds | ours, dB | blocks of 128 frames | blocks by themselves | librosa, dB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for r in results:
        numbers = " | ".join(f"{r[k]['convergence']:.1f}" for k in ("ours", "small", "alone", "librosa"))
        print(f"| {r['name']} | {r['seconds']:.0f} | {numbers} |")
    numbers = " | ".join(f"{mean(r[k]['convergence'] for r in results):.2f}" for k in ("ours", "small", "alone", "librosa"))
    print(f"| mean | | {numbers} |")
    gap = np.array([r["ours"]["convergence"] - r["librosa"]["convergence"] for r in results])
    draws = np.random.default_rng(0).choice(gap, (10_000, len(gap))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    print(f"\nours less librosa: {gap.mean():+.2f} dB, 95 % {low:+.2f} to {high:+.2f} by a bootstrap over recordings")
    whole = sum(r["seconds"] for r in results)
    for k in ("ours", "librosa"):
        print(f"\n{k}: {sum(r[k]['seconds'] for r in results) / whole * 60:.2f} s a minute of sound")

    print("\n| seams | at joins less elsewhere, dB | 2,000 shifts: mean, 5 % to 95 % | share of shifts as far off |")
    print("| --- | --- | --- | --- |")
    joined = [r for r in results if r["joins"]]
    for key, name in (("flux", "carried phases"), ("flux_alone", "blocks by themselves")):
        found = seam_statistic(joined, key)
        dice = np.random.default_rng(0)
        shifts = np.array([seam_statistic(joined, key, dice) for _ in range(2000)])
        low, high = np.quantile(shifts, (0.05, 0.95))
        share = np.mean(np.abs(shifts - shifts.mean()) >= abs(found - shifts.mean()))
        print(f"| {name} | {found:+.2f} | {shifts.mean():+.2f}, {low:+.2f} to {high:+.2f} | {share:.3f} |")
    print(f"\n{sum(len(r['joins']) for r in joined)} joins")

    if squares:
        print("\n| least squares, 256 bands | residual of the mel, dB | log-spectral distance, dB | convergence, dB |")
        print("| --- | --- | --- | --- |")
        for name in ("ours", "librosa"):
            keys = ("residual", "distance", "convergence")
            print(f"| {name} | " + " | ".join(f"{mean(s[name][k] for s in squares):.2f}" for k in keys) + " |")
        print(f"\nlibrosa: {mean(s['librosa_seconds'] for s in squares):.1f} s a segment of 2.97 s; n = {len(squares)}")

    print("\n| bands | phases from | convergence, dB | log-spectral distance, dB | mel to magnitudes | Griffin-Lim |")
    print("| --- | --- | --- | --- | --- | --- |")
    for bands, phases in TRIPS:
        rows = [r["bands"][f"{bands} {phases}"] for r in results]
        times = [sum(r[k] for r in rows) / whole * 60 for k in ("mel_seconds", "seconds")]
        print(
            f"| {bands} | {phases} | {mean(r['convergence'] for r in rows):.2f} | "
            f"{mean(r['distance'] for r in rows):.2f} | {times[0]:.2f} s a minute | {times[1]:.2f} s a minute |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../..")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--program", default=f"{root}/.build/release/InversionRoundTrip")
    parser.add_argument("--work", default="/tmp/round-trip", help="folder for what was found and for passing files")
    parser.add_argument("--squares", type=int, default=8, help="recordings whose least squares are compared")
    parser.add_argument("--picture", help="PNG of one segment: the truth, ours, librosa's least squares")
    options = parser.parse_args()
    if not os.path.exists(options.program):
        sys.exit(f"{options.program} is not there; build it: swift build -c release --product InversionRoundTrip")
    os.makedirs(options.work, exist_ok=True)
    results, squares = [], []
    for number, path in enumerate(options.recordings):
        recording = Recording(path, options)
        kept = f"{options.work}/{recording.name}.json"
        if os.path.exists(kept):
            with open(kept) as file:
                results.append(json.load(file))
        else:
            results.append(recording.measure())
            with open(kept, "w") as file:
                json.dump(results[-1], file)
        if number < options.squares:
            kept = f"{options.work}/{recording.name}.squares.json"
            wants_picture = options.picture and number == 0
            if os.path.exists(kept) and not wants_picture:
                with open(kept) as file:
                    squares.append(json.load(file))
            else:
                found, spectra = recording.compare_least_squares()
                squares.append(found)
                with open(kept, "w") as file:
                    json.dump(found, file)
                if wants_picture:
                    write_picture(options.picture, spectra)
        print(f"{number + 1} of {len(options.recordings)}: {recording.name}", file=sys.stderr)
    print_tables(results, squares)


if __name__ == "__main__":
    main()
