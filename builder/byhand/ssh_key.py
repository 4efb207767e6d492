"""An SSH key pair for one run. Not by ssh-keygen: it refuses to work for a user that /etc/passwd does not know."""

import base64
import struct

from stage import run

COMMENT = "kragle-build"  # by which generalise.sh finds the key in the guest
DER_PREFIX_BYTES = 12  # before the key itself in an Ed25519 SubjectPublicKeyInfo (RFC 8410)


def create(path):
    """Writes the private key (PEM) to the path and returns the public key as a line of authorized_keys."""
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], quiet=True)
    pem = run(["openssl", "pkey", "-in", path, "-pubout"], quiet=True)
    key = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))[DER_PREFIX_BYTES:]
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", key))
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {COMMENT}"
