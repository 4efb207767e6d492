import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { findPulumi } from "../../engine/choose";
import { BRIDGED } from "../../sdks/libvirt/parameterizedPackage";
import { type Clone, jsonOf } from "../clone";
import { sharedClone } from "../sharedClone";
import { inSequence } from "../inSequence";
import { LibvirtDaemon } from "./libvirtDaemon";
import { MINUTES, PulumiProject } from "./pulumiProject";

interface UpDocument {
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imagePath: string;
    readonly imageSha256: string;
    readonly accelerator: "kvm" | "tcg";
    readonly smoke: {
      passed: boolean;
      driver: string;
      seconds: Record<string, number>;
      tests: string[];
    };
  };
}

const CONSUMER = "examples/consumer";

describe("the driver libvirt, with the real Pulumi CLI and a real libvirtd", function () {
  this.timeout(10 * MINUTES);
  inSequence();

  let clone: Clone;
  let dev: UpDocument;
  let first: UpDocument;
  let daemon: LibvirtDaemon;
  let project: PulumiProject;
  const environment = () => project.environment(localProvider(clone.path("libvirt plugins")));
  const pulumi = (folder: string, ...args: string[]) =>
    project.pulumi(args, { folder, env: environment() });
  const succeeds = async (folder: string, ...args: string[]) => {
    const { code, stdout, stderr } = await pulumi(folder, ...args);
    assert.equal(code, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
  };
  const up = (...more: string[]) =>
    clone.kragle(["up", "-s", "virt", "--json", ...more], environment());
  const stored = () => readdirSync(clone.path(".kragle/store")).sort();
  const agent = (domain: string, request: object) =>
    JSON.parse(daemon.virsh("qemu-agent-command", domain, JSON.stringify(request))) as {
      return: { pid: number; exited: boolean; exitcode?: number; "out-data"?: string };
    };
  /** Runs a program in a guest as soon as its agent answers. */
  const inGuest = async (domain: string, path: string, ...arg: string[]): Promise<string> => {
    const end = Date.now() + 5 * MINUTES;
    let pid: number | undefined;
    for (;;) {
      try {
        const exec = { path, arg, "capture-output": true };
        pid ??= agent(domain, { execute: "guest-exec", arguments: exec }).return.pid;
        const { return: status } = agent(domain, {
          execute: "guest-exec-status",
          arguments: { pid },
        });
        if (status.exited) return Buffer.from(status["out-data"] ?? "", "base64").toString();
      } catch (error) {
        if (pid !== undefined || Date.now() > end) throw error;
      }
      await sleep(2000);
    }
  };

  before(async function () {
    const obstacle = (await findPulumi())
      ? LibvirtDaemon.obstacle()
      : "there is no Pulumi CLI on PATH";
    if (obstacle) {
      console.log(`      skipped: ${obstacle}`);
      this.skip();
    }
    clone = sharedClone();
    const built = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(built.code, 0, built.stderr);
    dev = jsonOf(built);
    daemon = new LibvirtDaemon();
    await daemon.start({ hideKvm: dev.outputs.accelerator === "tcg" });
    project = new PulumiProject(clone, clone.path("libvirt state"));
    clone.addStack("virt", {
      ...project.devSettings(),
      smoke: "libvirt",
      libvirtUri: daemon.uri,
      tests: ["own test.sh"],
    });
    // longer than what libvirt's client takes at once
    writeFileSync(clone.path("own test.sh"), `#!/bin/sh\nid -un\nexit 0\n${"#".repeat(100_000)}`);
  });
  after(() => daemon?.stop());

  it("needs the Pulumi CLI, and a daemon that answers", async () => {
    const embedded = await up("--engine", "embedded");
    assert.equal(embedded.code, 2);
    assert.match(embedded.stderr, /kragle:smoke: libvirt needs the Pulumi CLI/);
    clone.addStack("nowhere", { smoke: "libvirt", libvirtUri: "qemu:///system?socket=/nowhere" });
    const nowhere = await clone.kragle(["preview", "-s", "nowhere"], environment());
    assert.equal(nowhere.code, 3);
    assert.match(nowhere.stderr, /libvirt cannot be reached at .*\/nowhere[^]*next: install/);
  });

  it("defines the guest, boots it, and takes all else from the store", async () => {
    daemon.virsh("vol-create-as", "default", "somebody.qcow2", "1M", "--format", "qcow2");
    const before = stored();
    const finished = await up();
    assert.equal(finished.code, 0, finished.stderr);
    first = jsonOf(finished);
    const made = stored().filter((name) => !before.includes(name));
    assert.deepEqual(
      made.map((name) => name.split("-")[0]),
      ["release", "smoke"],
    );
    const { smoke, imageSha256, imagePath } = first.outputs;
    assert.equal(imageSha256, dev.outputs.imageSha256);
    assert.equal(smoke.passed, true);
    assert.equal(smoke.driver, "libvirt");
    for (const rung of ["kernel", "login", "agent", "running", "poweroff"]) {
      assert.ok(smoke.seconds[rung]! > 0, rung);
    }
    const evidence = join(dirname(imagePath), "evidence/smoke");
    assert.deepEqual(smoke.tests, ["own test.sh"]);
    assert.equal(readFileSync(join(evidence, "test-1.log"), "utf8"), "root\n");
    assert.match(readFileSync(join(evidence, "serial.log"), "utf8"), /login:/);
    assert.equal(readFileSync(join(evidence, "login.png")).subarray(1, 4).toString(), "PNG");
  });

  it("leaves the guest as it was defined: off, and no drift in a refresh", async () => {
    const { domains, volumes } = daemon.contents();
    assert.equal(domains.length, 1);
    assert.equal(daemon.virsh("domstate", domains[0]!), "shut off");
    assert.deepEqual(
      volumes.map((name) => name.replace(`${domains[0]}-`, "").replace(/^[0-9a-f]{12}-/, "")),
      ["image.qcow2", "overlay.qcow2", "serial.log", "somebody.qcow2"],
    );
    await succeeds(".", "refresh", "-s", "virt", "--yes", "--skip-preview", "--expect-no-changes");
    await succeeds(".", "preview", "-s", "virt", "--expect-no-changes");
    const again = jsonOf<UpDocument>(await up());
    assert.deepEqual([...new Set(Object.values(again.steps))], ["unchanged"]);
    assert.deepEqual(again.outputs, first.outputs);
  });

  it("makes a lost guest again without a boot", async () => {
    const [domain] = daemon.contents().domains;
    daemon.virsh("undefine", domain!);
    await succeeds(".", "refresh", "-s", "virt", "--yes", "--skip-preview");
    const { steps } = jsonOf<UpDocument>(await up());
    assert.equal(steps.smoke, "unchanged");
    assert.deepEqual(daemon.contents().domains, [domain]);
  });

  it("pulls the guest's plug when it is interrupted, and goes on afterwards", async () => {
    const [domain] = daemon.contents().domains;
    const state = () => daemon.virsh("domstate", domain!);
    const child = clone.start(["up", "-s", "virt", "--rebuild", "smoke"], environment());
    const ended = once(child, "close");
    await until(() => state() === "running", 60);
    child.kill("SIGINT");
    await until(() => state() === "shut off", 10);
    const [code] = (await ended) as [number];
    assert.equal(code, 1);
    const { steps, outputs } = jsonOf<UpDocument>(await up());
    assert.equal(steps.release, "unchanged");
    assert.deepEqual(outputs, first.outputs);
  });

  it("lets a consumer start a machine from the stack's outputs, with a seed", async () => {
    writeFileSync(
      clone.path(CONSUMER, "Pulumi.virt.yaml"),
      JSON.stringify({
        config: {
          "kragle-consumer:imageStack": "organization/kragle/virt",
          "libvirt:uri": daemon.uri,
          "kragle-consumer:type": first.outputs.accelerator === "kvm" ? "kvm" : "qemu",
        },
      }),
    );
    const before = daemon.contents();
    await succeeds(CONSUMER, "stack", "init", "virt");
    await succeeds(CONSUMER, "up", "-s", "virt", "--yes", "--skip-preview");
    const said = await pulumi(CONSUMER, "stack", "output", "--json", "-s", "virt");
    const { domain, bootedFrom } = JSON.parse(said.stdout) as Record<string, string>;
    assert.equal(bootedFrom, first.outputs.imageSha256);
    assert.equal(daemon.virsh("domstate", domain!), "running");
    await succeeds(CONSUMER, "preview", "-s", "virt", "--expect-no-changes");
    const answer = await inGuest(
      domain!,
      ...["/bin/sh", "-c", "cloud-init status --wait; id ada; df --output=size -BM / | tail -n 1"],
    );
    assert.match(answer, /status: done/);
    assert.match(answer, /^uid=\d+\(ada\)/m);
    // the disk was made larger than the image: root has grown over it
    assert.match(answer, /^ *7[0-9]{3}M$/m);
    await succeeds(CONSUMER, "destroy", "-s", "virt", "--yes", "--skip-preview");
    assert.deepEqual(daemon.contents(), before);
  });

  it("destroys the domain and its volumes, and nothing else", async () => {
    await succeeds(".", "destroy", "-s", "virt", "--yes", "--skip-preview");
    assert.deepEqual(daemon.contents(), { domains: [], volumes: ["somebody.qcow2"] });
    assert.deepEqual(
      readFileSync(join(dirname(first.outputs.imagePath), "SHA256SUMS"), "utf8").includes(
        first.outputs.imageSha256,
      ),
      true,
    );
  });
});

async function until(reached: () => boolean, seconds: number): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !reached(); await sleep(500)) {
    if (Date.now() > end) throw new Error(`not reached within ${seconds} s`);
  }
}

/**
 * Where the bridged provider's program is on PATH, the bridge finds it in a cache of downloads that is made of it; the SDK's
 * address and version stay as they are for everybody else.
 */
function localProvider(cache: string): Record<string, string> {
  const name = "terraform-provider-libvirt";
  let program: string;
  try {
    program = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
  } catch {
    return {};
  }
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const folder = join(cache, BRIDGED.url, BRIDGED.version, `linux_${architecture}`);
  if (mkdirSync(folder, { recursive: true })) {
    symlinkSync(program, join(folder, `${name}_v${BRIDGED.version}`));
  }
  return { PULUMI_DYNAMIC_TF_PLUGIN_CACHE_DIR: cache };
}
