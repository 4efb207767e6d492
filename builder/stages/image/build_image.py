#!/usr/bin/env python3
"""Stage "image": Packer boots an overlay of the base disk, runs the scripts and leaves one compact qcow2.

Runs as any user, without capabilities, on a read-only root. Mounts: /base (disk.qcow2), /template (image.json, and the scripts in
its provision/) and /steps (what the user's steps run, by their names), read-only; /result and /logs.

Settings (all required):
    diskBytes, memoryMiB, cpus, accelerator ("kvm" or "tcg")
    timeouts     seconds: {"ssh", "script", "shutdown"}
    environment  variables for the scripts
    identity     variables for the script that generalises: what the image says it is
    scripts      the name of each, by which they run in order, and its title: the path that people know
    steps        the user's, see steps.py; by their names they run among the scripts
    points       null where no points are to be taken; else "from", those that the build can go on from, the lowest first: the number of
                 its "step", the "qemu" that wrote it; its disk.qcow2 lies in a folder of that number below /points. "until" is null, or
                 the step from which on none are taken, since a guest that was started from that step's point did not answer
    signs        what the guest's console says of its life, see QemuWatch
    freezeSeconds  null, or after how long a silent, starting guest is started once more
    keep         whether the guest of a build that failed is kept, see KeptGuest
    packageBytes what the cache of packages may take, see package_proxy.py; it lies at /packages, unless this is 0
Secrets: sshPrivateKey, sshPublicKey, the pair by which Packer logs in; search, JSON of the patterns (see secret_scan) of the private
one, by the name KEY, and of all other secrets; screenPassword, where the guest's screen is to be seen; step_NAME, those of steps; all
others become variables of the template: rhsmUsername, rhsmPassword, rhsmOrg, rhsmActivationKey
Results: /result/image.qcow2, /result/packages.tsv, /result/image.json; /logs/{packer,scripts,qemu,serial}.log;
/result/points/, a file and a note for each point, also where the build fails, and silent.json, from which of them no guest answered;
/result/removed.tsv, what generalisation took away (what was done, why, path, script in whose time it had changed last).
"""

import json
import os
import re
import secrets
import shutil

import lifeline
import package_proxy
import packer_template
import points
import stage
import steps
from compact import compact, only_file
from kept_guest import KeptGuest
from packer_run import EXIT_STATUS, PackerRun
from secret_scan import scan

BASE, TEMPLATE, PROVISION, WORK, LOGS = "/base", "/template", "/template/provision", "/result", "/logs"
POINTS = "/points"
SCRATCH = os.path.join(WORK, ".tmp")
OUTPUT = os.path.join(SCRATCH, "output")
FILES = os.path.join(WORK, "files.img")  # the disk with the files of steps, if there are any
STEP_SECRET = "step_"  # what the names of their secrets begin with
BEFORE_STEPS = re.compile(r"[0-4]\d-")  # names of scripts; a point has what they did
KEY = "key"  # in the search for secrets: the private key by which Packer logs in
MOST_TOLD = 20  # paths that are told one by one
PRIVATE = lifeline.PRIVATE  # the private key, and what may contain a proxy's password
STEPS, BUILD = os.path.join(PRIVATE, "steps"), os.path.join(PRIVATE, "build.json")  # made anew for each start of the guest


def build_image(settings):
    with package_proxy.serving(settings["packageBytes"]) as packages:
        if packages:
            # guest.sh takes it from there
            given = {"KRAGLE_PACKAGES": packages.address(package_proxy.IN_GUEST)}
            settings = {**settings, "environment": {**settings["environment"], **given}}
        build_with(settings, packages)


def build_with(settings, packages):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    given = stage.secrets()
    step_secrets = {name.removeprefix(STEP_SECRET): given.pop(name) for name in list(given) if name.startswith(STEP_SECRET)}
    mark = secrets.token_hex(8)  # what scripts print cannot begin with it by chance
    template = packer_template.load(os.path.join(TEMPLATE, "image.json"))
    screen = packer_template.screen_password_file(given, PRIVATE)

    def make_ready(chain):
        """Lets Packer do what is left to do on that chain."""
        shutil.rmtree(STEPS, ignore_errors=True)
        os.mkdir(STEPS)
        own_steps = steps.Steps(settings["environment"], step_secrets, mark, STEPS, settings["timeouts"])
        left = with_what_is_left(template, settings, chain, own_steps, mark)
        stage.write_json(BUILD, packer_template.listening_inside(left, screen))

    patterns = json.loads(given.pop("search"))
    with open(packer_template.key_path(PRIVATE), "x", encoding="ascii") as file:
        os.chmod(file.fileno(), 0o600)
        file.write(given.pop("sshPrivateKey"))
    own = all_variables(settings, given.pop("sshPublicKey"))
    others = {re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): value for name, value in given.items()}
    variables = os.path.join(PRIVATE, "variables.json")
    stage.write_json(variables, packer_template.declared(template, {**own, **others}))
    run, disk = run_packer(settings, mark, template, packages, make_ready, variables)
    stage.phase("compact")
    image = os.path.join(WORK, "image.qcow2")
    compact(disk, image)
    found = look_for_secrets(image, patterns)
    told = {"removed": write_removed(run.removed), "secrets": found, "wayIn": run.way_in}
    stage.write_json(os.path.join(WORK, "image.json"), {**facts(), **told})
    shutil.rmtree(SCRATCH)


def start_chain(settings, template, start):
    """What the guest's disk lies on, see points.py; None where no points are taken."""
    if start is None or not points.can_have(template):
        return None
    qemu = stage.tool_versions()["qemu"]
    chain = points.Chain(SCRATCH, os.path.join(WORK, "points"), os.path.join(BASE, "disk.qcow2"), settings["diskBytes"], qemu)
    chain.until = start.until
    chain.go_on_from(start.points, POINTS)
    return chain


def with_what_is_left(template, settings, chain, own_steps, mark):
    """The template with the scripts and steps that are to run, and a point after each of the steps where there is a chain."""
    done = chain.last_step() if chain else 0
    provisioners = {}
    for number, step in enumerate(settings["steps"][done:], done + 1):
        own = own_steps.provisioners(step)
        provisioners[step["name"]] = points.followed_by_point(own, number, mark) if chain and chain.takes(number) else own
    if chain and provisioners:
        first = min(provisioners)
        provisioners[first] = [points.brought(), *provisioners[first]]
    template = packer_template.with_scripts(
        template,
        {name: os.path.join(PROVISION, name) for name in settings["scripts"] if not done or not BEFORE_STEPS.match(name)},
        settings["environment"],
        settings["timeouts"]["script"],
        mark,
        provisioners,
        settings["identity"],
        "resume" if done else "prepare",
    )
    return points.on_chain(template, chain) if chain else template


def run_packer(settings, mark, template, packages, make_ready, variables):
    """Starts the guest again where that may help.

    One that froze gets a second chance: QEMU's emulation of several CPUs does that now and then; one at fault freezes again. One that
    never answers when it is started from a point is started from an earlier one, or before the first step.
    """
    titles = {**settings["scripts"], **steps.titles(settings["steps"])}
    start = points.Start(settings["points"]) if settings["points"] else None
    froze = False
    while True:
        chain = start_chain(settings, template, start)
        make_ready(chain)
        run = PackerRun(SCRATCH, LOGS, template["builders"][0]["name"], settings["signs"], settings["freezeSeconds"], titles, mark)
        run.qemu.files = FILES if os.path.exists(FILES) else None
        if settings["keep"]:
            run.kept = KeptGuest(WORK, lambda run=run, chain=chain: not is_points_fault(run, chain))
        if chain:
            run.attach(points.PointTaker(chain, run.qemu.screen.monitor))
        try:
            run.build(BUILD, [variables])
            if chain and chain.unsure:
                raise stage.Failure(chain.unsure)
            return run, (chain and chain.active) or only_file(OUTPUT)
        except stage.Failure as failure:
            if packages and run.refused:
                packages.forget_since(run.began)
            if run.qemu.frozen and not froze:
                froze = True
                stage.detail(f"{run.qemu.lost}; so does QEMU's emulation now and then: once more")
            elif is_points_fault(run, chain):
                start.fall_back(chain, str(failure).split("\n", 1)[0])
            else:
                raise
        finally:
            if start and run.begun:
                start.note_silent(os.path.join(WORK, "points"))
        shutil.rmtree(OUTPUT, ignore_errors=True)
        if packages:
            packages.start_anew()


def is_points_fault(run, chain):
    """Whether the guest went down, was lost, stayed silent or had no notes before it could do anything, having started from a point.

    A QEMU that fails, or a Packer, says nothing of the point.
    """
    if not chain or not chain.last_step() or run.begun:
        return False
    silent = "Timeout waiting for SSH" in run.why or EXIT_STATUS.search(run.why)
    return bool(silent or run.qemu.lost or (run.qemu.ended() and run.qemu.code == 0))


def all_variables(settings, public_key):
    timeouts = settings["timeouts"]
    return {
        **packer_template.run_variables(PRIVATE, public_key),
        **packer_template.guest_variables(settings),
        "template_folder": TEMPLATE,
        "base": os.path.join(BASE, "disk.qcow2"),
        "output": OUTPUT,
        "memory": settings["memoryMiB"],
        "serial_log": os.path.join(LOGS, "serial.log"),
        "package_list": os.path.join(WORK, "packages.tsv"),
        "ssh_timeout": f"{timeouts['ssh']}s",
        "shutdown_timeout": f"{timeouts['shutdown']}s",
    }


def look_for_secrets(image, patterns):
    """The names of those that are in the image: later runs, which take it from the store, may have others under these names.

    Nothing after this knows the private key, which fails the build. Uncompressed, the qcow2 holds the guest's data in order.
    """
    hits = scan(image, patterns)["hits"]
    own = [hit for hit in hits if hit["secret"] == KEY]
    if own:
        raise stage.Failure(
            f"the build's private SSH key is in the image ({own[0]['form']}, at byte {own[0]['offset']} of the qcow2); "
            "a provisioning script must have copied it there"
        )
    return sorted({hit["secret"] for hit in hits})


def write_removed(removed):
    """Lists what generalisation took away, and tells what of it a script had made and does not come back by itself; how many."""
    with open(os.path.join(WORK, "removed.tsv"), "w", encoding="utf-8") as file:
        file.writelines("\t".join(row) + "\n" for row in removed)
    told = [row for row in removed if row[1] != "trace" and row[3]]
    for what, why, path, script in told[:MOST_TOLD]:
        stage.detail(f"{what}, though {script} had left it: {path} ({why}); to keep it, write that path into the file $KRAGLE_KEEP")
    if len(told) > MOST_TOLD:
        stage.detail(f"and {len(told) - MOST_TOLD} more; all are in the release's evidence/image/removed.tsv")
    return len(removed)


def facts():
    tools = stage.tool_versions()
    with open(os.path.join(WORK, "packages.tsv"), encoding="utf-8") as file:
        return {"packer": tools["packer"], "qemu": tools["qemu"], "packages": len(file.readlines())}


if __name__ == "__main__":
    stage.main(build_image)
