#!/usr/bin/env python3
"""Makes a catalogue for docc of the pages in docs, for tools/docs.

usage: articles.py DOCS CATALOGUE ARCHIVE…

Pages become articles, links between them links of docc, and links to other files plain text. The first page lists the
pages and the modules.
"""

import pathlib
import re
import shutil
import sys

FIRST = """# Reprise

Datasets for music machine learning, built from folders of MIDI and audio files.

@Metadata {{
    @TechnologyRoot
}}

## Overview

The pages describe the program; the modules are its code. The README of the repository says how to install it.

### Modules

{modules}

## Topics

### Tutorials

{tutorials}

### Pages

{pages}
"""


def article(text, names):
    """A page as docc reads it: `[words](../manifest.md#audio)` becomes `[words](doc:manifest)`.

    Code stays as it is, but for a block's title, which becomes a line above it."""

    def replaced(match):
        image, words, target = match.groups()
        if target is None:
            return re.sub(r"\A```(\w+) title=(\S+)", r"`\2`:\n\n```\1", match[0])
        if "://" in target:
            return match[0]
        path = pathlib.PurePath(target.split("#")[0])
        if image:
            return f"![{words}]({path.name})"
        return f"[{words}](doc:{path.stem})" if path.suffix == ".md" and path.stem in names else words

    return re.sub(r"(?ms)^```.*?^```$|(!?)\[([^\]]+)\]\(([^)\s]+)\)", replaced, text)


def main(docs, catalogue, *archives):
    modules = [pathlib.PurePath(archive).stem for archive in archives]
    docs, catalogue = pathlib.Path(docs), pathlib.Path(catalogue)
    tutorials, pages = sorted(docs.glob("tutorials/*.md")), sorted(docs.glob("*.md"))
    names = {page.stem for page in tutorials + pages}
    shutil.rmtree(catalogue, ignore_errors=True)
    catalogue.mkdir(parents=True)
    for page in tutorials + pages:
        (catalogue / page.name).write_text(article(page.read_text(), names))
    for picture in docs.glob("pictures/*"):
        shutil.copy(picture, catalogue)
    (catalogue / "Reprise.md").write_text(
        FIRST.format(
            modules="\n".join(f"* [{module}](/documentation/{module.lower()})" for module in modules),
            tutorials="\n".join(f"* <doc:{page.stem}>" for page in tutorials),
            pages="\n".join(f"* <doc:{page.stem}>" for page in pages)))


if __name__ == "__main__":
    main(*sys.argv[1:])
