import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runPython } from "./programs";
import { toolsImage } from "./toolsImage";

/**
 * A build without a guest: a QEMU whose processors do not run, with a disk as Packer makes it, into which QEMU itself writes. Step n writes
 * n into the nth MiB.
 */
const BUILD = `
import json, os, shutil, subprocess, sys, time
os.chdir("/w")
import points, stage
from compact import compact
from guest_screen import Monitor
MIB = 2**20
stage.detail = lambda line: told.append(line)
told, folder = [], "/w/scratch"

def qemu_img(*arguments):
    subprocess.run(["qemu-img", *arguments], check=True, stdout=subprocess.DEVNULL)

class Build:
    def __init__(self, steps_there=(), qemu="7.2.22", results="/w/result"):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder + "/output")
        self.chain = points.Chain(folder, results, "/w/base.qcow2", 16 * MIB, qemu)
        self.chain.go_on_from(steps_there, "/w/points")
        self.disk = folder + "/output/packer-kragle-qcow2"
        template = points.on_chain({"builders": [{"qemu_img_args": {"create": ["-F", "qcow2", "-o", "cluster_size=4k"]}}]}, self.chain)
        # as Packer does: what is below it first, then the template's arguments
        create = template["builders"][0]["qemu_img_args"]["create"]
        qemu_img("create", "-f", "qcow2", "-b", "/w/base.qcow2", *create, self.disk, "16777216b"[:-1])
        self.taker = points.PointTaker(self.chain, f"monitor-{os.getpid()}")
        drive = f"file={self.disk},if=virtio,cache=unsafe,discard=unmap,format=qcow2,detect-zeroes=unmap"
        line = f"socket,id=points,path={self.taker.line},abstract=on,server=on,wait=off"
        command = ["qemu-system-x86_64", "-S", "-display", "none", "-nodefaults", "-drive", drive, "-chardev", line]
        command += ["-serial", "chardev:points", "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]
        self.qemu = subprocess.Popen([*command, "-qmp", f"unix:{self.taker.monitor},abstract=on,server=on,wait=off"], stdout=subprocess.DEVNULL)
        while True:
            try:
                with Monitor(self.taker.monitor):
                    return
            except OSError:
                time.sleep(0.1)

    def ask(self, command, **arguments):
        with Monitor(self.taker.monitor) as monitor:
            return monitor.ask(command, **arguments)

    def write(self, step, byte=None):
        said = self.ask("human-monitor-command", **{"command-line": f'qemu-io virtio0 "write -P {step if byte is None else byte} {step}M 1M"'})
        assert said == "", said

    def step(self, step):
        self.write(step)
        return self.taker.take(step)

    def end(self):
        self.ask("quit")
        self.qemu.wait()
        compact(self.chain.active or self.disk, "/w/image.qcow2")
        qemu_img("convert", "-O", "raw", "/w/image.qcow2", "/w/image.raw")
        with open("/w/image.raw", "rb") as file:
            data = file.read()
        return [data[n * MIB] if data[n * MIB : (n + 1) * MIB] == data[n * MIB : n * MIB + 1] * MIB else None for n in range(6)]

def keep(*steps):
    for step in steps:
        os.makedirs(f"/w/points/{step}", exist_ok=True)
        shutil.copy(f"/w/result/{step}.qcow2", f"/w/points/{step}/disk.qcow2")

def publish(step):
    """As the stage does while the guest goes on."""
    os.makedirs(f"/w/points/{step}")
    os.chmod(f"/w/result/{step}.qcow2", 0o444)
    os.rename(f"/w/result/{step}.qcow2", f"/w/points/{step}/disk.qcow2")

def notes():
    return {name: json.load(open("/w/result/" + name))["below"] for name in sorted(os.listdir("/w/result")) if name.endswith(".json")}

qemu_img("create", "-q", "-f", "qcow2", "base.qcow2", "16M")
subprocess.run(["qemu-io", "-c", "write -P 9 0 1M", "base.qcow2"], check=True, stdout=subprocess.DEVNULL)
`;

describe("points of a running guest's disk", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-points-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const result = (script: string) =>
    JSON.parse(
      runPython(image, folder, `${BUILD}\n${script}\nprint(json.dumps(found))`),
    ) as unknown;

  it("are taken one after the other, and the image is what the guest has written in all", () => {
    const found = result(`
build = Build()
answers = [build.step(1), build.step(2), build.step(3)]
build.write(2, 7)
build.write(4)
found = [answers, build.end(), notes(), told]`);
    assert.deepEqual(found, [
      ["taken", "taken", "taken"],
      [9, 1, 7, 3, 4, 0],
      { "1.json": [], "2.json": [1], "3.json": [1, 2] },
      [],
    ]);
  });

  it("are whole as soon as they are taken, and published while the guest goes on", () => {
    const found = result(`
build = Build()
for step in (1, 2):
    build.step(step)
    publish(step)
build.write(2, 7)
image = [build.step(3), build.end()]
found = [image, Build([{"step": 1, "qemu": "7.2.22"}, {"step": 2, "qemu": "7.2.22"}]).end()]`);
    assert.deepEqual(found, [
      ["taken", [9, 1, 7, 3, 0, 0]],
      [9, 1, 2, 0, 0, 0],
    ]);
  });

  it("are gone on from, wherever they lie by then, with the step that is another one", () => {
    const found = result(`
build = Build()
build.step(1), build.step(2), build.step(3)
build.end()
keep(1, 2, 3)
build = Build([{"step": 1, "qemu": "7.2.22"}, {"step": 2, "qemu": "7.2.9"}])
assert build.chain.last_step() == 2
build.write(3, 8)
found = [build.taker.take(3), build.end(), notes(), told]`);
    assert.deepEqual(found, ["taken", [9, 1, 2, 8, 0, 0], { "3.json": [1, 2] }, []]);
  });

  it("are not gone on from where a later QEMU wrote them, or where they are damaged", () => {
    const found = result(`
build = Build()
build.step(1), build.step(2), build.step(3)
build.end()
keep(1, 2, 3)
made = lambda *versions: [{"step": step, "qemu": qemu} for step, qemu in enumerate(versions, 1)]
later = Build(made("7.2.22", "8.0.0", "7.2.22"))
steps = [later.chain.last_step()]
later.write(2, 8)
image = later.end()
with open("/w/points/3/disk.qcow2", "r+b") as file:
    file.seek(40)
    file.write(b"\\xff" * 8) # where its L1 table is
damaged = Build(made("7.2.22", "7.2.22", "7.2.22"))
steps.append(damaged.chain.last_step())
damaged.end()
found = [steps, image, told]`) as [unknown, unknown, string[]];
    assert.deepEqual(found.slice(0, 2), [
      [1, 2],
      [9, 1, 8, 0, 0, 0],
    ]);
    const [later, damaged] = found[2];
    assert.equal(
      later,
      "the point after step 2 is not used: QEMU 8.0.0 wrote it, and this builder has 7.2.22",
    );
    assert.match(damaged!, /^the point after step 3 is not used: it is damaged: .*L1/);
  });

  it("that cannot be kept cost the build nothing but themselves", () => {
    const found = result(`
build = Build()
answers = [build.step(1)]
os.mkdir("/w/result/2.qcow2")
answers += [build.step(2), build.step(3)]
found = [answers, build.end(), notes()]`) as [string[], unknown, unknown];
    assert.equal(found[0][0], "taken");
    assert.match(found[0][1]!, /File exists/);
    assert.equal(found[0][2], found[0][1]);
    assert.deepEqual(found.slice(1), [[9, 1, 2, 3, 0, 0], { "1.json": [] }]);
  });

  it("leave those before them whole where QEMU is killed while one is taken", () => {
    const found = result(`
build = Build()
build.step(1)
build.write(2)
real = points.Monitor.ask
def ask(self, command, **arguments):
    if command == "blockdev-snapshot":
        build.qemu.kill()
        build.qemu.wait()
    return real(self, command, **arguments)
points.Monitor.ask = ask
answer = build.taker.take(2)
points.Monitor.ask = real
keep(1)
before = notes()
build = Build([{"step": 1, "qemu": "7.2.22"}])
found = [answer, before, build.chain.steps, build.end()]`) as [string, ...unknown[]];
    assert.notEqual(found[0], "taken");
    assert.deepEqual(found.slice(1), [{ "1.json": [] }, [1], [9, 1, 0, 0, 0, 0]]);
  });

  it("are not taken on a full disk, and the build goes on as far as it can", () => {
    // 64 MiB, which every container has
    const found = result(`
folder = results = "/dev/shm/kragle"
build = Build(results=results + "/points")
answers = [build.step(1)]
with open("/dev/shm/full", "wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError as error:
        answers.append(error.strerror)
answers.append(build.taker.take(2))
os.remove("/dev/shm/full")
found = [answers, build.step(2), build.end(), sorted(os.listdir(results + "/points"))]`) as [
      string[],
      ...unknown[],
    ];
    assert.deepEqual(found[0].slice(0, 2), ["taken", "No space left on device"]);
    assert.match(found[0][2]!, /No space left on device/);
    assert.deepEqual(found.slice(1), [
      "taken",
      [9, 1, 2, 0, 0, 0],
      ["1.json", "1.qcow2", "2.json", "2.qcow2"],
    ]);
  });
});
