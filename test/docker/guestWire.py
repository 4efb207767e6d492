"""A guest's network card, without a guest: sends frames into QEMU's user network as nobody's kernel would, and tells what answers.

The frames reach QEMU by its hub; so any address can be tried in any form, also where an operating system would not send it.
Settings: {"tcp": {name: [address, port]}, "udp": [[address, port]], "listen": [port]}. Prints "NAME open" or "NAME shut" for each of
tcp, and for QEMU's own services: tftp (a file of this container), bootp (a file to start from), dhcp.
"""

import ipaddress
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

GUEST, MAC = ipaddress.ip_address("10.0.2.15"), bytes.fromhex("525400123456")
GUEST6 = ipaddress.ip_address("fec0::15")
QEMU, ALL = bytes.fromhex("52550a000202"), b"\xff" * 6
TCP, UDP, ICMP6 = 6, 17, 58
FIN, SYN, ACK, SYN_ACK = 1, 2, 16, 18
WAIT = 2  # seconds for an answer; what is refused answers at once, or never


def checksum(data):
    """The Internet's, of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, target, protocol, segment, sum_at):
    """An IP packet of either version, whose segment has its checksum at that byte."""
    pseudo = source.packed + target.packed + struct.pack("!II", len(segment), protocol)
    even = segment + b"\0" * (len(segment) % 2)
    segment = segment[:sum_at] + struct.pack("!H", checksum(pseudo + even)) + segment[sum_at + 2 :]
    if target.version == 6:
        return b"\x86\xdd", struct.pack("!IHBB", 6 << 28, len(segment), protocol, 255) + source.packed + target.packed + segment
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, protocol, 0) + source.packed + target.packed
    return b"\x08\x00", header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


def tcp(target, port, own_port, flags=SYN, sequence=1, acknowledged=0):
    segment = struct.pack("!HHIIBBHHH", own_port, port, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    return packet(GUEST6 if target.version == 6 else GUEST, target, TCP, segment, 16)


def udp(target, port, own_port, data, source=GUEST):
    return packet(source, target, UDP, struct.pack("!HHHH", own_port, port, 8 + len(data), 0) + data, 6)


class Wire:
    def __init__(self, folder):
        ours, theirs = os.path.join(folder, "guest"), os.path.join(folder, "qemu")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(ours)
        remote = f"local.type=unix,local.path={theirs},remote.type=unix,remote.path={ours}"
        nets = ["user,id=u", "hubport,id=h1,hubid=0,netdev=u", f"dgram,id=d,{remote}", "hubport,id=h2,hubid=0,netdev=d"]
        command = ["qemu-system-x86_64", "-machine", "none", "-display", "none", "-nodefaults"]
        self.qemu = subprocess.Popen(command + [word for net in nets for word in ("-netdev", net)])
        while not os.path.exists(theirs):
            time.sleep(0.05)
        self.socket.connect(theirs)
        self.frames = []
        threading.Thread(target=self.read, daemon=True).start()
        # so that QEMU knows where the guest is: who has 10.0.2.2, who has fec0::2
        self.send(b"\x08\x06", struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + MAC + GUEST.packed + b"\0" * 6 + bytes([10, 0, 2, 2]), ALL)
        asked = ipaddress.ip_address("fec0::2").packed
        question = struct.pack("!BBHI", 135, 0, 0, 0) + asked + b"\x01\x01" + MAC
        self.send(*packet(GUEST6, ipaddress.ip_address("ff02::1:ff00:2"), ICMP6, question, 2), b"\x33\x33\xff\0\0\x02")
        time.sleep(0.5)

    def read(self):
        while True:
            self.frames.append(self.socket.recv(65536))

    def send(self, kind, data, to=QEMU):
        self.socket.send(to + MAC + kind + data)

    def connect(self, address, port, own_port):
        """Whether somebody takes the connection, and sends something or ends it; QEMU alone does neither at the addresses of its own."""
        self.send(*tcp(address, port, own_port))
        for answer in self.wait(TCP, own_port):
            if answer[13] & SYN_ACK != SYN_ACK:
                return False
            theirs = struct.unpack("!I", answer[4:8])[0]
            self.send(*tcp(address, port, own_port, ACK, 2, theirs + 1))
            return any(more[13] & FIN or len(more) > (more[12] >> 4) * 4 for more in self.wait(TCP, own_port))
        return False

    def wait(self, protocol, own_port):
        """What comes to that port, until nothing has for a while."""
        seen, end = 0, time.monotonic() + WAIT
        while time.monotonic() < end:
            came = [segment for kind, segment in self.answers() if kind == protocol and segment[2:4] == struct.pack("!H", own_port)]
            yield from came[seen:]
            seen = len(came)
            time.sleep(0.05)

    def answers(self):
        """What came over IP: (protocol, segment), without what fills a frame up."""
        for frame in list(self.frames):
            if frame[12:14] == b"\x08\x00":
                yield frame[23], frame[34 : 14 + struct.unpack("!H", frame[16:18])[0]]
            elif frame[12:14] == b"\x86\xdd":
                yield frame[20], frame[54 : 54 + struct.unpack("!H", frame[18:20])[0]]


def main():
    with open(os.environ["KRAGLE_SETTINGS"], encoding="utf-8") as file:
        job = json.load(file)
    own = socket.gethostbyname(socket.gethostname())
    for port in job["listen"]:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):
            try:
                server = socket.create_server((address, port), family=family)
            except OSError:
                continue  # a container without IPv6
            threading.Thread(target=lambda server=server: [server.accept()[0].close() for _ in iter(int, 1)], daemon=True).start()
    wire = Wire(tempfile.mkdtemp())

    def try_tcp(name, address, port, own_port):
        found[name] = wire.connect(ipaddress.ip_address(address.replace("OWN", own)), port, own_port)

    found = {}
    tries = [
        threading.Thread(target=try_tcp, args=(name, address, port, 30000 + number))
        for number, (name, (address, port)) in enumerate(job["tcp"].items())
    ]
    for one in tries:
        one.start()
    for number, (address, port) in enumerate(job["udp"]):
        wire.send(*udp(ipaddress.ip_address(address), port, 40000 + number, b"kragle"))
    wire.send(*udp(ipaddress.ip_address("10.0.2.2"), 69, 50000, b"\0\x01/etc/passwd\0octet\0"))
    file = any(answer[8:].startswith(b"\0\x03") for answer in wire.wait(UDP, 50000))
    found["tftp"] = file
    bootp = struct.pack("!BBBBIHH16x16s192xI", 1, 1, 6, 0, 7, 0, 0, MAC, 0x63825363) + b"\x35\x01\x01\xff"
    wire.send(*udp(ipaddress.ip_address("255.255.255.255"), 67, 68, bootp, ipaddress.ip_address("0.0.0.0")), ALL)
    offers = [answer[8:] for answer in wire.wait(UDP, 68)]
    found["bootp"] = any(offer[108:236].strip(b"\0") for offer in offers)
    found["dhcp"] = bool(offers)
    for one in tries:
        one.join()
    for name, is_open in found.items():
        print(name, "open" if is_open else "shut", flush=True)
    wire.qemu.kill()


if __name__ == "__main__":
    main()
