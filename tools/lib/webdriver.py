"""A browser driven over W3C WebDriver: as much of the protocol as our tests need, on the standard library alone."""

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

KEYS = {"left": "\ue012", "right": "\ue014", "escape": "\ue00c", "enter": "\ue007", "space": " "}


class BrowserError(Exception):
    """What the driver, or a wait without success, says."""


def is_here():
    """Whether Chromium and its driver are installed."""
    return bool(chromium() and shutil.which("chromedriver"))


def chromium():
    """Where Chromium lies; None if it does not."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    return None


class Browser:
    """A headless Chromium; a context manager, which ends it."""

    def __init__(self, width=1400, height=900, dark=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.profile = tempfile.mkdtemp(prefix="reprise-browser-")
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.session = None
        arguments = ["--headless=new", f"--window-size={width},{height}", f"--user-data-dir={self.profile}",
                     "--autoplay-policy=no-user-gesture-required", "--disable-gpu", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--no-first-run"]
        if dark:
            arguments.append("--force-dark-mode")
        # Root has no sandbox; what is opened here is ours alone.
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            arguments.append("--no-sandbox")
        try:
            self._wait_for_driver()
            answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"binary": chromium(), "args": arguments},
            }}})
        except BaseException:
            self.close()
            raise
        self.session = answer["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the browser and its driver."""
        if self.session:
            try:
                self._call("DELETE", f"/session/{self.session}")
            except BrowserError:
                pass
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, address):
        """Loads a page."""
        self._call("POST", self._path("url"), {"url": address})

    @property
    def address(self):
        """The page's address."""
        return self._call("GET", self._path("url"))

    def run(self, script, *arguments):
        """Runs the body of a function in the page; what it returns, or what its promise comes to."""
        return self._call("POST", self._path("execute/sync"), {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments, seconds=20):
        """Runs a script until what it returns is true; that value."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(script, *arguments)
            if value:
                return value
            if time.monotonic() > end:
                raise BrowserError(f"waited {seconds} s without success for: {script} {arguments}")
            time.sleep(0.05)

    def text(self, selector):
        """The text of the first element of a selector; None if there is none."""
        return self.run("return document.querySelector(arguments[0])?.textContent", selector)

    def click(self, selector):
        """Clicks in the middle of an element, as a person would: what lies over it gets the click."""
        for attempt in range(5):
            element = self._call("POST", self._path("element"), {"using": "css selector", "value": selector})
            name = next(iter(element.values()))
            try:
                self._call("POST", self._path(f"element/{name}/click"), {})
                return
            except BrowserError as error:
                # The page drew its list again between the look and the click.
                if attempt == 4 or "stale element" not in str(error):
                    raise

    def press(self, key):
        """Presses a key and lets it go."""
        key = KEYS.get(key, key)
        self._call("POST", self._path("actions"), {"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def drag(self, start, end):
        """Presses the mouse at a place of the window, moves it to another, and lets it go."""
        move = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 50} for x, y in (start, end)]
        self._call("POST", self._path("actions"), {"actions": [{"type": "pointer", "id": "mouse", "actions": [
            move[0], {"type": "pointerDown", "button": 0}, move[1], {"type": "pointerUp", "button": 0}]}]})

    def complaints(self):
        """What the console has said since the last call that is a warning or worse."""
        entries = self._call("POST", self._path("se/log"), {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def resize(self, width, height, scale=1):
        """Makes the page so wide and high, as a phone of that size would."""
        self._call("POST", self._path("goog/cdp/execute"), {
            "cmd": "Emulation.setDeviceMetricsOverride",
            "params": {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}})

    def prefer(self, scheme):
        """Lets pages think that the person prefers `dark` or `light`."""
        self._call("POST", self._path("goog/cdp/execute"), {
            "cmd": "Emulation.setEmulatedMedia",
            "params": {"features": [{"name": "prefers-color-scheme", "value": scheme}]}})

    def download_to(self, folder):
        """Lets files that pages offer be saved in a folder, without a question."""
        self._call("POST", self._path("goog/cdp/execute"), {
            "cmd": "Browser.setDownloadBehavior", "params": {"behavior": "allow", "downloadPath": folder}})

    def screenshot(self, path, whole=False):
        """Writes what is seen, or all of the page, as PNG."""
        answer = self._call("POST", self._path("goog/cdp/execute"), {
            "cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": whole}})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def print(self, path):
        """Writes the page as it would be printed, as PDF."""
        answer = self._call("POST", self._path("print"), {})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer))

    def _path(self, rest):
        return f"/session/{self.session}/{rest}"

    def _call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=data, method=method,
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserError(json.load(error)["value"]["message"]) from None
        except OSError as error:
            raise BrowserError(str(error)) from None

    def _wait_for_driver(self):
        for _ in range(200):
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except BrowserError:
                pass
            time.sleep(0.05)
        raise BrowserError("chromedriver does not start")
