"""hostileMonitor.py PROGRAMS: asks monitors that answer with nonsense for a picture; prints how long each took, as JSON."""

import json
import os
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, sys.argv[1])
import guest_screen
from guest_screen import GuestScreen

guest_screen.ANSWER_SECONDS = 1
ANSWERS = {
    "null": [b"null\n"],
    "number": [b"5\n"],
    "list": [b"[]\n"],
    "error without words": [b'{"error":null}\n'],
    "nested deeply": [b"[" * 60000 + b"\n"],
    "no UTF-8": [b"\xff\xfe\n"],
    "endless line": [b"x" * 2**20] * 100,
    "events only": [b'{"event":"X"}\n'] * 200,
    "silence": [],
}


def serve(server, answers):
    connection, _ = server.accept()
    try:
        connection.sendall(b'{"QMP":{}}\n')
        connection.recv(100)
        for answer in answers:
            connection.sendall(answer)
            time.sleep(0.02)
        time.sleep(3)
    except OSError:
        pass


took = {}
with tempfile.TemporaryDirectory() as folder:
    for name, answers in ANSWERS.items():
        screen = GuestScreen(os.path.join(folder, "screen.png"))
        server = socket.socket(socket.AF_UNIX)
        server.bind(f"\0{screen.monitor}")
        server.listen(1)
        threading.Thread(target=serve, args=(server, answers), daemon=True).start()
        began = time.monotonic()
        screen.take()
        took[name] = time.monotonic() - began
print(json.dumps(took))
