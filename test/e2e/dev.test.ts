import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { isFullTier, itInFullTier } from "../fullTier";
import { docker } from "../site";
import { sha256File } from "../../host/files";
import { type Clone, jsonOf } from "../clone";
import { sharedClone } from "../sharedClone";
import { canLoop, LoopDevice } from "../docker/smallDisk";
import { readPlacedId } from "../../host/placedId";
import { inSequence } from "../inSequence";
import { bootWithSeed } from "./bootWithSeed";

interface UpDocument {
  readonly engine: string;
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imagePath: string;
    readonly imageSha256: string;
    readonly imageBytes: number;
    readonly imageVirtualBytes: number;
    readonly conversions: Record<string, { path: string; sha256: string; bytes: number }>;
    readonly smoke: { passed: boolean; driver: string; seconds: Record<string, number> };
    readonly accelerator: string;
    readonly imageId: string;
    readonly imageVersion: string;
    readonly buildId: string;
    readonly builderImageId: string;
    readonly manifestPath: string;
    readonly reportPath: string;
    readonly key: string;
  };
}

const MINUTES = 60_000;

/** What the steps of this test leave, and nothing besides. */
const CHANGED = [
  ...["/etc/group", "/etc/gshadow", "/etc/motd", "/etc/passwd", "/etc/shadow"],
  ...["/srv/app", "/srv/app/date"],
];

describe("the dev stack, built, proven and released for real", function () {
  this.timeout(20 * MINUTES);
  inSequence();

  let clone: Clone;
  let first: UpDocument;
  const up = (...more: string[]) =>
    clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json", ...more]);

  const files = () =>
    readFileSync(clone.path("build/dev/output/evidence/check/files.tsv"), "utf8").split("\n");

  before(() => {
    clone = sharedClone();
  });
  afterEach(async () => {
    const { id } = readPlacedId(clone.path(".kragle/id"))!;
    const left = await docker.listContainers({
      all: true,
      filters: { label: [`kragle.store=${id}`] },
    });
    assert.deepEqual(
      left.map(({ Names }) => Names),
      [],
      "containers were left behind",
    );
  });

  it("is built from nothing", async () => {
    const finished = await up();
    assert.equal(finished.code, 0, finished.stderr);
    first = jsonOf<UpDocument>(finished);
    const { outputs, steps } = first;
    for (const step of ["base", "image", "check", "convert-raw", "smoke", "release"]) {
      assert.equal(steps[step], "run", step);
    }
    assert.equal(outputs.imagePath, clone.path("build/dev/output/packer-kragle-qcow2"));
    assert.equal(await sha256File(outputs.imagePath), outputs.imageSha256);
    assert.equal(statSync(outputs.imagePath).size, outputs.imageBytes);
    assert.ok(statSync(outputs.imagePath).blocks * 512 <= 450 * 2 ** 20, "more than 450 MiB");
    assert.equal(outputs.imageVirtualBytes, 4 * 2 ** 30);
    const raw = outputs.conversions.raw!;
    assert.equal(raw.path, clone.path("build/dev/output/kragle.raw"));
    assert.equal(statSync(raw.path).size, 4 * 2 ** 30);
    assert.ok(statSync(raw.path).blocks * 512 < 2 ** 31, "the raw file lost its holes");
    assert.equal(await sha256File(raw.path), raw.sha256);
    assert.equal(outputs.smoke.passed, true);
    assert.equal(outputs.imageId, "dev");
    assert.match(outputs.imageVersion, /^\d{8}\.\d{6}$/);
    assert.match(outputs.buildId, new RegExp(`^${outputs.imageVersion}\\.[0-9a-f]{12}$`));
    // the system's state is asked through the agent; the login prompt appears on the console whenever getty comes to it
    const { kernel, login, agent, running, poweroff } = outputs.smoke.seconds;
    for (const rungs of [
      [kernel!, agent!, running!, poweroff!],
      [kernel!, login!, poweroff!],
    ]) {
      assert.deepEqual(
        rungs,
        [...rungs].sort((x, y) => x - y),
        "rungs out of order",
      );
    }
    const manifest = JSON.parse(readFileSync(outputs.manifestPath, "utf8")) as typeof outputs;
    assert.equal(manifest.imageSha256, outputs.imageSha256);
    assert.match(readFileSync(outputs.reportPath, "utf8"), /Debian GNU\/Linux 12/);
    const output = dirname(outputs.imagePath);
    const sbom = JSON.parse(readFileSync(join(output, "sbom.cdx.json"), "utf8")) as {
      components: { name: string }[];
    };
    for (const name of ["cloud-init", "openssh-server", "systemd"]) {
      assert.ok(
        sbom.components.some((c) => c.name === name),
        `${name} is not in the SBOM`,
      );
    }
    const evidence = join(dirname(outputs.imagePath), "evidence");
    const serial = readFileSync(join(evidence, "smoke/serial.log"), "utf8");
    assert.match(serial, /login:/);
    // told twice: an emulated serial port may send a character of either once more
    assert.match(serial, /ommand line: .* no_timer_check/);
    assert.equal(readFileSync(join(evidence, "smoke/login.png")).subarray(1, 4).toString(), "PNG");
  });

  it("has nothing to do the second time", async () => {
    const again = jsonOf<UpDocument>(await up());
    for (const [step, from] of Object.entries(again.steps)) assert.equal(from, "store", step);
    assert.deepEqual(again.outputs, first.outputs);
  });

  itInFullTier("lets a user in by a cloud-init seed, booted by UEFI", async () => {
    const answer = await bootWithSeed(clone, first.outputs.imagePath);
    assert.match(answer, /^uid=\d+\(ada\)/m);
    assert.match(answer, /^BOOTED=uefi$/m);
    // a machine says of which release it is
    const { imageId, imageVersion, buildId } = first.outputs;
    const named = `IMAGE_ID="${imageId}"\nIMAGE_VERSION="${imageVersion}"\nBUILD_ID="${buildId}"\n`;
    assert.ok(answer.replaceAll("\r", "").includes(named), answer);
    // the guest's disk was made larger than the image: root has to have grown over it
    assert.match(answer, /^ROOT_GIB=([5-9])$/m);
  });

  it("writes the image to a larger disk, which boots", async function () {
    if (!isFullTier) this.skip();
    if (!canLoop()) {
      console.log("      skipped: no loop device can be made here");
      return this.skip();
    }
    const file = clone.path("disk of the metal");
    const bytes = 5 * 2 ** 30;
    const device = new LoopDevice(file, bytes);
    try {
      const finished = await clone.kragle([
        ...["write", "-s", "dev", device.path, "--yes", "--device-size", String(bytes)],
        "--virtual",
      ]);
      assert.equal(finished.code, 0, finished.stderr);
      assert.match(await bootWithSeed(clone, file, "raw"), /^uid=\d+\(ada\)/m);
    } finally {
      device.remove();
    }
  });

  it("makes another format without Packer, under names of the user's own", async () => {
    clone.addStack("formats", {
      formats: ["raw", "qcow2:compression=zstd", { format: "vhd", file: "azure.vhd" }],
      ...{ imageName: "web-1.4.qcow2", imageId: "web", version: "1.4" },
    });
    const finished = await clone.kragle([
      ...["up", "-s", "formats", "--engine", "embedded", "--json"],
    ]);
    assert.equal(finished.code, 0, finished.stderr);
    const { steps, outputs } = jsonOf<UpDocument>(finished);
    assert.equal(steps.base, "store");
    assert.equal(steps.image, "store");
    assert.equal(steps["convert-raw"], "store");
    assert.equal(steps["convert-vhd"], "run");
    assert.deepEqual(Object.keys(outputs.conversions), ["raw", "qcow2-zstd", "vhd"]);
    assert.equal(outputs.imageSha256, first.outputs.imageSha256);
    const output = clone.path("build/formats/output");
    assert.equal(outputs.imagePath, join(output, "web-1.4.qcow2"));
    assert.deepEqual(
      Object.values(outputs.conversions).map(({ path }) => path),
      ["web-1.4.raw", "web-1.4.zstd.qcow2", "azure.vhd"].map((name) => join(output, name)),
    );
    // a name builds no image: it is told as it stands in the one that there was
    assert.equal(outputs.imageVersion, first.outputs.imageVersion);
    const verified = await clone.kragle(["verify", "-s", "formats", "--json"]);
    assert.equal(verified.code, 0, verified.stdout);
  });

  it("keeps the release, and what was done, when a step fails, and goes on from there", async () => {
    const [done, script] = ["work.sh", "set up things.sh"].map((name) => clone.path(name));
    const work = "mkdir -p /srv/app; date >/srv/app/date; useradd --system worker";
    writeFileSync(done!, `#!/bin/sh\nset -e\n${work}\n`);
    writeFileSync(script!, "#!/bin/sh\necho the flux is missing\nexit 7\n", { mode: 0o755 });
    clone.addStack("dev", {
      ...{ formats: ["raw"], provision: ["work.sh", "set up things.sh"] },
    });
    const failed = await up();
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /set up things\.sh/);
    assert.match(failed.stderr, /the flux is missing/);
    assert.match(failed.stderr, /logs: \S+/);
    const point = /point after step 1 \(work\.sh\)/;
    assert.match(failed.stderr, new RegExp(`next: .*${point.source}`));
    assert.equal(await sha256File(first.outputs.imagePath), first.outputs.imageSha256);
    assert.deepEqual(jsonOf(await clone.kragle(["outputs", "-s", "dev", "--json"])), first.outputs);

    const last = "cat /run/kragle/steps; test -s /srv/app/date; id worker; echo hello >/etc/motd";
    writeFileSync(script!, `#!/bin/sh\nset -e\n${last}\n`, { mode: 0o755 });
    writeFileSync(clone.path("greets.sh"), "#!/bin/sh\ngrep hello /etc/motd\n");
    clone.addStack("dev", {
      ...{ formats: ["raw"], provision: ["work.sh", "set up things.sh"], tests: ["greets.sh"] },
    });
    const preview = await clone.kragle(["preview", "-s", "dev"]);
    assert.match(preview.stdout, new RegExp(`goes on from the ${point.source}`));
    const before = files();
    const mended = await up();
    assert.equal(mended.code, 0, mended.stderr);
    assert.match(mended.stderr, new RegExp(`image: goes on from the ${point.source}`));
    assert.doesNotMatch(mended.stderr, /» script work\.sh/);
    // as clean as the image that was built in one go: nothing else differs
    const after = files();
    const changed = [...before, ...after]
      .filter((line) => !before.includes(line) || !after.includes(line))
      .map((line) => line.split("\t")[4]!);
    assert.deepEqual([...new Set(changed)].sort(), CHANGED);
    const { steps, outputs } = jsonOf<UpDocument>(mended);
    assert.equal(steps.base, "store");
    assert.equal(steps.image, "run");
    assert.notEqual(outputs.imageSha256, first.outputs.imageSha256);
    assert.equal(await sha256File(outputs.imagePath), outputs.imageSha256);
    const test = clone.path("build/dev/output/evidence/smoke/test-1.log");
    assert.equal(readFileSync(test, "utf8"), "hello\n");
  });

  it("notices and mends a lost released file, then verifies", async () => {
    rmSync(clone.path("build/dev/output/kragle.raw"));
    assert.equal((await clone.kragle(["verify", "-s", "dev"])).code, 1);
    const { steps } = jsonOf<UpDocument>(await up());
    assert.deepEqual(
      Object.entries(steps).filter(([, from]) => from === "run"),
      [["release", "run"]],
    );
    assert.equal((await clone.kragle(["verify", "-s", "dev"])).code, 0);
  });

  it("forgets a stack and frees what no other stack uses", async () => {
    assert.equal((await clone.kragle(["destroy", "-s", "formats"])).code, 0);
    const { deleted } = jsonOf<{ deleted: { name: string }[] }>(
      await clone.kragle(["gc", "--json"]),
    );
    const stages = deleted.map(({ name }) => name.replace(/-[0-9a-f]{64}$/, ""));
    assert.ok(stages.includes("store/convert"), "the vhd was for that stack only");
    assert.ok(!stages.includes("store/base"), "both stacks had the same base");
    assert.ok(existsSync(clone.path("build/formats/output/azure.vhd")), "released files stay");
    for (const from of Object.values(jsonOf<UpDocument>(await up()).steps)) {
      assert.equal(from, "store");
    }
  });
});
