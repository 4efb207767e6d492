#!/usr/bin/env python3
"""The image's entry point by hand: --username U --password P --packer "build X", on PATH mounted at /build, see by_hand.py."""

import argparse
import sys

sys.path.insert(0, "/usr/local/lib/kragle")

import by_hand


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="kragle",
        usage='docker run --rm -it -v PATH:/build kragle [--username U --password P] --packer "COMMAND"',
        description="Builds a machine image with Packer and QEMU. PATH/os holds the ISO, PATH/output gets the image.",
        epilog='Example: --packer "build /opt/kragle/debian12.json"',
    )
    parser.add_argument("--username", default="", help="subscription user of the guest's distribution, where it needs one")
    parser.add_argument("--password", default="", help="that user's password")
    parser.add_argument("--packer", metavar="COMMAND", help='arguments of Packer in one string, such as "version"')
    given = parser.parse_args(argv)
    if not given.packer:
        parser.error('nothing to do: give --packer "build /opt/kragle/TEMPLATE.json"')
    return given


def main():
    given = arguments(sys.argv[1:])
    return by_hand.run(given.packer, given.username, given.password)


if __name__ == "__main__":
    sys.exit(main())
