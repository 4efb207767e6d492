"""The folder of a template that somebody names to Packer by hand, and what lies in it."""

import os
import re

from packer_template import load


def scripts_in(*folders):
    """The provisioning scripts of those folders: {name: path}."""
    paths = [os.path.join(folder, name) for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)]
    return {os.path.basename(path): path for path in paths if re.match(r"\d\d-", os.path.basename(path))}


def home_of(template):
    """The folder with the template.json of a Packer template, also by a link such as /opt/kragle/NAME.json.

    Folders may share a file by a link, so a link is only followed where no template.json lies beside it.
    """
    path = os.path.abspath(template)
    while not os.path.exists(os.path.join(os.path.dirname(path), "template.json")) and os.path.islink(path):
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return os.path.normpath(os.path.dirname(path))


def facts_of(home):
    """The template.json in that folder; nothing where there is none."""
    path = os.path.join(home, "template.json")
    return load(path) if os.path.exists(path) else {}
