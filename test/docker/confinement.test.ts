import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BUILD_GID, BUILD_UID, handToContainer } from "../../executors/handOver";
import { type Confinement, describePrivileges, hostCapabilities } from "../../executors/isolation";
import { Redactor } from "../../host/redactor";
import { programs } from "./programs";
import { docker, executor } from "../site";
import { toolsImage } from "./toolsImage";

/** What a container says about itself; its exit code is of no interest. */
interface Inside {
  readonly status: Record<string, string>;
  readonly root: string;
  readonly devices: string[];
  readonly limits: { memory: number; pids: number };
  readonly environment: string[];
  readonly argv: string[];
  readonly secrets: { mode: number; fs: string; text: string };
  readonly writable: boolean;
  readonly proxy: string | null;
}

const LOOK = `
import json, os, subprocess
def text(path):
    with open(path) as file: return file.read()
def first(*paths):
    return int(next(text(p) for p in paths if os.path.exists(p)))
mounts = [line.split() for line in text("/proc/mounts").splitlines()]
def writes():
    try:
        open("/usr/probe", "w").close(); os.remove("/usr/probe"); return True
    except OSError: return False
secrets = os.environ["KRAGLE_SECRETS"]
with open("/result/made", "w"): pass
json.dump({
    "status": dict(line.split(":", 1) for line in text("/proc/self/status").splitlines()),
    "root": next(m[3] for m in mounts if m[1] == "/"),
    "devices": sorted(os.listdir("/dev")),
    "limits": {"memory": first("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
               "pids": first("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max")},
    "environment": text("/proc/1/environ").split("\\0") if os.access("/proc/1/environ", os.R_OK) else [],
    "argv": text("/proc/1/cmdline").split("\\0"),
    "secrets": {"mode": os.stat(secrets).st_mode & 0o777, "text": text(secrets),
                "fs": next(m[2] for m in mounts if secrets.startswith(m[1] + "/"))},
    "writable": writes(),
    "proxy": os.environ.get("https_proxy"),
}, open("/result/inside.json", "w"))
`;

const CANARY = "c4n4ry/of+this run";
/** Those that Docker gives by default and installing a system needs. */
const INSTALLERS =
  "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP";

describe("what a stage's container may do", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle cönfined "));
    mkdirSync(join(folder, "logs"));
    writeFileSync(join(folder, "look.py"), LOOK);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs a program in a container and, meanwhile, asks Docker what anybody may ask it. */
  async function run(user: Confinement, command: string[], kvm = false) {
    await handToContainer(folder);
    const lines: string[] = [];
    const key = folder.slice(-6);
    let inspected = "";
    const watch = setInterval(() => {
      void docker
        .listContainers({ filters: { label: [`kragle.key=${key}`] } })
        .then(([found]) => found && docker.getContainer(found.Id).inspect())
        .then((facts) => (inspected ||= facts ? JSON.stringify(facts) : ""))
        // it may end between the two questions; what was never inspected fails the assertions
        .catch((error: { statusCode?: number }) => assert.equal(error.statusCode, 404));
    }, 50);
    const { exitCode } = await executor.run({
      storeId: "confinement",
      key,
      image,
      run: command,
      settings: {},
      secrets: { canary: CANARY },
      redactor: new Redactor([CANARY]),
      programs: programs(),
      outputs: [{ at: "/result", path: folder }],
      user,
      network: "none",
      kvm,
      memoryBytes: 512 * 2 ** 20,
      log: join(folder, "container.log"),
      onLine: (line) => lines.push(line),
      deadlineSeconds: 60,
    });
    clearInterval(watch);
    return { exitCode, lines, inspected };
  }

  async function look(user: Confinement, kvm = false): Promise<Inside> {
    const { exitCode, lines } = await run(user, ["python3", "/result/look.py"], kvm);
    assert.equal(exitCode, 0, lines.join("\n"));
    return JSON.parse(readFileSync(join(folder, "inside.json"), "utf8")) as Inside;
  }

  const capabilities = (inside: Inside, set: string) =>
    hostCapabilities(`CapBnd:\t${inside.status[set]!.trim()}`);
  const field = (inside: Inside, name: string) => inside.status[name]!.trim();
  const STANDARD_DEVICES =
    /^(core|fd|full|mqueue|null|ptmx|pts|random|shm|std\w+|tty|urandom|zero)$/;
  const ownDevices = ({ devices }: Inside) =>
    devices.filter((name) => !STANDARD_DEVICES.test(name));

  function assertConfined(inside: Inside): void {
    assert.equal(field(inside, "NoNewPrivs"), "1");
    assert.equal(field(inside, "Seccomp"), "2", "no seccomp filter");
    assert.match(inside.root, /^ro,/);
    assert.equal(inside.writable, false);
    assert.deepEqual(inside.limits, { memory: 512 * 2 ** 20, pids: 1024 });
    assert.ok(!inside.argv.join(" ").includes(CANARY));
    assert.equal(inside.secrets.mode, 0o400);
    assert.equal(inside.secrets.fs, "tmpfs");
    assert.deepEqual(JSON.parse(inside.secrets.text), { canary: CANARY });
  }

  it("is next to nothing where a guest runs", async () => {
    const inside = await look("builder");
    assertConfined(inside);
    for (const set of ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"]) {
      assert.deepEqual(capabilities(inside, set), [], set);
    }
    assert.match(field(inside, "Uid"), new RegExp(`^${BUILD_UID}\\s`));
    assert.match(field(inside, "Gid"), new RegExp(`^${BUILD_GID}\\s`));
    assert.deepEqual(ownDevices(inside), []);
  });

  it("is /dev/kvm, and no other device, where a guest runs on it", async function () {
    if (!existsSync("/dev/kvm")) this.skip();
    const inside = await look("builder", true);
    assert.deepEqual(ownDevices(inside), ["kvm"]);
    assertConfined(inside);
  });

  it("is less than Docker's default where a system is installed", async () => {
    const inside = await look("root");
    assertConfined(inside);
    const expected = INSTALLERS.split(" ").sort();
    assert.deepEqual(capabilities(inside, "CapEff").sort(), expected);
    assert.deepEqual(capabilities(inside, "CapBnd").sort(), expected);
    assert.deepEqual(ownDevices(inside), []);
  });

  it("is everything that the host has where privileges are asked for", async () => {
    const inside = await look("privileged");
    // an older Docker does not know those that came after Linux 5.7
    const newest = ["PERFMON", "BPF", "CHECKPOINT_RESTORE"];
    const old = (names: string[]) => names.filter((name) => !newest.includes(name));
    assert.deepEqual(old(capabilities(inside, "CapEff")), old(hostCapabilities()));
    assert.ok(capabilities(inside, "CapEff").includes("SYS_ADMIN"));
    assert.equal(field(inside, "Seccomp"), "0");
    assert.match(inside.root, /^rw,/);
    assert.match(field(inside, "Uid"), /^0\s/);
    const devices = ["/dev/kvm", "/dev/net/tun"].filter((path) => existsSync(path));
    assert.deepEqual(ownDevices(inside), devices.map((path) => path.split("/")[2]!).sort());
    for (const words of [...devices, "every capability"]) {
      assert.ok(describePrivileges().includes(words), words);
    }
  });

  it("leaves the caller what root made, so that it can be published or deleted", async () => {
    await look("root");
    const { uid, gid } = statSync(join(folder, "made"));
    assert.deepEqual([uid, gid], [BUILD_UID, BUILD_GID]);
  });

  it("shows a secret to nobody who asks Docker, and to no log", async () => {
    const program = ["sh", "-c", "cat $KRAGLE_SECRETS; base64 -w0 <$KRAGLE_SECRETS; sleep 2"];
    const before = process.env.https_proxy;
    process.env.https_proxy = "http://u:pr0xy-p4ss@127.0.0.1:9";
    try {
      const { lines, inspected } = await run("builder", program);
      assert.match(inspected, /kragle\.key/);
      assert.ok(!inspected.includes(CANARY) && !inspected.includes("pr0xy-p4ss"), inspected);
      assert.match(lines.join("\n"), /"canary": "\*\*\*"/);
      const everything = lines.join("\n") + readFileSync(join(folder, "container.log"), "utf8");
      for (const form of [CANARY, "YzRuNHJ5L29mK3RoaXMgcnVu", "M0bjRyeS9vZit0aGlzIHJ1b"]) {
        assert.ok(!everything.includes(form), everything);
      }
      assert.match(inspected, /"PortBindings":(\{\}|null)/);
      assert.equal((await look("builder")).proxy, process.env.https_proxy);
    } finally {
      if (before === undefined) delete process.env.https_proxy;
      else process.env.https_proxy = before;
    }
  });
});

describe("the host's capabilities", () => {
  it("are read by their numbers", () => {
    assert.deepEqual(hostCapabilities("CapBnd:\t0000000000000000\n"), []);
    assert.deepEqual(hostCapabilities("Name:\tx\nCapBnd:\t0000000000200001\n"), [
      "CHOWN",
      "SYS_ADMIN",
    ]);
    assert.equal(hostCapabilities("CapBnd:\t000001ffffffffff\n").length, 41);
  });
});
