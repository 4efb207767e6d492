import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { parse } from "yaml";

import type { BootFacts } from "../../plan/stages/smoke";
import { type Clone, jsonOf } from "../clone";
import { describeInFullTier } from "../fullTier";
import { sharedClone } from "../sharedClone";

const MINUTES = 60_000;

interface UpDocument {
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imagePath: string;
    readonly imageSha256: string;
    readonly smoke: {
      readonly passed: boolean;
      readonly seconds: Record<string, number>;
      readonly boots: Record<string, Record<string, number>>;
    };
  };
}

const BEGUN = ["kernel", "login", "agent", "ssh", "running"];

describeInFullTier("the full proof of the dev image", function () {
  this.timeout(40 * MINUTES);

  let clone: Clone;
  let outputs: UpDocument["outputs"];
  let boots: Record<string, BootFacts>;
  let evidence: string;

  before(async () => {
    clone = sharedClone();
    const up = async (stack: string) => {
      const finished = await clone.kragle(["up", "-s", stack, "--engine", "embedded", "--json"]);
      assert.equal(finished.code, 0, finished.stderr);
      return jsonOf<UpDocument>(finished);
    };
    const dev = await up("dev");
    const { config } = parse(readFileSync(clone.path("Pulumi.dev.yaml"), "utf8")) as {
      config: Record<string, unknown>;
    };
    const settings = Object.entries(config).map(([k, v]) => [k.replace("kragle:", ""), v] as const);
    clone.addStack("proven", { ...Object.fromEntries(settings), proof: "full" });
    const proven = await up("proven");
    ({ outputs } = proven);
    assert.equal(outputs.imageSha256, dev.outputs.imageSha256);
    assert.equal(proven.steps.image, "store");
    assert.equal(proven.steps.smoke, "run");
    evidence = join(dirname(outputs.imagePath), "evidence/smoke");
    const [artifact] = readdirSync(clone.path(".kragle/store"))
      .filter((name) => name.startsWith("smoke-"))
      .map((name) => clone.path(".kragle/store", name, "manifest.json"))
      .map((file) => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)
      .map(({ result }) => result as { proof: string; boots: Record<string, BootFacts> })
      .filter(({ proof }) => proof === "full");
    ({ boots } = artifact!);
  });

  it("boots it by both firmwares, twice on one disk and once as another machine", () => {
    const names = Object.entries(boots).map(([name, { firmware }]) => `${name} ${firmware}`);
    assert.deepEqual(names, ["first uefi", "second bios", "sibling bios"]);
  });

  it("tells the seconds to each rung of each boot", () => {
    const { smoke } = outputs;
    assert.equal(smoke.passed, true);
    assert.deepEqual(smoke.seconds, smoke.boots.first);
    const rungs = Object.entries(smoke.boots).map(([name, seconds]) => [
      name,
      Object.keys(seconds),
    ]);
    assert.deepEqual(Object.fromEntries(rungs), {
      first: [...BEGUN, "seed", "root", "identity", "poweroff"],
      second: [...BEGUN, "identity", "poweroff"],
      sibling: [...BEGUN, "identity", "poweroff"],
    });
    for (const seconds of Object.values(smoke.boots)) {
      assert.ok(seconds.kernel! > 0);
      assert.equal(Math.max(...Object.values(seconds)), seconds.poweroff);
    }
  });

  it("finds cloud-init done and root grown", () => {
    const { seed, diskBytes, rootBytes } = boots.first!;
    assert.match(seed!, /^status: done$/m);
    assert.match(seed!, /DataSourceNoCloud/);
    assert.equal(diskBytes, 8 * 2 ** 30);
    assert.ok(rootBytes! > 7 * 2 ** 30, String(rootBytes));
  });

  it("finds an identity that lasts, and that no sibling shares", () => {
    const [first, second, sibling] = ["first", "second", "sibling"].map((n) => boots[n]!.identity!);
    assert.match(first!.machineId, /^[0-9a-f]{32}$/);
    assert.deepEqual(second, first);
    assert.notEqual(sibling!.machineId, first!.machineId);
    assert.ok(first!.hostKeys.length > 0);
    assert.deepEqual(
      sibling!.hostKeys.filter((key) => first!.hostKeys.includes(key)),
      [],
    );
  });

  it("releases a log and a picture of each boot", () => {
    for (const prefix of ["", "second-", "sibling-"]) {
      assert.match(readFileSync(join(evidence, `${prefix}serial.log`), "utf8"), /login:/);
      const picture = readFileSync(join(evidence, `${prefix}login.png`));
      assert.equal(picture.subarray(1, 4).toString(), "PNG");
    }
    const proofs = JSON.stringify(boots) + JSON.stringify(outputs);
    assert.doesNotMatch(proofs, /PRIVATE KEY/);
  });
});
