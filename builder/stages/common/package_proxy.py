"""An HTTP proxy for package managers: what an earlier build has downloaded comes from the cache (package_cache.py).

It listens on the container's loopback, which QEMU shows a guest as 10.0.2.2, among the ports that are open to a guest for Packer's
sake. It opens no way: it connects from the guest's own container, whose rules are the guest's (executors/firewall.ts). Indexes that
change are passed on, packages are kept; the package manager verifies both as ever. https goes past it.

A file is given once in a build: what the package manager has refused of the cache it gets from the mirror, when it asks again.
"""

import contextlib
import http.server
import re
import threading
import time
import urllib.request

import stage
from package_cache import Cache
from package_request import Handler

FOLDER = "/packages"
PORTS = range(8999, 8899, -1)  # see PACKERS_PORTS in executors/firewall.ts
IN_GUEST = "10.0.2.2"


@contextlib.contextmanager
def serving(most_bytes, folder=FOLDER):
    """Serves meanwhile; the proxy, or None where there is no cache: it is switched off (0), or cannot be used, which is told."""
    proxy = None
    try:
        if most_bytes:
            cache = Cache(folder, most_bytes)
            cache.make_room()
            proxy = listening(cache)
    except OSError as error:
        stage.detail(f"packages: this machine's cache is not used: {error}")
    if proxy is None:
        yield None
        return
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        proxy.tell()


def listening(cache):
    for port in PORTS:
        try:
            return Proxy(port, cache)
        except OSError:
            continue  # somebody else has it
    raise OSError("no port is free")


class Proxy(http.server.ThreadingHTTPServer):
    block_on_close = False

    def __init__(self, port, cache):
        super().__init__(("127.0.0.1", port), Handler)
        self.cache = cache
        self.beyond = urllib.request.getproxies_environment()  # the next proxy, and what needs none
        self.given = {}  # when each address was given, since the guest was started
        self.counts = {True: [0, 0], False: [0, 0]}  # packages and bytes, from the cache or not
        self.lock = threading.Lock()

    def address(self, host):
        return f"http://{host}:{self.server_address[1]}"

    def is_first(self, address):
        with self.lock:
            first = address not in self.given
            self.given[address] = time.monotonic()
            return first

    def count(self, cached, length):
        with self.lock:
            self.counts[cached][0] += 1
            self.counts[cached][1] += length

    def start_anew(self):
        """Another guest asks for everything once more."""
        with self.lock:
            self.given.clear()

    def forget_since(self, moment):
        """What was given since then may be what somebody has refused: it is downloaded again."""
        with self.lock:
            doubtful = [address for address, when in self.given.items() if when >= moment]
        with contextlib.suppress(OSError):
            for address in doubtful:
                self.cache.remove(address)

    def tell(self):
        (cached, length), (others, _) = self.counts[True], self.counts[False]
        if cached + others:
            stage.detail(f"packages: {cached} of {cached + others} from this machine's cache, {length / 2**20:.1f} MiB")

    def handle_error(self, _request, _client):
        """Whoever asked has gone away."""

    def apt_lines(self, given=""):
        """apt's configuration `given`, with this proxy in front of that which stands there for http."""
        own = re.compile(r'^Acquire::(https?)::Proxy "([^"]*)";\n?', re.IGNORECASE | re.MULTILINE)
        proxies = {scheme.lower(): place for scheme, place in own.findall(given)}
        if "http" in proxies:
            self.beyond = {} if proxies["http"] == "DIRECT" else {"http": proxies["http"]}
        # without a word on it, apt would take http's for https, too
        https = proxies.get("https") or proxies.get("http") or self.beyond.get("https") or "DIRECT"
        lines = [f'Acquire::http::Proxy "{self.address("127.0.0.1")}";', f'Acquire::https::Proxy "{https}";']
        return own.sub("", given) + "".join(f"{line}\n" for line in lines)
