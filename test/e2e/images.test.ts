import assert from "node:assert/strict";

import type { ImageOutputs } from "../../plan/outputs";
import { type Clone, jsonOf } from "../clone";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { imageList } from "./imageLists";

const MINUTES = 60_000;

interface Up {
  readonly steps: Readonly<Record<string, string>>;
  readonly outputs: { readonly images: Readonly<Record<string, ImageOutputs>> };
}

const run = (text: string) => [{ run: text }];

/** What stands on the base. */
const ROLES = {
  web: { from: { image: "base" }, diskSize: "5 GiB", provision: run("echo web >/etc/role") },
  db: { from: { image: "base" }, provision: run("test -s /etc/site && echo db >/etc/role") },
};

// images of their own, minutes
describeInFullTier("a base and two roles on it, in one stack", function () {
  this.timeout(60 * MINUTES);
  inSequence();

  let clone: Clone;
  before(() => {
    clone = sharedClone();
    set("one");
  });

  const set = (site: string) =>
    clone.addStack("fleet", {
      formats: [],
      images: {
        ...ROLES,
        base: { smoke: "none", provision: run(`echo ${site} >/etc/site`) },
        alone: { smoke: "none" },
      },
    });

  async function up(): Promise<Up> {
    const all = ["up", "base", "web", "db", "-s", "fleet", "--engine", "embedded", "--json"];
    const finished = await clone.kragle(all);
    assert.equal(finished.code, 0, finished.stderr);
    return jsonOf<Up>(finished);
  }

  const ran = ({ steps }: Up) =>
    Object.keys(steps)
      .filter((step) => steps[step] === "run" && step.includes("."))
      .sort();
  const OF_ROLE = ["check", "image", "release", "smoke"];
  const ALL = [
    ...["base.check", "base.image", "base.release"],
    ...OF_ROLE.map((stage) => `db.${stage}`),
    ...OF_ROLE.map((stage) => `web.${stage}`),
  ];

  it("are built, booted and released, the roles on the finished base", async () => {
    const first = await up();
    const made = ran(first).filter((step) => step !== "base.base");
    assert.deepEqual(made, ALL);
    const { web, db } = first.outputs.images;
    assert.equal(web!.imageId, "web");
    assert.ok(web!.smoke.passed && db!.smoke.passed);
    assert.equal(web!.imageVirtualBytes, 5 * 2 ** 30);
    const files = imageList(clone, "fleet/web", "files.tsv");
    for (const path of ["/etc/site", "/etc/role"]) {
      assert.ok(
        files.some((line) => line.includes(path)),
        path,
      );
    }
    assert.ok(!("alone" in first.outputs.images));
  });

  it("are made anew when the base changes, and nothing else is", async () => {
    set("two");
    assert.deepEqual(ran(await up()), ALL);
    assert.deepEqual(ran(await up()), []);
  });
});
