"""What `tools/render` needs beside FluidSynth: soundfonts by name, WAV files, and FLAC files made of them."""

import array
import os
import shutil
import subprocess
import sys
import wave

import command

# Where the distributions install soundfonts.
FOLDERS = ("/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/sounds/sf2", "/opt/homebrew/share/sounds/sf2")
PACKAGES = {"TimGM6mb": "timgm6mb-soundfont", "FluidR3_GM": "fluid-soundfont-gm"}


def font(name):
    """The path of a soundfont, by its name or its file."""
    if os.path.isfile(name):
        return os.path.realpath(name)
    for folder in FOLDERS:
        path = os.path.join(folder, f"{name}.sf2")
        if os.path.isfile(path):
            return os.path.realpath(path)
    package = PACKAGES.get(name)
    if package:
        raise command.Stop(f"the soundfont {name} is not installed", f"on Debian and Ubuntu: apt-get install {package}")
    raise command.Stop(f"there is no soundfont {name}: neither a file nor one of {', '.join(PACKAGES)}")


def flac_encoder():
    """The start of a command that makes a FLAC file of a WAV file; the two paths follow in `encode`."""
    for name in ("flac", "ffmpeg"):
        found = shutil.which(name)
        if found:
            return found
    raise command.Stop("FLAC needs flac or ffmpeg", "on Debian and Ubuntu: apt-get install flac", "or write WAV: --format wav")


def encode(encoder, source, target):
    """Makes a FLAC file whose bytes depend on the samples and the encoder's version alone."""
    if os.path.basename(encoder).startswith("flac"):
        words = [encoder, "--silent", "--force", "--no-padding", "-o", target, source]
    else:
        words = [encoder, "-v", "error", "-y", "-i", source, "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "flac", target]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def peak(data):
    """The largest magnitude of samples of 16 bits."""
    samples = array.array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(max(samples), -min(samples))


def write_wav(target, data, rate, mono=False):
    """Writes samples of 16 bits in two channels, lowest byte first, as a WAV file; `mono` is their mean, rounded down."""
    if mono:
        samples = array.array("h", data)
        if sys.byteorder == "big":
            samples.byteswap()
        mixed = array.array("h", (left + right >> 1 for left, right in zip(samples[::2], samples[1::2])))
        if sys.byteorder == "big":
            mixed.byteswap()
        data = mixed.tobytes()
    with wave.open(target, "wb") as file:
        file.setnchannels(1 if mono else 2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data)
