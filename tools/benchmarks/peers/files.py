"""What the peers' scripts share: listing files, timing, one JSON line at the end."""

import json
import os
import time


def files(folder, endings):
    """The files below a folder, sorted."""
    found = [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if os.path.splitext(name)[1].lower() in endings
    ]
    return sorted(found)


class Clock:
    """Wall-clock and processor seconds since it was made."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def report(self, **more):
        seconds = time.perf_counter() - self.wall
        print(json.dumps({"seconds": seconds, "cpu": time.process_time() - self.cpu, **more}))
