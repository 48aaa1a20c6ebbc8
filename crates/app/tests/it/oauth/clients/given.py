"""What a program is given, and what it tells: lines of JSON on standard input and output."""

import http.server
import json
import sys
import threading

GIVEN = json.load(sys.stdin)


def tell(**what):
    print(json.dumps(what), flush=True)


class Callback:
    """A native application's own address, which the browser is sent back to."""

    def __init__(self):
        self._came = threading.Event()
        callback = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(b"<!doctype html><html lang=en><title>Done</title><p>Back at the application</p>")
                if self.path.startswith("/callback"):
                    callback.path = self.path
                    callback._came.set()

            def log_message(self, *_):
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}/callback"

    def wait(self):
        """The whole address that the browser came by."""
        assert self._came.wait(120), "nobody came back"
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"
