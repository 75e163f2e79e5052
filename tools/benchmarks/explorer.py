#!/usr/bin/env python3
"""Measures the explorer with a dataset of 125,000 segments: the server's answers and memory, and the page in Chromium.

    tools/benchmarks/explorer.py [--binary FILE] [--files N] [--keep DIR]

Makes N MIDI files (5,000) of some 25 segments each, builds them, tags some, and prints milliseconds: of answers, the median
of 9 and the most; of thumbnails, the median and 99 % of 1,020; in Chromium, from a click to the next paint, each three times.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(root, "tools", "lib"))
import command  # noqa: E402
import small_music  # noqa: E402
import webdriver  # noqa: E402

MANIFEST = """\
version: 1
dataset: large
sources:
  - path: "data/*/*.mid"
    labels: {style: "{dir}"}
midi: {}
"""

# From an action to the frame that shows the list that it leads to.
PAINT = """
    return new Promise((done) => {
      const list = document.querySelector('#list');
      const seen = new MutationObserver(() => { seen.disconnect(); requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin))); });
      seen.observe(list, { childList: true });
      const begin = performance.now();
      (() => { ACTION })();
    });"""


def make(folder, files):
    """Files of 100 bars, each of another density and range."""
    for number in range(files):
        randomly = random.Random(number)
        place = os.path.join(folder, "data", f"style{number % 20:02d}")
        os.makedirs(place, exist_ok=True)
        low, wide, length = randomly.randint(30, 70), randomly.randint(5, 30), randomly.choice((24, 48, 96))
        track = bytearray([0, 0xC0, randomly.randint(0, 127)])
        for _ in range(400 * 96 // length):
            pitch = low + randomly.randint(0, wide)
            track += bytes([0, 0x90, pitch, randomly.randint(30, 120), length, 0x80, pitch, 0])
        with open(os.path.join(place, f"{number:05d}.mid"), "wb") as file:
            file.write(small_music.midi_file(track))


def memory(process):
    """The resident memory of a process in MiB."""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=os.path.join(root, ".build", "release", "reprise"))
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--keep", help="a folder for music and cache that is kept, and used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        cache = os.path.join(folder, "cache")
        if not os.path.exists(os.path.join(folder, "m.yaml")):
            make(folder, options.files)
            with open(os.path.join(folder, "m.yaml"), "w", encoding="utf-8") as file:
                file.write(MANIFEST)
        subprocess.run([options.binary, "build", os.path.join(folder, "m.yaml"), "--cache", cache, "--json"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with command.serving(options.binary, "large", cache) as (server, address):
            measure(server, address)


def measure(server, address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path):
        begin = time.perf_counter()
        with opener.open(address + path, timeout=300) as answer:
            body = answer.read()
        return (time.perf_counter() - begin) * 1000, body

    def row(name, times):
        print(f"{name:44} {statistics.median(times):7.1f} {max(times):7.1f}", flush=True)

    begin = time.perf_counter()
    ask("api/facets?numbers=1&problems=1")
    print(f"numbers and problems known {time.perf_counter() - begin:.1f} s after the start")
    page = ask("")[1].decode()
    token = re.search(r'name="token" content="([^"]*)"', page).group(1)
    first = json.loads(ask("api/segments")[1])
    print(f"{first['segments']:,} segments of {first['sources']:,} sources")
    for number in range(20):
        body = json.dumps({"of": "source" if number % 2 else "segment", "id": f"train/{number * (first['segments'] // 40)}", "tags": ["seen", f"tag{number % 4}"], "note": ""})
        opener.open(urllib.request.Request(address + "api/annotation", data=body.encode(), headers={
            "Origin": address.rstrip("/"), "X-Reprise-Token": token})).read()
    print(f"\n{'milliseconds':44} {'median':>7} {'most':>7}")
    for name, path in (("a page by path", "api/segments"), ("by density, descending", "api/segments?sort=-segment.density"),
                       ("by a number of the source", "api/segments?sort=notes_per_second"), ("of a label", "api/segments?label.style=style07"),
                       ("of two words", "api/segments?q=style07+000"), ("of a range", "api/segments?min.segment.density=2&max.segment.density=5"),
                       ("of a problem", "api/segments?problem=midi.outliers"), ("of a tag", "api/segments?tag=seen"),
                       ("one per source, last page", "api/segments?group=source&page=80"), ("counts of all facets", "api/facets"),
                       ("with histograms", "api/facets?numbers=1"), ("with problems", "api/facets?problems=1")):
        row(name, [ask(path)[0] for _ in range(9)])
    times = []
    for number in range(17):
        for one in json.loads(ask(f"api/segments?page={number * 7}")[1])["rows"]:
            times.append(ask(f"api/thumbnail?id={one['id']}&shard={one['shard']}")[0])
    times.sort()
    print(f"{len(times)} thumbnails: median {statistics.median(times):.1f}, 99 % {times[int(0.99 * len(times))]:.1f}")
    print(f"memory of the server {memory(server):.0f} MiB")
    if not webdriver.is_here():
        print("there is no Chromium with its driver, so the page is not measured")
        return
    with webdriver.Browser() as browser:
        browser.open(address)
        browser.wait("return document.querySelectorAll('#list li').length === 60 && document.querySelectorAll('.histogram').length > 2", seconds=120)
        print(f"first paint {browser.run('return performance.getEntriesByName(`first-contentful-paint`)[0].startTime'):.0f}")
        for name, action in (("an order", "const s = document.querySelector('#sort'); s.value = s.value === 'segment.density' ? 'segment.polyphony' : 'segment.density'; s.dispatchEvent(new Event('change'))"),
                             ("a label", "document.querySelector('[data-choice=\"label.style=style07\"]').click()"),
                             ("a tag", "document.querySelector('[data-choice=\"tag=seen\"]').click()"),
                             ("a range", "const s = document.querySelector('[data-end=\"density.to\"]'); s.value = Number(s.value) - 2; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change'))"),
                             ("the next page", "document.querySelector('#page-on').click()")):
            browser.open(address + "#")
            browser.wait("return location.hash === '' || location.hash === '#'")
            time.sleep(2)
            found = []
            for _ in range(3):
                found.append(browser.run(PAINT.replace("ACTION", action)))
                time.sleep(1)
            print(f"to the next paint: {name:25} {', '.join(f'{one:.0f}' for one in found)}", flush=True)
        print(f"memory of the page's script {browser.run('return performance.memory.usedJSHeapSize') / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
