import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";

import { Clone } from "../clone";
import { kragle } from "../kragle";

describe("a stack's file", function () {
  this.timeout(60_000);
  let clone: Clone;
  let home: string;
  before(() => {
    clone = new Clone();
    home = clone.path("home");
  });
  after(() => clone.remove());

  const write = (text: string) => writeFileSync(clone.path("Pulumi.bad.yaml"), text);
  const up = (...args: string[]) =>
    kragle(home, ["up", "-s", "bad", ...args], { folder: clone.folder });

  it("with several wrong settings has all of them told, before anything is started", async () => {
    clone.addStack("bad", {
      ...{ diskSize: "4", memory: "1 GB", formats: ["raw", "img"], kernel: "tiny", color: 1 },
    });
    const message = [
      "5 settings are wrong:",
      '  kragle:color: is not a setting; README.md lists all under "Settings"',
      '  kragle:diskSize: "4" is not a size; write a number with MiB, GiB or TiB, as in "4 GiB" or "4096MiB"',
      '  kragle:memory: "1 GB" is not a size; write a number with MiB, GiB or TiB, as in "4 GiB" or "4096MiB"',
      '  kragle:kernel: "tiny" is not allowed; allowed are cloud, generic',
    ];
    for (const args of [[], ["--json"], ["--engine", "embedded"], ["--engine", "pulumi"]]) {
      const { code, stdout, stderr } = await up(...args);
      assert.equal(code, 2, stderr);
      for (const line of message) assert.ok(stderr.includes(`${line}\n`), stderr);
      assert.match(
        stderr,
        / {2}kragle:formats\[1\]: "img" is not a known format; allowed are raw, /,
      );
      if (args[0] === "--json") {
        const document = JSON.parse(stdout) as { error: string; exitCode: number };
        assert.equal(`${document.error}\n`, stderr);
        assert.equal(document.exitCode, 2);
      } else assert.equal(stdout, "");
    }
    // nothing but a store's id, which says nothing of a run
    assert.ok(!existsSync(home) || readdirSync(home).every((name) => name === "id"));
  });

  it("with an unknown setting of a name that objects have is wrong", async () => {
    for (const name of ["constructor", "__proto__"]) {
      write(`config:\n  kragle:${name}: x\n`);
      const { code, stderr } = await up();
      assert.equal(code, 2, stderr);
      assert.match(
        stderr,
        new RegExp(`^1 setting is wrong:\n {2}kragle:${name}: is not a setting`),
      );
    }
  });

  it("that cannot be read is wrong, and named", async () => {
    write("config: [\n");
    const { code, stderr } = await up();
    assert.equal(code, 2);
    assert.ok(stderr.startsWith("1 setting is wrong:\n"), stderr);
    assert.ok(stderr.includes("Pulumi.bad.yaml"), stderr);
    write("config: &all\n  kragle:check: *all\n");
    const inItself = await up();
    assert.equal(inItself.code, 2);
    assert.match(
      inItself.stderr,
      /Pulumi\.bad\.yaml: an alias \(\*\) stands inside of what it names/,
    );
  });

  it("that is empty, or has settings of other programs only, means the defaults", async () => {
    for (const text of ["", "config:\n", "config: {}\n", "config:\n  aws:region: eu\n"]) {
      write(text);
      const { code, stderr } = await up();
      assert.equal(code, 3, stderr);
      assert.match(stderr, /^Docker cannot be reached/);
    }
  });

  it("whose configuration is no object is wrong", async () => {
    for (const text of ["config: 5\n", "config: [a]\n", "5\n"]) {
      write(text);
      const { code, stderr } = await up();
      assert.equal(code, 2, `${text}: ${stderr}`);
    }
  });

  it("is listed among the stacks that are known", async () => {
    write("");
    const { stderr } = await kragle(home, ["up", "-s", "other"], { folder: clone.folder });
    assert.match(stderr, /known are bad, ci, dev\b.*\n$/);
  });
});
