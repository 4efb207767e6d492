"""What apt says of a release that it cannot install, in words with a next step."""

import re

from stage import Failure

TROUBLES = (
    (
        r"The repository '(\S+ \S+) Release' does not have a Release file",
        "not on the mirror: {0}; see that the setting suite, or template.json, has the code name of a release that the mirror has",
    ),
    (
        r"E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)",
        "{suite} has no package {0}, which the template wants; name that release's packages in template.json",
    ),
    (
        r"NO_PUBKEY|The repository '\S+ \S+ (?:In)?Release' is not signed",
        "{suite} is signed by a key that the builder does not know; its package debian-archive-keyring is older than the release",
    ),
    (
        r"Release file for (\S+) is expired",
        "{0} is past its date: the mirror is not renewed any more; use another, or, where it is frozen on purpose, "
        'write Acquire::Check-Valid-Until "false"; into this machine\'s apt.conf, which builds go by',
    ),
    (
        r"have unmet dependencies",
        "the template's packages cannot be installed together in {suite} today; use the setting snapshot for an earlier day, or try later",
    ),
)


def explained(failure, suite):
    """The failure of a bootstrap with its cause in front of apt's own words; as it is where these tell nothing that is known."""
    words = str(failure)
    for pattern, meaning in TROUBLES:
        found = [next(filter(None, match.groups()), "") for match in re.finditer(pattern, words)]
        if found:
            names = ", ".join(dict.fromkeys(found))
            return Failure(f"{meaning.format(names, suite=suite)}\n{words}")
    return failure
