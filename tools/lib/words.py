#!/usr/bin/env python3
"""Finds phrases that this project does not use, in everything that a person reads.

    words.py ROOT

tools/lib/words.txt lists them: a regular expression (case is ignored; a space also matches a line break, with the
comment marks of the next line) and what to write instead, separated by a tab. A Markdown line may have 120 columns at
most, except in tables and code blocks and where a link leaves no choice.
Prints `file:line: phrase: advice` for each finding. The exit status is 1 if there is one.
"""

import os
import re
import sys

PLACES = [
    "Sources", "Tests", "tools", "docs", "manifests", "cache/README.md", "Package.swift", "README.md", "CONTRIBUTING.md",
    "CHANGELOG.md",
]
ENDINGS = (".swift", ".md", ".py", ".sh", ".yaml", ".js", ".html", ".css", ".h", ".c", ".cpp")
# The list itself, and code of others.
EXEMPT = ("tools/lib/words.txt", "tools/lib/words.py", "Sources/Insight/Report/chart.min.js")
# README.md quotes wide output and holds links; its lines are free.
WIDE = ("README.md", "CHANGELOG.md")
COLUMNS = 120


def files(root):
    for place in PLACES:
        path = os.path.join(root, place)
        if os.path.isfile(path):
            yield place
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in ("Fixtures", "seeds") and not name.startswith("."))
            for name in sorted(names):
                relative = os.path.relpath(os.path.join(folder, name), root)
                # tools/test and its neighbours are scripts without an ending.
                if name.endswith(ENDINGS) or (folder == os.path.join(root, "tools") and "." not in name):
                    yield relative


def patterns(path):
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                expression, tab, advice = line.rstrip("\n").partition("\t")
                if not tab or not advice:
                    sys.exit(f"{path}:{number}: needs an expression, a tab and what to write instead")
                yield re.compile(expression.replace(" ", r"(?: +|\s*\n\s*(?:///?|#|\*|>)? *)"), re.IGNORECASE), advice


def long_lines(text):
    in_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and not line.startswith("|") and len(line) > COLUMNS and " " in line[:COLUMNS].strip():
            yield number, f"{len(line)} columns: wrap the line at {COLUMNS}"


def main(root):
    known = list(patterns(os.path.join(root, "tools/lib/words.txt")))
    found = 0
    for name in files(root):
        if name in EXEMPT:
            continue
        with open(os.path.join(root, name), encoding="utf-8") as file:
            text = file.read()
        findings = [] if name in WIDE or not name.endswith(".md") else list(long_lines(text))
        for pattern, advice in known:
            for match in pattern.finditer(text):
                phrase = " ".join(match.group().split())
                findings.append((text.count("\n", 0, match.start()) + 1, f"\"{phrase}\": {advice}"))
        for line, message in sorted(findings):
            print(f"{name}:{line}: {message}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
