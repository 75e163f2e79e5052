"""Makes the corpora of the benchmarks from a folder of real music, outside the repository.

    midi/      1,000 MIDI files, no two alike; where there are fewer, some again with another tempo
    audio44/   20 minutes at 44,100 Hz, stereo: WAV, FLAC, Ogg Vorbis, MP3 in turn
    audio48/   10 minutes at 48,000 Hz, the same
    scale-N/   N small MIDI files

An existing corpus is kept; remove its folder to make it again.
"""

import hashlib
import itertools
import os
import random
import shutil
import struct
import subprocess

MIDI, AUDIO = (".mid", ".midi"), (".wav", ".flac", ".ogg", ".mp3")
SECONDS = 150
CODECS = {
    "wav": ["-c:a", "pcm_s16le"],
    "flac": ["-c:a", "flac", "-sample_fmt", "s16"],
    "ogg": ["-c:a", "libvorbis", "-q:a", "5"],
    "mp3": ["-c:a", "libmp3lame", "-b:a", "192k"],
}


def listed(folder, endings):
    """The files below a folder, sorted; folders of malformed files are skipped."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "torture")
        found += [os.path.join(place, name) for name in names if name.lower().endswith(endings)]
    return sorted(found)


def whole(folder, make):
    """Makes a folder under another name first, so that what is there is whole."""
    if not os.path.isdir(folder):
        part = folder + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        make(part)
        os.rename(part, folder)
    return folder


def midi(music, work):
    """The MIDI corpus; files are chosen by their hash, so that every kind is in it."""

    def make(folder):
        chosen = {}
        for path in listed(music, MIDI):
            with open(path, "rb") as file:
                raw = file.read()
            if raw[:4] == b"MThd":
                chosen.setdefault(hashlib.sha256(raw).hexdigest(), raw)
        if not chosen:
            raise SystemExit(f"no MIDI files below {music}")
        kept = [chosen[digest] for digest in sorted(chosen)[:1000]]
        own = len(kept)
        for index in range(20 * own):
            if len(kept) == 1000:
                break
            # Each round over the files has a tempo of its own.
            again = edited(kept[index % own], 0.99 - 0.01 * (index // own))
            if again:
                kept.append(again)
        for index, raw in enumerate(kept):
            with open(f"{folder}/{index:04}.mid", "wb") as file:
                file.write(raw)

    return whole(f"{work}/midi", make)


def audio(music, work, rate, count):
    """An audio corpus: recordings joined to files of 150 s each, in each format in turn."""

    def make(folder):
        paths = listed(music, AUDIO)
        random.Random(7).shuffle(paths)
        lengths = {path: duration(path) for path in paths}
        paths = [path for path in paths if lengths[path] > 5]
        if not paths:
            raise SystemExit(f"no audio of more than 5 s below {music}")
        turn = itertools.cycle(paths)
        for index, ending in zip(range(count), itertools.cycle(CODECS)):
            parts, seconds = [], 0.0
            while seconds < SECONDS + 1:
                parts.append(next(turn))
                seconds += lengths[parts[-1]]
            join(parts, rate, CODECS[ending], f"{folder}/{index:02}.{ending}")

    return whole(f"{work}/audio{rate // 1000}", make)


def duration(path):
    words = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    try:
        return float(found)
    except ValueError:
        return 0.0


def join(parts, rate, codec, out):
    words = ["ffmpeg", "-v", "error", "-nostdin", "-bitexact"]
    for part in parts:
        words += ["-i", part]
    same = f"aresample={rate},aformat=sample_fmts=fltp:channel_layouts=stereo"
    graph = "".join(f"[{i}:a:0]{same}[p{i}];" for i in range(len(parts)))
    graph += "".join(f"[p{i}]" for i in range(len(parts)))
    graph += f"concat=n={len(parts)}:v=0:a=1,atrim=0:{SECONDS}[all]"
    subprocess.run(words + ["-filter_complex", graph, "-map", "[all]", *codec, out], check=True)


def small(work, count):
    """Many small MIDI files of 32 notes each, no two alike, a thousand to a folder."""

    def make(folder):
        for index in range(count):
            if index % 1000 == 0:
                os.makedirs(f"{folder}/{index // 1000:03}")
            dice = random.Random(index)
            track = b"\x00\xff\x51\x03" + struct.pack(">I", dice.randrange(300_000, 900_000))[1:]
            for _ in range(32):
                pitch = dice.randrange(36, 96)
                track += bytes([0, 0x90, pitch, dice.randrange(1, 128), 120, 0x80, pitch, 64])
            track += b"\x00\xff\x2f\x00"
            header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
            with open(f"{folder}/{index // 1000:03}/{index:06}.mid", "wb") as file:
                file.write(header + b"MTrk" + struct.pack(">I", len(track)) + track)

    return whole(f"{work}/scale-{count}", make)


def edited(raw, factor):
    """A MIDI file with its first tempo changed, which changes every step's tempo; nil without one."""
    at = raw.find(b"\xff\x51\x03")
    if at < 0:
        return None
    tempo = int.from_bytes(raw[at + 3 : at + 6], "big")
    changed = min(max(int(tempo * factor), 1), 0xFFFFFF)
    return raw[: at + 3] + changed.to_bytes(3, "big") + raw[at + 6 :]
