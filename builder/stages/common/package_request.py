"""One connection to the proxy for package managers (package_proxy.py): each request is answered from the cache or from beyond."""

import base64
import contextlib
import http.client
import http.server
import re
import shutil
import urllib.parse
import urllib.request

from package_cache import BY_HASH

SECONDS = 25  # of silence beyond; apt itself waits for 30
PIECE = 2**18
PACKAGE = re.compile(r"\.(u?deb|d?rpm)$")
OF_ONE_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"}
OF_ONE_HOP |= {"proxy-connection", "transfer-encoding"}
# With any other header, such as a range or a password, an answer may not be everybody's.
HARMLESS = {"host", "user-agent", "accept", "accept-encoding", "cache-control", "pragma", "connection", "proxy-connection"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600  # between two requests
    connection_beyond = (None, None)  # the last, and to where

    def do_GET(self):
        place = host = port = None
        try:
            place = urllib.parse.urlsplit(self.path)
            host, port = place.hostname, place.port or 80
        except ValueError:
            pass
        if not host or place.scheme != "http" or {"content-length", "transfer-encoding"} & self.names():
            self.close_connection = True
            self.send_error(400, "this proxy gets files by http only")
            return
        is_kept = bool(PACKAGE.search(place.path) or BY_HASH.search(place.path)) and "@" not in place.netloc
        is_kept = is_kept and self.command == "GET" and self.names() <= HARMLESS
        if not (is_kept and self.server.is_first(self.path) and self.from_cache(place)):
            self.from_beyond(place, host, port, is_kept)

    do_HEAD = do_GET

    def names(self):
        return {name.lower() for name in self.headers}

    def from_cache(self, place):
        try:
            file = self.server.cache.find(self.path)
        except OSError:
            return False
        if not file:
            return False
        with file:
            length = file.seek(0, 2)
            file.seek(0)
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if PACKAGE.search(place.path):
                self.server.count(True, length)
            shutil.copyfileobj(file, self.wfile, PIECE)
        return True

    def from_beyond(self, place, host, port, is_kept):
        try:
            answer = self.ask(place, host, port)
        except (OSError, http.client.HTTPException) as error:
            self.connection_beyond = (None, None)
            self.send_error(504, f"cannot reach {host}: {error}".replace("\n", " "))
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in OF_ONE_HOP:
                self.send_header(name, " ".join(value.split()))
        if answer.length is None:
            self.send_header("Connection", "close")
        self.end_headers()
        length = answer.length
        draft = self.server.cache.draft(self.path, length) if is_kept and length and may_be_kept(answer) else None
        try:
            last = self.pass_on(answer, draft)
            if is_kept and answer.status == 200 and PACKAGE.search(place.path):
                self.server.count(False, length or 0)
            self.wfile.write(last)
        except (OSError, http.client.HTTPException):
            self.connection_beyond = (None, None)
            self.close_connection = True  # so that whoever asked notices
        finally:
            if draft:
                draft.drop()

    def pass_on(self, answer, draft):
        """Passes the body on but for its last piece, which is returned; when whoever asked has all of it, the draft is kept."""
        length, passed, last = answer.length, 0, b""
        while piece := answer.read1(PIECE):
            self.wfile.write(last)
            passed, last = passed + len(piece), piece
            if draft:
                draft.write(piece)
        if length is not None and passed < length:
            raise ConnectionError("the answer was cut")
        if draft:
            draft.keep()
        return last

    def ask(self, place, host, port):
        """The answer from where the address leads, or from the next proxy; by the connection of the last request, if it still holds."""
        through = self.server.beyond.get("http")
        if through and not urllib.request.proxy_bypass_environment(f"{host}:{port}", self.server.beyond):
            next_proxy = urllib.parse.urlsplit(through if "//" in through else f"http://{through}")
            target, way = urllib.parse.urlunsplit(place._replace(fragment="")), (next_proxy.scheme, next_proxy.hostname, next_proxy.port)
        else:
            next_proxy = None
            target, way = urllib.parse.urlunsplit(("", "", place.path or "/", place.query, "")), ("http", host, port)
        connection, led_to = self.connection_beyond
        if connection and led_to == way:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.send_beyond(connection, target, place, next_proxy)
        kind = http.client.HTTPSConnection if way[0] == "https" else http.client.HTTPConnection
        self.connection_beyond = (kind(way[1], way[2], timeout=SECONDS), way)
        return self.send_beyond(self.connection_beyond[0], target, place, next_proxy)

    def send_beyond(self, connection, target, place, next_proxy):
        connection.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        # the address's own, whatever was asked: what is kept of it has to be from there
        connection.putheader("Host", place.netloc.rpartition("@")[2])
        for name, value in self.headers.items():
            if name.lower() not in OF_ONE_HOP | {"host"}:
                connection.putheader(name, value)
        if next_proxy and next_proxy.username is not None:
            pair = f"{urllib.parse.unquote(next_proxy.username)}:{urllib.parse.unquote(next_proxy.password or '')}"
            connection.putheader("Proxy-Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
        connection.endheaders()
        return connection.getresponse()

    def log_message(self, *_):
        """Package managers tell themselves what they get."""


def may_be_kept(answer):
    said = (answer.getheader("Cache-Control") or "").lower()
    return answer.status == 200 and not answer.getheader("Content-Encoding") and not re.search("no-store|private", said)
