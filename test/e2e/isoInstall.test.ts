import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { type Clone, type Finished, jsonOf } from "../clone";
import { treesToolsImage } from "../docker/toolsImage";
import { inTools } from "../docker/smallDisk";
import { searchFor } from "../../host/secretForms";
import { isFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { DVD, standInIso, type StandInIso } from "../standIn/standInIso";
import { runByHand } from "./byHand";
import { sha256 } from "../sha256";

const MINUTES = 60_000;
// characters that a shell, a URL and JSON would each trip over
const USER = "ada@example.com";
const PASSWORD = 'it\'s "$HOME" 7& ü';

interface UpDocument {
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imagePath: string;
    readonly imageSha256: string;
    readonly conversions: Record<string, { path: string }>;
  };
}

describe("RHEL 7.1 from its DVD, by a stand-in of it", function () {
  this.timeout(90 * MINUTES);
  inSequence();

  let clone: Clone;
  let iso: StandInIso;
  let released: UpDocument["outputs"];

  const settings = (more: Record<string, unknown> = {}) => ({
    template: "rhel7",
    diskSize: "4 GiB",
    memory: "1 GiB",
    formats: ["raw"],
    isoPath: clone.path("build/rhel7/os", DVD),
    isoSha256: iso.sha256,
    // as the stack rhel7 has it
    check: { waive: [{ rule: "storage.growth", reason: "the DVD has no growpart" }] },
    ...more,
  });
  const up = (credentials: Record<string, string> = {}): Promise<Finished> =>
    clone.kragle(["up", "-s", "stand-in", "--engine", "embedded", "--json"], {
      ...Object.fromEntries(
        Object.entries(credentials).map(([name, value]) => [`KRAGLE_SECRET_${name}`, value]),
      ),
    });
  const account = { rhsmUsername: USER, rhsmPassword: PASSWORD };

  before(function () {
    clone = sharedClone();
  });

  it("refuses an ISO with another checksum before anything boots", async () => {
    const file = clone.path("build/rhel7/os", DVD);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "not the DVD\n");
    iso = { path: file, sha256: "1".repeat(64) };
    clone.addStack("stand-in", settings());
    const before = logsOf(clone, "image");
    const finished = await up();
    assert.equal(finished.code, 3, finished.stderr);
    assert.match(finished.stderr, new RegExp(sha256("not the DVD\n")));
    assert.match(finished.stderr, /1{64}/);
    assert.deepEqual(logsOf(clone, "image"), before);
    rmSync(file);
  });

  it("says which file is missing, where it belongs and how its checksum is given", async () => {
    const finished = await up();
    assert.equal(finished.code, 3, finished.stderr);
    assert.match(finished.stderr, new RegExp(`build/rhel7/os/${DVD}`));
    assert.match(finished.stderr, /the setting isoPath/);
    assert.match(finished.stderr, /given in isoSha256/);
  });

  describe("installed", () => {
    before(async function () {
      if (!isFullTier) {
        console.log("      skipped: takes 15 to 40 minutes; npm run test:full has it");
        return this.skip();
      }
      iso = await standInIso(treesToolsImage());
      cpSync(iso.path, clone.path("build/rhel7/os", DVD));
    });

    it("makes an image that is registered once, and unregistered", async () => {
      clone.addStack("stand-in", settings());
      const finished = await up(account);
      assert.equal(finished.code, 0, finished.stderr);
      released = jsonOf<UpDocument>(finished).outputs;
      const [logs] = logsOf(clone, "store/image");
      assertRegisteredOnce(readFileSync(join(logs!, "serial.log"), "utf8"));
    });

    it("leaves no credential and no consumer in it", () => {
      const evidence = join(dirname(released.imagePath), "evidence");
      const { rules } = JSON.parse(readFileSync(join(evidence, "check/check.json"), "utf8")) as {
        rules: { id: string; status: string; detail?: string }[];
      };
      for (const id of ["payload.secrets", "subscription.identity", "installer.leftovers"]) {
        const rule = rules.find((each) => each.id === id);
        assert.equal(rule?.status, "passed", `${id}: ${rule?.detail}`);
      }
      const [logs] = logsOf(clone, "store/image");
      const scripts = readFileSync(join(logs!, "scripts.log"), "utf8");
      const consumer = /registered with ID: ([0-9a-f-]{36})/.exec(scripts)?.[1];
      assert.ok(consumer, scripts);
      const hits = scanFor(dirname(released.conversions.raw!.path), { PASSWORD, USER, consumer });
      assert.deepEqual(hits, []);
      assert.deepEqual(filesIn(dirname(released.conversions.raw!.path), "/etc/pki/consumer"), []);
      assert.deepEqual(
        filesIn(dirname(released.conversions.raw!.path), "/etc/pki/entitlement"),
        [],
      );
    });

    it("unregisters after a provisioning script failed", async () => {
      writeFileSync(clone.path("break.sh"), "#!/bin/sh\necho the flux is missing\nexit 7\n", {
        mode: 0o755,
      });
      clone.addStack("stand-in", settings({ provision: ["break.sh"] }));
      const finished = await up(account);
      assert.equal(finished.code, 1, finished.stderr);
      assert.match(finished.stderr, /the flux is missing/);
      assert.ok(!finished.stderr.includes(PASSWORD), "the password was printed");
      const [logs] = logsOf(clone, "failed/image");
      assertRegisteredOnce(readFileSync(join(logs!, "serial.log"), "utf8"));
    });

    const faults: Record<string, { change: (kickstart: string) => string; expected: RegExp[] }> = {
      "a kickstart command that the installer does not know": {
        change: (text) => `frobnicate --now\n${text}`,
        expected: [/Unknown command: frobnicate/, /line 1 of the kickstart file/],
      },
      "a script of the kickstart that fails": {
        change: (text) =>
          text.replace(
            "%post --erroronfail",
            "%post --erroronfail\necho no flux\nexit 3\n%end\n$&",
          ),
        expected: [/error running the kickstart script/, /no flux/],
      },
      // QEMU then ends with exit code 0, which Packer takes for a success
      "a machine that resets in the middle": {
        change: (text) => text.replace(/^%post --nochroot.*$/m, "$&\necho b >/proc/sysrq-trigger"),
        expected: [/did not come to its end/, /Running post-installation scripts/],
      },
    };
    for (const [name, { change, expected }] of Object.entries(faults)) {
      it(`fails for ${name}, and shows the console's last lines`, async () => {
        const folder = clone.path("faulty template");
        rmSync(folder, { recursive: true, force: true });
        cpSync(clone.path("builder/templates/rhel7"), folder, { recursive: true });
        const kickstart = readFileSync(join(folder, "ks.cfg"), "utf8");
        const changed = change(kickstart);
        assert.notEqual(changed, kickstart);
        writeFileSync(join(folder, "ks.cfg"), changed);
        clone.addStack("stand-in", settings({ template: folder }));
        const finished = await up();
        assert.equal(finished.code, 1, finished.stderr);
        for (const pattern of expected) assert.match(finished.stderr, pattern);
        assert.match(finished.stderr, /logs: \S+/);
      });
    }

    it("is made by the original's command line too, and boots", async () => {
      const folder = clone.path("by hand");
      mkdirSync(join(folder, "os"), { recursive: true });
      cpSync(iso.path, join(folder, "os", DVD));
      writeFileSync(join(folder, "os", `${DVD}.sha256`), `${iso.sha256}  ${DVD}\n`);
      const finished = await runByHand(folder, [
        ...["--username", USER, "--password", PASSWORD],
        ...["--packer", "build /opt/kragle/rhel7.json"],
      ]);
      assert.equal(finished.code, 0, finished.output);
      assert.ok(!finished.output.includes(PASSWORD), "the password was printed");
      const image = join(folder, "output/packer-kragle-qcow2");
      assert.ok(statSync(image).isFile());
      assertRegisteredOnce(readFileSync(join(folder, "logs/image-serial.log"), "utf8"));
      const console = inTools(treesToolsImage(), folder, BOOT);
      assert.match(console, /Red Hat Enterprise Linux Server 7\.1 \(Maipo\)|login:/);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith(".kragle-")),
        [],
      );
    });
  });
});

/** Boots an overlay of /w/output/packer-kragle-qcow2 to its login prompt; prints the console's end. */
const BOOT = `
  cd /tmp
  qemu-img create -q -f qcow2 -F qcow2 -b /w/output/packer-kragle-qcow2 disk.qcow2
  qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1024 -display none -no-reboot -nic none \\
    -drive if=virtio,format=qcow2,file=disk.qcow2 -serial file:serial.log &
  for second in $(seq 600); do
    if grep -q 'login:' serial.log; then kill $!; wait; tail -n 20 serial.log; exit 0; fi
    sleep 1
  done
  tail -n 40 serial.log
  exit 1`;

/** How the guest's stand-ins were called: name, command and arguments, values as digests. */
function calls(serial: string): string[] {
  return [...serial.matchAll(/^stand-in ran: (.*?)\r?$/gm)].map((match) => match[1]!);
}

function assertRegisteredOnce(serial: string): void {
  const short = (text: string) => sha256(text).slice(0, 16);
  const made = calls(serial)
    .filter((call) => call.startsWith("subscription-manager "))
    .map((call) => call.replace(/ --name=\w+/, ""));
  const registered = `subscription-manager register --username=${short(USER)} --password=${short(PASSWORD)}`;
  const of = (command: string) => made.filter((call) => call.split(" ")[1] === command);
  assert.deepEqual(of("register"), [registered], serial);
  assert.deepEqual(of("unregister"), ["subscription-manager unregister"], serial);
  assert.ok(of("clean").length > 0, serial);
  assert.ok(made.indexOf(registered) < made.indexOf("subscription-manager unregister"));
}

/** The folders with logs of a stage's artifacts or failures, the newest first. */
function logsOf(clone: Clone, place: string): string[] {
  const [parent, stage] = place.includes("/") ? place.split("/") : ["store", place];
  const folder = clone.path(".kragle", parent!);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${stage}-`))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .map((path) => (existsSync(join(path, "logs")) ? join(path, "logs") : path));
}

/** What the project's own scan finds in kragle.raw, free blocks included. */
function scanFor(folder: string, secrets: Record<string, string>): unknown[] {
  writeFileSync(join(folder, "patterns.json"), JSON.stringify(searchFor(secrets).patterns));
  const script = `python3 -c '
import json, sys
sys.path.insert(0, "/usr/local/lib/kragle")
from secret_scan import scan
print(json.dumps(scan("/w/kragle.raw", json.load(open("/w/patterns.json")))["hits"]))'`;
  const answer = inTools(treesToolsImage(), folder, script);
  rmSync(join(folder, "patterns.json"));
  return JSON.parse(answer) as unknown[];
}

/** Names in a folder of the root file system, the last partition of kragle.raw; empty where there is no such folder. */
function filesIn(folder: string, path: string): string[] {
  const script = `
    start=$(sfdisk --json /w/kragle.raw | python3 -c 'import json, sys; print(json.load(sys.stdin)["partitiontable"]["partitions"][-1]["start"] * 512)')
    debugfs -R 'ls -p ${path}' "/w/kragle.raw?offset=$start" 2>/dev/null || true`;
  const listed = inTools(treesToolsImage(), folder, script);
  return listed
    .split("\n")
    .map((line) => line.split("/")[5] ?? "")
    .filter((name) => name !== "" && name !== "." && name !== "..");
}
