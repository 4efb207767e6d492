"""Serves one file on the loopback address, well and badly: /whole, /cut (half of it, then the connection ends; goes on by Range),
/no-range, /other (another file), /token (asks for one), /login (leads to a page); anything else is not found. Writes what it was asked
to /result/asked.
"""

import http.server
import sys

CONTENT = bytes(range(256)) * 8192  # 2 MiB
PAGE = b"<!DOCTYPE html>\n<html><head><title>\n  Sign in &amp; go on</title></head><body></body></html>\n"
PORT = int(sys.argv[1])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range", "")
        with open("/result/asked", "a", encoding="utf-8") as file:
            file.write(f"{self.path} {asked}\n")
        name, _, query = self.path.partition("?")
        if name == "/login":
            self.send_response(302)
            self.send_header("Location", "/page?next=secret-token")
            self.end_headers()
            return
        if name not in ("/whole", "/cut", "/no-range", "/other", "/token", "/page") or (name == "/token" and query != "t=secret-token"):
            self.send_error(404)
            return
        content = {"/other": b"another file", "/page": PAGE}.get(name, CONTENT)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and name != "/no-range" else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if name == "/page":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = name == "/cut" and not start
        self.wfile.write(content[start : len(content) // 2 if cut else None])

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
