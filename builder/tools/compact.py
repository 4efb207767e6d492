"""The finished image: one file without a backing file, holding only what the guest's file systems use."""

import os

from stage import Failure, run


def only_file(folder):
    """The one disk that Packer left in its output folder."""
    names = os.listdir(folder)
    if len(names) != 1:
        raise Failure(f"packer left {len(names)} files in its output folder, expected one disk: {sorted(names)}")
    return os.path.join(folder, names[0])


def compact(overlay, image):
    """Writes the overlay and what lies below it into the new qcow2 `image`; the name appears when the file is safe.

    In order (no -W), so that the same content gives the same bytes.
    """
    # A damaged qcow2 would be converted without an error, with zeros in place of what is missing.
    run(["qemu-img", "check", "-q", "-f", "qcow2", overlay])
    unfinished = image + ".new"
    run(["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", overlay, unfinished])
    with open(unfinished, "rb") as file:
        os.fsync(file.fileno())
    os.rename(unfinished, image)
