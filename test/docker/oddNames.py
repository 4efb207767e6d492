"""oddNames.py FOLDER: files whose names look like what the inspector's tools print, or break lines; each holds its name."""

import os
import sys

NAMES = [
    b"a\nb.pem",
    b"tab\there",
    b"no utf-8 \xff\xfe",
    b"back\\slash",
    b"bell\x07 \x1b[31m",
    b"c\ndebugfs: ls -p <2>",
    b"c\ncore.mode = 0100644",
    b"d (good)\n4          128                directory      0x0000172e   1 e (good)",
    b"\r",
    b" ",
    b"\xe2\x80\xa8",
]

folder = os.path.join(os.fsencode(sys.argv[1]), b"opt", b"names")
os.makedirs(folder)
for name in NAMES:
    with open(os.path.join(folder, name), "wb") as file:
        file.write(name)
os.symlink(b'to\n"debugfs: stat <12>\nx', os.path.join(folder, b"link"))
os.symlink(b"loop", os.path.join(folder, b"loop"))
os.mkfifo(os.path.join(folder, b"pipe"))
with open(os.path.join(folder, b"huge"), "wb") as file:
    file.truncate(2**40)
deep = folder
for _ in range(150):
    deep = os.path.join(deep, b"deep")
    os.mkdir(deep)
