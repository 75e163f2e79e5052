"""Chord charts by seed: songs of 16 to 32 bars in 4/4, in sections that begin, lead away and close as songs do.

A section has 8 bars (a chorus of a blues 12). Its chords are a walk by `NEXT`, which says what may follow what in each
mode, held to a beginning and to a cadence at its end; they are written in numerals, such as "ii" and "V7", and spelled in
the song's key. Everything follows from the seed and Python's `random.Random`, whose numbers are the same everywhere.
"""

import dataclasses
import random

BEATS = 4
LETTERS = "CDEFGAB"
NATURALS = [0, 2, 4, 5, 7, 9, 11]
# Twelve tonics in each mode, so that a set of songs is spread over 24 keys.
TONICS = {
    "major": ["C", "G", "D", "A", "E", "B", "F#", "F", "Bb", "Eb", "Ab", "Db"],
    "minor": ["A", "E", "B", "F#", "C#", "G#", "D", "G", "C", "F", "Bb", "Eb"],
}
# Numerals of the major scale's degrees; a "b" lowers one. Lower case is minor, "o" half-diminished, "7" a dominant.
NUMERALS = ["I", "II", "III", "IV", "V", "VI", "VII"]
SCALE = [0, 2, 4, 5, 7, 9, 11]

# What may follow each chord; what is written twice is twice as likely.
NEXT = {
    "major": {
        "I": "IV IV vi vi ii ii iii V7 I7 VI7 II7 bVII III7", "I7": "IV IV iv", "ii": "V7 V7 V7 bII7 iii iv", "iii": "vi vi VI7 IV",
        "IV": "V7 V7 I ii iv iii bVII", "iv": "I I bVII V7", "V7": "I I I vi iii", "vi": "ii ii IV IV II7 iii V7",
        "VI7": "ii ii II7", "II7": "V7 ii", "III7": "vi vi VI7", "bVII": "IV I", "bII7": "I",
    },
    "minor": {
        "i": "iv iv bVI bVI iio bIII bVII v V7 I7", "I7": "iv", "iv": "V7 V7 i bVII bVII iio", "iio": "V7 V7 V7 bII7",
        "bIII": "bVI bVI bVII iv iio", "v": "bVI iv", "bVI": "iv iio V7 bIII bVII II7", "bVII": "bIII bIII i bVI", "V7": "i i i bVI",
        "II7": "V7", "bII7": "i",
    },
}
HOME = {"major": "I", "minor": "i"}
AWAY = {"major": "IV vi ii iii III7 iv", "minor": "iv bVI bIII v bVII"}
# What comes before a tonic at the end of a section.
CADENCES = {"major": ["V7", "V7", "V7", "iv", "bII7", "bVII"], "minor": ["V7", "V7", "V7", "bII7", "bVII"]}
# Bars of a blues, with what each may hold.
BLUES = {
    "major": ["I7", "IV7|I7", "I7", "I7|v+I7", "IV7", "IV7|iv", "I7|iii", "I7|VI7|iii+VI7", "ii|V7|II7", "V7|IV7|bII7", "I7|I7+VI7",
              "V7|ii+V7|I7"],
    "minor": ["i", "iv|i", "i", "i|I7", "iv", "iv|bVII", "i|bIII", "i|bVI", "bVI|iio|II7", "V7", "i|i+bVI", "V7|iio+V7|i"],
}
# Sections by letter: an A begins at home, a B leads away, a C is another A.
FORMS = ["AABA", "ABAC", "ABAB", "AAB", "ABA", "AB", "AA", "blues"]
FORM_WEIGHTS = [6, 4, 3, 3, 3, 2, 1, 1]

# How a song writes each quality: it chooses one of each.
COLOURS = {
    "major": ["", "", "6", "M7"], "minor": ["m", "m7"], "half": ["m7b5"], "dominant": ["7", "7", "9"],
}


@dataclasses.dataclass
class Song:
    """A chart: `bars` are lists of (chord, beats), `numerals` the same chords in any key."""

    name: str
    tonic: str
    mode: str
    form: str
    tempo: int
    seed: int
    bars: list
    numerals: list

    @property
    def key(self):
        return f"{self.tonic} {self.mode}"


def spelled(tonic, numeral):
    """A numeral's root as a note, and its quality: ("Bb", "dominant") of "bVII7" in C."""
    flat = numeral.startswith("b")
    text = numeral[1:] if flat else numeral
    half, dominant = text.endswith("o"), text.endswith("7")
    text = text.rstrip("o7")
    degree = NUMERALS.index(text.upper())
    step = SCALE[degree] - flat
    letter = (LETTERS.index(tonic[0]) + degree) % 7
    home = NATURALS[LETTERS.index(tonic[0])] + tonic.count("#") - tonic.count("b")
    sign = (home + step - NATURALS[letter] + 6) % 12 - 6
    if abs(sign) > 1 or LETTERS[letter] + ("b" if sign < 0 else "#") * abs(sign) in ("Cb", "Fb", "E#", "B#"):
        letter = (letter + (1 if sign > 0 else -1)) % 7
        sign = (home + step - NATURALS[letter] + 6) % 12 - 6
    quality = "half" if half else "dominant" if dominant else "minor" if text.islower() else "major"
    return LETTERS[letter] + ("b" if sign < 0 else "#") * abs(sign), quality


def section(rng, mode, start, end, busy):
    """The numerals of 8 bars: from one of `start` to a half cadence ("half") or to the tonic ("close").

    `busy` is how often a bar has two chords.
    """
    home, follow = HOME[mode], NEXT[mode]
    while True:
        counts = [2 if rng.random() < busy else 1 for _ in range(7)] + [1]
        # On the first and the third bar of a phrase a chord may last for two.
        for place in (0, 2, 4):
            if counts[place] == counts[place + 1] == 1 and rng.random() < 0.15:
                counts[place + 1] = 0
        chords = [rng.choice(start)]
        while len(chords) < sum(counts):
            chords.append(rng.choice(follow[chords[-1]].split()))
        before = rng.choice(CADENCES[mode])
        good = chords[-1] == "V7" if end == "half" else chords[-1] == home and chords[-2] == before
        # A chord that returns at once, twice over, sounds like a fault.
        if good and all(chords[i:i + 2] != chords[i + 2:i + 4] for i in range(len(chords) - 3)):
            bars, taken = [], 0
            for count in counts:
                bars.append(chords[taken:taken + count] or list(bars[-1]))
                taken += count
            return bars


def sections(rng, mode, form, busy):
    """The numerals of each section, bar by bar."""
    if form == "blues":
        chorus = [rng.choice(bar.split("|")).split("+") for bar in BLUES[mode]]
        return [chorus, [rng.choice(bar.split("|")).split("+") for bar in BLUES[mode]]]
    made = {}
    for letter in sorted(set(form)):
        start = AWAY[mode].split() if letter == "B" else [HOME[mode]]
        made[letter] = section(rng, mode, start, "half" if letter == "B" and not form.endswith("B") else "close", busy)
    return [[list(bar) for bar in made[letter]] for letter in form]


def numerals(rng, mode, form, busy):
    """The numerals of the whole song: it ends at home, and a section that ends there may lead back to the next."""
    parts, home = sections(rng, mode, form, busy), HOME[mode]
    leads_back = rng.random() < 0.6
    for part in parts[:-1]:
        if part[-1] == [home] and leads_back:
            part[-1] = [home, "V7"]
    if form == "blues":
        parts[-1][-2:] = [["V7"], [home]]
    return [bar for part in parts for bar in part]


def draw(seed, number, tonic, mode):
    """Draft `number` of a seed, in a key."""
    rng = random.Random(f"{seed} {number}")
    form = rng.choices(FORMS, FORM_WEIGHTS)[0]
    colour = {quality: rng.choice(ways) for quality, ways in COLOURS.items()}
    if form == "blues":
        colour["dominant"] = "7"

    def written(numeral):
        root, quality = spelled(tonic, numeral)
        return root + colour[quality]

    drawn = numerals(rng, mode, form, rng.choice([0.1, 0.25, 0.4]))
    bars = [[(written(each), BEATS // len(bar)) for each in bar] for bar in drawn]
    return Song("", tonic, mode, form, rng.randrange(96, 161, 4), rng.randrange(1, 1 << 30), bars, drawn)


def passages(song, length=4):
    """Each run of four bars of a song, in any key; of a blues in its own, since most are alike but for that."""
    where = song.key if song.form == "blues" else song.mode
    return {f"{where} {song.numerals[i:i + length]}" for i in range(len(song.numerals) - length + 1)}


def songs(seed, count):
    """`count` songs, spread over the keys, no two of which share four bars in a row (see `passages`)."""
    rng = random.Random(f"keys of {seed}")
    # Two songs in major for each in minor.
    keys = {mode: rng.sample(tonics, len(tonics)) for mode, tonics in TONICS.items()}
    made, seen, draft = [], set(), 0
    while len(made) < count:
        mode = "minor" if len(made) % 3 == 2 else "major"
        tonic = keys[mode][len(made) // 3 % 12 if mode == "minor" else (len(made) - len(made) // 3) % 12]
        song = draw(seed, draft, tonic, mode)
        draft += 1
        own = passages(song)
        if not own & seen:
            seen |= own
            made.append(dataclasses.replace(song, name=f"song-{len(made) + 1:03d}"))
    return made


def mma(song, groove):
    """The chart in MMA's language."""
    lines = [
        f"// {song.key}, {song.form}, {len(song.bars)} bars", f"RndSeed {song.seed}", f"KeySig {song.tonic} {song.mode.title()}",
        f"Groove {groove}", f"Tempo {song.tempo}",
    ]
    for number, bar in enumerate(song.bars, 1):
        beats = [name if beat == 0 else "/" for name, length in bar for beat in range(length)]
        while beats[-1] == "/":
            beats.pop()
        lines.append(f"{number} {' '.join(beats)}")
    return "\n".join(lines) + "\n"
