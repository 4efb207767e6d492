import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";

import type { Clone } from "../clone";
import { CountingProxy } from "../countingProxy";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { bridgeGateway } from "../openPort";
import { sharedClone } from "../sharedClone";
import { imageList } from "./imageLists";

const MINUTES = 60_000;

// images of their own, minutes
describeInFullTier("a build after another one with the same packages", function () {
  this.timeout(60 * MINUTES);
  inSequence();

  let clone: Clone;
  const internet = new CountingProxy();
  let http_proxy: string;
  before(async () => {
    clone = sharedClone();
    http_proxy = `http://${await bridgeGateway()}:${await internet.start()}`;
  });
  after(() => internet.stop());

  /** @returns the names of the packages that were downloaded from the mirror, and what the run told */
  async function up(packages: readonly string[], more: Record<string, unknown> = {}) {
    const provision = [{ packages }, { run: "apt-get install -qy --no-install-recommends bc" }];
    clone.addStack("packages", {
      provision,
      formats: [],
      smoke: "none",
      packageCache: "1 GiB",
      ...more,
    });
    const before = internet.asked.length;
    const args = ["up", "-s", "packages", "--engine", "embedded"];
    const { code, stdout, stderr } = await clone.kragle(args, { http_proxy });
    assert.equal(code, 0, stderr + stdout);
    const asked = internet.asked
      .slice(before)
      .flatMap((url) => /([^/_]+)_[^/]*\.deb$/.exec(url)?.[1] ?? []);
    return { asked, told: stderr };
  }
  const list = (name: string) => imageList(clone, "packages", name);

  it("downloads none of them again, neither in a step of packages nor in a script", async () => {
    // other suites have filled the clone's cache
    rmSync(clone.path(".kragle/packages"), { recursive: true, force: true });
    const first = await up(["tree"]);
    assert.ok(
      ["tree", "bc"].every((name) => first.asked.includes(name)),
      first.asked.join(),
    );
    assert.match(first.told, /packages: 0 of \d+ from this machine's cache/);
    const second = await up(["tree", "hello"]);
    assert.deepEqual(second.asked, ["hello"]);
    const [, cached, all] = /packages: (\d+) of (\d+) from this machine's cache, [\d.]+ MiB/.exec(
      second.told,
    )!;
    assert.equal(Number(all) - Number(cached), 1);
    assert.ok(readdirSync(clone.path(".kragle/packages")).length > 2);
  });

  it("makes the image that one without the cache makes, of which nothing stays in it", async () => {
    const [packages, files] = [list("packages.tsv"), list("files.tsv")];
    assert.ok(
      ["tree", "hello", "bc"].every((name) =>
        packages.some((line) => line.startsWith(`${name}\t`)),
      ),
    );
    for (const trace of [
      /\.deb$/,
      /\/etc\/apt\/apt\.conf.*(proxy|kragle)/,
      /\/run\/kragle|\/lib\/kragle/,
    ]) {
      assert.deepEqual(
        files.filter((line) => trace.test(line)),
        [],
      );
    }
    // the second step is another, and so the image
    const { told } = await up(["hello", "tree"], { packageCache: "off" });
    assert.doesNotMatch(told, /this machine's cache/);
    assert.deepEqual(list("packages.tsv"), packages);
    assert.deepEqual(list("files.tsv"), files);
  });
});
