"""An installation ISO of the Red Hat family: what its own boot menu would start."""

import os

from stage import Failure, run

# Kernel and initrd: on the DVD of RHEL and CentOS 7, and where network installations take them from.
PLACES = (("/isolinux/vmlinuz", "/isolinux/initrd.img"), ("/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img"))
DESCRIPTOR_AT = 16 * 2048  # ISO 9660's primary volume descriptor
LABEL_AT, LABEL_BYTES = 40, 32  # in it


def boot_variables(iso, folder):
    """Takes kernel and initrd out into the folder; returns the variables of an install.json that name them.

    The label is how the installer finds its medium, written as udev writes it: "RHEL-7.1\\x20Server.x86_64".
    """
    name = label(iso)
    for kernel, initrd in PLACES:
        targets = [os.path.join(folder, os.path.basename(path)) for path in (kernel, initrd)]
        try:
            for source, target in zip((kernel, initrd), targets, strict=True):
                run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", source, target], quiet=True)
        except Failure:
            continue
        return {"iso": iso, "kernel": targets[0], "initrd": targets[1], "label": name.replace(" ", "\\x20")}
    raise Failure(
        f"the ISO {os.path.basename(iso)} ({name}) has no kernel and initrd of an installer at "
        f"{' or '.join(os.path.dirname(kernel) for kernel, _ in PLACES)}; is it the installation DVD?"
    )


def label(iso):
    """The volume's name. Raises Failure for what is no ISO 9660 file system."""
    try:
        with open(iso, "rb") as file:
            file.seek(DESCRIPTOR_AT)
            descriptor = file.read(LABEL_AT + LABEL_BYTES)
    except OSError as error:
        raise Failure(f"the ISO {iso} cannot be read: {error.strerror}") from error
    if descriptor[1:6] != b"CD001" or len(descriptor) < LABEL_AT + LABEL_BYTES:
        raise Failure(f"{os.path.basename(iso)} is no ISO 9660 image; it may be a download that was cut short")
    return descriptor[LABEL_AT:].decode("ascii", "replace").rstrip(" \0")
