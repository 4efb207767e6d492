"""Reads a kickstart as strictly as Red Hat Enterprise Linux 7.1 does.

pykickstart's handler "RHEL7" stands for the last release, 7.9. What is taken away here came after pykickstart 1.99.43.18, the
one of 7.1 (compared with its tag r1.99.43.18-1).
"""

import warnings

from pykickstart.errors import KickstartError
from pykickstart.parser import KickstartParser, Script
from pykickstart.sections import NullSection, PackageSection, PostScriptSection, PreScriptSection, TracebackScriptSection
from pykickstart.version import RHEL7, makeVersion

LATER_COMMANDS = ("hmc", "nvdimm", "reqpart", "snapshot")
LATER_OPTIONS = {
    "autopart": ("--hibernation", "--nohome", "--noboot", "--noswap"),
    "bootloader": ("--nombr",),
    "btrfs": ("--mkfsoptions",),
    "clearpart": ("--cdl", "--disklabel"),
    "network": ("--bindto", "--no-activate"),
    "part": ("--mkfsoptions",),
    "partition": ("--mkfsoptions",),
    "raid": ("--mkfsoptions",),
    "repo": ("--metalink", "--sslcacert", "--sslclientcert", "--sslclientkey"),
}


def handler():
    known = makeVersion(RHEL7)
    for name in LATER_COMMANDS:
        del known.commands[name]
    return known


class PreParser(KickstartParser):
    """Looks for %pre only: a script may write a file that the kickstart includes."""

    def __init__(self, known):
        super().__init__(known, missingIncludeIsFatal=False)

    def handleCommand(self, lineno, args):
        pass

    def setupSections(self):
        self.registerSection(PreScriptSection(self.handler, dataObj=Script))
        for name in ("%post", "%traceback", "%packages", "%addon", "%anaconda"):
            self.registerSection(NullSection(self.handler, sectionOpen=name))


class Parser(KickstartParser):
    def handleCommand(self, lineno, args):
        for option in LATER_OPTIONS.get(args[0], ()):
            if any(word == option or word.startswith(option + "=") for word in args[1:]):
                raise KickstartError(f"no such option: {option}", lineno=lineno)
        if args[0] == "timezone" and all(word.startswith("--") for word in args[1:]):
            raise KickstartError("A single argument is expected for the timezone command", lineno=lineno)
        return super().handleCommand(lineno, args)

    def setupSections(self):
        self.registerSection(PreScriptSection(self.handler, dataObj=Script))
        self.registerSection(PostScriptSection(self.handler, dataObj=Script))
        self.registerSection(TracebackScriptSection(self.handler, dataObj=Script))
        self.registerSection(PackageSection(self.handler))
        # add-ons that 7.1 does not have are ignored by it too
        self.registerSection(NullSection(self.handler, sectionOpen="%addon"))


def read_pre(path):
    """The handler with the %pre scripts of a kickstart. Raises KickstartError."""
    known = handler()
    PreParser(known).readKickstart(path)
    return known


def read(path):
    """The handler with everything that a kickstart says. Raises KickstartError."""
    known = handler()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Parser(known).readKickstart(path)
    for warning in caught:
        print(f"Warning: {warning.message}", flush=True)
    return known
