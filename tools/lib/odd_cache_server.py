"""A cache server for tests that has faults: it serves a folder laid out as Bazel's caches are, and takes what is put there."""

import contextlib
import http.server
import pathlib
import threading
import time

# What a server may do to an answer that has a body.
FAULTS = ("truncated", "short", "wrong", "wrong record", "huge", "endless", "slow", "stalled", "failing", "closed", "no puts")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def file(self):
        path = (self.server.folder / self.path.lstrip("/")).resolve()
        if self.server.folder not in path.parents:
            raise ValueError(self.path)
        return path

    def answer(self, status, body=b"", length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.server.sent += len(body)

    def handle_one_request(self):
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle_one_request()

    def do_HEAD(self):
        path = self.file()
        if not path.is_file():
            return self.answer(404)
        return self.answer(200, length=path.stat().st_size)

    def do_GET(self):
        fault = self.server.fault
        self.server.requests += 1
        if fault == "slow":
            time.sleep(0.05)
        if fault == "stalled":
            self.server.over.wait()
            return None
        if fault == "closed":
            self.close_connection = True
            return None
        if fault == "failing":
            return self.answer(500, b"broken")
        path = self.file()
        if not path.is_file():
            return self.answer(404)
        body = path.read_bytes()
        is_record = path.parent.name == "ac"
        if fault == "wrong record" and is_record:
            return self.answer(200, body[:-1] + b"}{")
        if not is_record and body:
            if fault == "wrong":
                return self.answer(200, bytes([body[0] ^ 1]) + body[1:])
            if fault == "short":
                return self.answer(200, body[:-1])
            if fault == "truncated":
                self.close_connection = True
                return self.answer(200, body[: len(body) // 2], length=len(body))
            if fault in ("huge", "endless"):
                self.close_connection = True
                self.send_response(200)
                if fault == "huge":
                    self.send_header("Content-Length", str(1 << 50))
                self.end_headers()
                while not self.server.over.is_set():
                    self.wfile.write(bytes(1 << 16))
                    self.server.sent += 1 << 16
                return None
        return self.answer(200, body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.fault in ("no puts", "failing"):
            return self.answer(507)
        path = self.file()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}-{threading.get_ident()}")
        temporary.write_bytes(body)
        temporary.replace(path)
        return self.answer(201)


@contextlib.contextmanager
def serving(folder, fault=None):
    """A server with a fault; gives the server, which has an `address` and counts."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.folder, server.fault = pathlib.Path(folder).resolve(), fault
    server.requests, server.sent, server.over = 0, 0, threading.Event()
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
