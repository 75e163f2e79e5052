"""What the commands in Python share: how they speak, whole files, other programs, and environments of their own."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
COLOUR = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
# What a reader may need to know of Debian's split of Python.
NO_VENV = "on Debian and Ubuntu: apt-get install python3-venv"
CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of Reprise.\n"


class Stop(Exception):
    """Ends the command: what is wrong, and lines that say where and what to do."""

    def __init__(self, what, *more, status=1):
        super().__init__(what)
        self.lines, self.status = (what, *more), status


def say(text):
    """A step begins."""
    print(f"\033[1m==> {text}\033[0m" if COLOUR else f"==> {text}", file=sys.stderr, flush=True)


def note(text):
    """A detail of a step."""
    print(f"    {text}", file=sys.stderr, flush=True)


def warn(text):
    """Something is left out, and the rest continues."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


def run(main):
    """Runs `main`, which returns an exit status, and ends with that; a `Stop` is printed as an error."""
    try:
        status = main()
    except Stop as stop:
        print(f"error: {stop.lines[0]}", file=sys.stderr)
        for line in stop.lines[1:]:
            print(f"       {line}", file=sys.stderr)
        status = stop.status
    except KeyboardInterrupt:
        print("interrupted; every file that is there is whole", file=sys.stderr)
        status = 130
    sys.exit(status)


@contextlib.contextmanager
def whole_file(path):
    """Gives the name of a temporary file beside `path`, and renames it to that when the block ends without an error."""
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    # The ending stays, since programs choose a format by it.
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", suffix=os.path.splitext(name)[1], dir=folder)
    os.close(handle)
    try:
        yield temporary
        # mkstemp's files are for their owner alone.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def write_whole(path, data):
    """Writes bytes or text so that the file is the old one or the new one, never a part."""
    with whole_file(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)


def sha256(path):
    """The SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def program(name, package, why):
    """The path of a program that must be installed."""
    found = shutil.which(name)
    if not found:
        raise Stop(f"{name} is not installed; {why}", f"on Debian and Ubuntu: apt-get install {package}")
    return found


def server_program(*names):
    """The path of the first that is there, also in the folders of servers, which need not be on the path; else None."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
    return next((found for found in (shutil.which(name, path=path) for name in names) if found), None)


def built_program():
    """The program reprise, for tests: the one that REPRISE_BINARY names, else the one that was built last, else None."""
    if named := os.environ.get("REPRISE_BINARY"):
        return named
    places = [os.path.join(ROOT, ".build", kind, "reprise") for kind in ("release", "debug")]
    return max((place for place in places if os.access(place, os.X_OK)), key=os.path.getmtime, default=None)


@contextlib.contextmanager
def serving(program, dataset, cache):
    """Runs `reprise serve` on a free port, and gives its process and address."""
    server = subprocess.Popen([program, "serve", dataset, "--cache", cache, "--port", "0", "--json"], stdout=subprocess.PIPE)
    try:
        yield server, json.loads(server.stdout.readline())["url"]
    finally:
        server.terminate()
        server.wait()


def mark_cache(folder):
    """Marks a new cache as Reprise's: it refuses a folder that holds files without the mark."""
    tag = os.path.join(folder, "CACHEDIR.TAG")
    if not os.path.exists(tag) and not os.path.isdir(os.path.join(folder, "objects")):
        write_whole(tag, CACHE_TAG)


def quiet(words, what, *more):
    """Runs a program; a failure shows the end of what it printed."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.stderr.write("\n".join(done.stdout.decode(errors="replace").splitlines()[-20:]) + "\n")
        raise Stop(what, *more)
    return done.stdout.decode(errors="replace")


def environment(name, packages, alone=()):
    """The Python of a virtual environment in the repository, with these packages; those of `alone` are installed without
    the packages that they name. It is made on first use, and again where the lists change."""
    folder = os.path.join(ROOT, name)
    python, stamp = os.path.join(folder, "bin", "python"), os.path.join(folder, "installed.txt")
    wanted = "\n".join([*packages, *(f"{package} alone" for package in alone)]) + "\n"
    if os.path.exists(stamp) and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return python
    say(f"Installing into {name}: {' '.join([*packages, *alone])}")
    shutil.rmtree(folder, ignore_errors=True)
    quiet([sys.executable, "-m", "venv", folder], f"python3 cannot make the environment {folder}", NO_VENV)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for words in ([*packages], ["--no-deps", *alone] if alone else []):
        if words:
            quiet([*pip, *words], f"pip cannot install {' '.join(words)}", "its words are above; is there a network?")
    write_whole(stamp, wanted)
    return python


def pip():
    """Words that run pip: that of this Python, or of an environment where this Python has none."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return [sys.executable, "-m", "pip"]
    return [environment(".venv-pip", []), "-m", "pip"]
