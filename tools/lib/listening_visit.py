"""Takes a listening test by the keyboard, as a listener would, and reads the answers back."""

import json
import math
import os
import subprocess
import time

import small_music


def make_scores(folder):
    """Contents, the outputs of two systems, and examples of a style."""
    for place, name in enumerate(("contents", "one", "two", "examples")):
        os.makedirs(os.path.join(folder, name))
        for piece in range(3):
            with open(os.path.join(folder, name, f"{piece}.mid"), "wb") as file:
                file.write(small_music.midi(100 * place + piece))


def make_recordings(folder):
    """The same as recordings of four seconds; those of `two` are 20 dB softer."""
    for place, (name, level) in enumerate((("contents", 0.5), ("one", 0.5), ("two", 0.05))):
        os.makedirs(os.path.join(folder, name))
        for piece in range(2):
            step = 2 * math.pi * (220 + 60 * place + 30 * piece) / 8000
            samples = [int(32767 * level * math.sin(step * index)) for index in range(32000)]
            with open(os.path.join(folder, name, f"{piece}.wav"), "wb") as file:
                file.write(small_music.wave_file(samples, 8000))


def write_page(binary, folder, *options):
    """Writes the page of a test, and gives its address and its key."""
    subprocess.run([binary, "listen", "one", "two", "--contents", "contents", "--html", "page", *options],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "page.key.json"), encoding="utf-8") as file:
        key = json.load(file)
    with open(os.path.join(folder, "page", "index.html"), encoding="utf-8") as file:
        html = file.read()
    for secret in ("one/", "two/", '"one"', '"two"'):
        if secret in html:
            raise AssertionError(f"the page says {secret}")
    return "file://" + os.path.join(folder, "page", "index.html"), key


def enter(browser, code):
    """Types the listener's code where the page has the focus or gets it by a click, and starts."""
    browser.click("#listener")
    browser.run("document.querySelector('#listener').value = ''")
    for letter in code:
        browser.press(letter)
    browser.press("enter")
    browser.wait("return !document.querySelector('#trial').hidden")


def answer(browser, trial, expect):
    """Hears A and B, and prefers the system `one`; the right side where there is one."""
    expect("no answer counts before both are heard", browser.run("return document.querySelector('fieldset').disabled"))
    for key in "ab":
        browser.press(key)
        browser.wait("return document.querySelector(`#players [data-key=${arguments[0]}]`).ariaPressed === 'true'", key)
    side = trial["right"] or ("b" if trial["b"] == "one" else "a")
    for _ in trial["questions"]:
        browser.press("1" if side == "a" else "2")
    browser.wait("return !document.querySelector('#next').disabled")
    browser.press("enter")


def save(browser, folder, name):
    """Downloads the answers as a listener does, and gives the file's path once it is whole."""
    downloads = os.path.join(folder, "downloads")
    os.makedirs(downloads)
    browser.download_to(downloads)
    browser.click("#save")
    end = time.monotonic() + 20
    # An unfinished download has another name.
    while os.listdir(downloads) != [name]:
        if time.monotonic() > end:
            raise AssertionError(f"there is no {name} after 20 s, but {os.listdir(downloads)}")
        time.sleep(0.05)
    return os.path.join(downloads, name)


def takes_a_test(visit, binary, folder):
    """Scores: every trial by keys, with a break; the reader of answers finds the preference."""
    browser = visit.browser
    make_scores(folder)
    address, key = write_page(binary, folder, "--examples", "examples")
    browser.open(address)
    visit.see("listening start")
    enter(browser, "l-1")
    for number, trial in enumerate(key["trials"]):
        browser.wait("return document.querySelector('#progress').textContent.startsWith(arguments[0])", f"Trial {number + 1} ")
        if number == 4:
            # A listener who comes back continues with the same trial.
            browser.open(address)
            visit.expect("the code is still known", browser.run("return document.querySelector('#listener').value") == "l-1")
            enter(browser, "l-1")
            browser.wait("return document.querySelector('#progress').textContent.startsWith('Trial 5 ')")
            browser.press("a")
            browser.wait("return document.querySelector('#time').textContent === '0:01'")
            browser.press("b")
            # A sound that started again would be at less than a second.
            browser.wait("return Sound.time < 0.5")
            visit.expect("B continues where A was", browser.run("return document.querySelector('#time').textContent") >= "0:01")
            visit.see("listening trial")
            browser.press("escape")
            browser.open(address)
            enter(browser, "l-1")
        answer(browser, trial, visit.expect)
    browser.wait("return !document.querySelector('#end').hidden")
    visit.see("listening end")
    answers = save(browser, folder, f"answers-{key['test']}-l-1.csv")
    with open(answers, encoding="utf-8", newline="") as file:
        visit.expect("the file holds what the page shows", file.read() == browser.run("return document.querySelector('#csv').value"))
    results = json.loads(subprocess.run(
        [binary, "listen", "--answers", answers, "--key", os.path.join(folder, "page.key.json"), "--json"],
        check=True, stdout=subprocess.PIPE).stdout)
    visit.expect("the listener is found to listen", results["listeners"][0]["right"] == 8 and results["listeners"][0]["counts"])
    visit.expect("the preference is found", [(p["question"], p["share"], p["answers"]) for p in results["pairs"]]
                 == [(q, 1, 3) for q in ("style", "content", "overall")])


def hears_recordings(visit, binary, folder):
    """Recordings: equally loud, and at the same place; on a phone, in the dark."""
    browser = visit.browser
    make_recordings(folder)
    address, key = write_page(binary, folder, "--abx")
    browser.open(address)
    gains = browser.run("return JSON.parse(document.querySelector('#listening').textContent).sounds.map((s) => s.gain)")
    visit.expect(f"loud ones are played 20 dB softer: {gains}",
                 sorted(round(20 * math.log10(gain)) for gain in gains) == [-20] * 4 + [0] * 2)
    enter(browser, "l-2")
    browser.press("x")
    browser.wait("return document.querySelector('#time').textContent === '0:01'")
    browser.press("a")
    visit.expect("A continues where X was", browser.wait("return document.querySelector('#time').textContent >= '0:01'"))
    visit.see("phone listening")
    visit.expect("a phone need not scroll sideways",
                 browser.run("return document.documentElement.scrollWidth <= innerWidth"))
    browser.press("escape")
