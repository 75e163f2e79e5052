"""Looks at the page of a comparison and plays what is on it, as a user would."""

import math
import os
import subprocess

import small_music

MANIFEST = """\
version: 1
dataset: compared
sources:
  - {path: "music/*/*.*", labels: {style: "{dir}"}}
midi: {segment: {steps: 16}}
audio: {sample_rate: 8000, segment: {samples: 8192}, features: {mel: {bands: 16, fmax: 4000}}}
splits: {train: 0.4, validation: 0.3, test: 0.3, method: exact, stratify: style, seed: 1}
"""


def wave(seed, harmonics):
    """Three seconds of a note."""
    step = 2 * math.pi * (200 + 20 * seed) / 8000
    return small_music.wave_file([int(6000 * sum(math.sin(step * index * harmonic) for harmonic in range(1, harmonics + 1)))
                                  for index in range(24000)], 8000)


def write_page(binary, folder, name, ending):
    """Builds a dataset of two styles, and compares the outputs of a system; the page's address.

    Outputs have the names of their contents, which are hostile.
    """
    for style, first in (("plain", 0), ("rich", 100)):
        os.makedirs(os.path.join(folder, "music", style))
        os.makedirs(os.path.join(folder, "out", "music", style))
        for number in range(8):
            seed = first + number
            for place, of in ("", seed), ("out", 200 + seed):
                path = os.path.join(folder, place, "music", style, f"{number} {name}{ending}")
                with open(path, "wb") as file:
                    file.write(small_music.midi(of) if ending == ".mid" else wave(number, 1 + 3 * (of >= 100)))
    with open(os.path.join(folder, "m.yaml"), "w", encoding="utf-8") as file:
        file.write(MANIFEST)
    for words in (["build", "m.yaml"], ["compare", "out", "--dataset", "compared", "--style", "rich", "--limit", "2", "--html", "page"]):
        subprocess.run([binary, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return "file://" + os.path.join(folder, "page", "index.html")


def sees_scores(visit, binary, folder, name):
    """Notes: every version of a piece is drawn and heard, the baselines too."""
    browser = visit.browser
    browser.open(write_page(binary, folder, name, ".mid"))
    browser.wait("return [...document.querySelectorAll('.roll canvas')].filter((e) => Roll.of(e)?.drawTime > 0).length === 8")
    cards = browser.run("""
        return [...document.querySelector('.piece').querySelectorAll('.version')].map((card) => [card.querySelector('h4').textContent,
          card.querySelector('p.baseline')?.textContent ?? '', card.querySelectorAll('a').length, card.querySelectorAll('dt').length > 3])""")
    visit.expect(f"a content, an output and two baselines: {cards}", [card[0] for card in cards] == ["content", "out", "target", "rule"])
    visit.expect("the target says what it is", cards[2][1].startswith("a piece of the style: music/rich/") and name in cards[2][1])
    visit.expect("the rule says what it is, and is no file", "velocities" in cards[3][1] and [card[2] for card in cards] == [1, 1, 1, 0])
    visit.expect("each has its measures", all(card[3] for card in cards))
    visit.expect("the rule keeps the pitches and changes the instrument; the target has a time of its own", browser.run("""
        const [content, , target, rule] = [...document.querySelector('.piece').querySelectorAll('canvas')].map((e) => Roll.of(e));
        const pitches = (roll) => String(roll.music.notes.map((note) => note[2]).sort());
        return pitches(content) === pitches(rule) && pitches(content) !== pitches(target) && content.music.parts[0][1] !== rule.music.parts[0][1]
          && content.axis === rule.axis && content.axis !== target.axis"""))
    browser.run("document.querySelector('.piece').scrollIntoView()")
    visit.see("comparison")
    play = ".piece .version:nth-child({}) .controls button"
    for card in (4, 3):
        browser.click(play.format(card))
        browser.wait("return parseFloat(document.querySelector(arguments[0] + ' + span').textContent) > 0.2", play.format(card))
    visit.expect("one is heard at a time", browser.run(
        "return [...document.querySelectorAll('.controls button')].filter((e) => e.textContent.includes('stop')).length === 1"))
    browser.press("escape")
    browser.wait("return [...document.querySelectorAll('.controls button')].every((e) => e.textContent.includes('play'))")


def sees_recordings(visit, binary, folder, name):
    """Recordings: every version has a picture and a player; on a phone, in the dark."""
    browser = visit.browser
    browser.open(write_page(binary, folder, name, ".wav"))
    browser.run("document.querySelector('.piece').scrollIntoView()")
    seconds = browser.run("""
        const audios = [...document.querySelector('.piece').querySelectorAll('audio')];
        return Promise.all(audios.map((audio) => new Promise((done) => {
          for (const event of ['loadedmetadata', 'error']) audio.addEventListener(event, () => done(audio.duration), { once: true });
          audio.preload = 'metadata';
          audio.load();
        })))""")
    visit.expect(f"four sounds of three seconds: {seconds}", len(seconds) == 4 and all(abs(length - 3) < 0.01 for length in seconds))
    for image in range(4):
        browser.run("document.querySelectorAll('.version img')[arguments[0]].scrollIntoView()", image)
        browser.wait("const image = document.querySelectorAll('.version img')[arguments[0]]; return image.complete && image.naturalWidth > 100", image)
    visit.expect("the rule's sound is on the page's folder", browser.run(
        "return document.querySelector('.piece .version:last-child a').getAttribute('href')") == "media/1-3.wav")
    visit.see("phone comparison")
    visit.expect("a phone need not scroll sideways", browser.run("return document.documentElement.scrollWidth <= innerWidth"))
