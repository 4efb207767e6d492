"""The qcow2 as a file: what is wrong with it, and what makes it more than one plain image."""

import json
import struct

from disk_reading import output


def read_disk(image):
    """qemu-img's view, and before that the header's: whether it is an image by itself."""
    other, marks = read_header(image)
    facts = {"problems": [], "leaks": 0, "virtualBytes": None, "backingFile": other, "snapshots": 0, "bitmaps": 0, "encrypted": False}
    if other:
        # qemu-img would open it: a pipe without a writer, or the image itself, for ever
        return facts
    code, text, errors = output(["qemu-img", "check", "-f", "qcow2", "--output=json", image])
    try:
        report = json.loads(text)
    except ValueError:
        report = {}
    problems = []
    if not report or code not in (0, 3):  # 3: leaked clusters only
        lines = (errors.strip() or text.strip() or f"exit code {code}").splitlines()
        problems = lines[:3] + ([f"and {len(lines) - 3} more"] if len(lines) > 3 else [])
    _, text, _ = output(["qemu-img", "info", "-f", "qcow2", "--output=json", image])
    info = json.loads(text) if text.strip() else {}
    data = info.get("format-specific", {}).get("data", {})
    return {
        **facts,
        "problems": problems + marks,
        "leaks": report.get("leaks", 0),
        "virtualBytes": info.get("virtual-size"),
        "snapshots": len(info.get("snapshots", [])),
        "bitmaps": len(data.get("bitmaps", [])),
        "encrypted": bool(info.get("encrypted")),
    }


def read_header(image):
    """The file that the qcow2 needs besides itself, or None, and what its last writer noted that qemu-img check passes over.

    The fields are those of QEMU's docs/interop/qcow2.rst.
    """
    with open(image, "rb") as file:
        data = file.read(2**16)
    if data[:4] != b"QFI\xfb" or len(data) < 80:
        return None, []
    version, at, size = struct.unpack_from(">IQI", data, 4)
    features = struct.unpack_from(">Q", data, 72)[0] if version >= 3 else 0
    other = None
    if at:
        other = data[at : at + size].decode(errors="replace") or "(without a name)"
    elif features & 4:
        other = "(external data)"
    marks = {1: "it was not closed (dirty bit)", 2: "QEMU has marked it as corrupt"}
    return other, [text for bit, text in marks.items() if features & bit]
