import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runPython } from "./programs";
import { toolsImage } from "./toolsImage";

/** A guest that is a boot sector: it writes A to its console, waits three seconds, and resets the machine. It never answers on SSH. */
const SCRIPT = `
import functools, os, subprocess, time
import guest_ssh

code = bytes.fromhex("baf803b041ee31c08ed8a16c0405360089c33b1e6c0477fab0fee664f4ebfd")
with open("/tmp/boot.img", "wb") as disk:
    disk.write((code.ljust(510, b"\\0") + b"\\x55\\xaa").ljust(2**20, b"\\0"))
with open("/tmp/files.img", "wb") as disk:
    disk.write(bytes(2**20))

recorded = {"LOG": "/tmp/log", "EXIT": "/tmp/exit", "MONITOR": "kragle-test", "FILES": "/tmp/files.img"}
os.environ.update({f"KRAGLE_QEMU_{name}": value for name, value in recorded.items()})
qemu = subprocess.Popen([
    "/usr/local/lib/kragle/qemu-recorded", "-no-reboot", "-display", "none", "-m", "64", "-serial", "file:/tmp/serial",
    "-drive", "file=/tmp/boot.img,if=virtio,format=raw",
    "-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:3022-:22", "-device", "virtio-net,netdev=user.0",
])
ask = functools.partial(guest_ssh.ask, "kragle-test")
print("port", guest_ssh.forwarded_port("kragle-test"))
print("disks", [one["inserted"]["file"] for one in ask("query-block") if one.get("inserted")])

def restart(what):
    words = ["50-1-reboot", "MK", "30", "4"]
    done = subprocess.run(["python3", "/usr/local/lib/kragle/restart.py", what, *words], capture_output=True, text=True)
    print(what, done.returncode, done.stdout.strip(), done.stderr.strip().split(" (")[0])

def letters():
    with open("/tmp/serial") as console:
        return console.read().count("A")

restart("allow")
while ask("query-status")["status"] != "shutdown":
    time.sleep(0.1)
print("held", qemu.poll(), letters())
restart("wait")
print("boots", letters() >= 2, qemu.poll())
ask("set-action", reboot="shutdown")
print("unasked", qemu.wait(30))
`;

describe("restarting a guest", function () {
  this.timeout(180_000);
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
    folder = mkdtempSync(join(tmpdir(), "kragle-restart-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("holds it where it was asked to, starts it again, and ends QEMU where it was not", () => {
    const said = runPython(image, folder, SCRIPT).trim().split("\n");
    assert.deepEqual(said, [
      "port 3022",
      "disks ['/tmp/boot.img', '/tmp/files.img']",
      "allow 0 MK>50-1-reboot ",
      "held None 1",
      "wait 1 MK>50-1-reboot MK!the guest did not answer on SSH within 4 s after its reboot",
      "boots True None",
      "unasked 0",
    ]);
  });
});
