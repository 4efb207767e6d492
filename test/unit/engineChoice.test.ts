import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describeFailure } from "../../cli/failure";
import { pulumiRequirement } from "../../cli/doctor/surroundings";
import { chooseEngine, findPulumi } from "../../engine/choose";
import { StepFailed } from "../../engine/events";
import { SettingsError } from "../../settings/stack";
import { StageFailure } from "../../host/failure";
import { LockHeld } from "../../host/lock";

describe("the engine", () => {
  let folder: string;
  let path: string | undefined;
  beforeEach(() => {
    path = process.env.PATH;
    folder = mkdtempSync(join(tmpdir(), "kragle ëngine "));
    // nothing but the tests' own pulumi, and what that needs
    process.env.PATH = `${folder}:/usr/bin:/bin`;
  });
  afterEach(() => {
    process.env.PATH = path;
    rmSync(folder, { recursive: true });
  });

  const pulumi = (script: string) =>
    writeFileSync(join(folder, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  const versions: [string, string | undefined][] = [
    ["echo v3.250.0", "v3.250.0"],
    ["echo 3.259.0", "3.259.0"],
    ["echo v4.0.1-alpha.1+dirty", "v4.0.1-alpha.1+dirty"],
    ["echo 'warning: a new version'; echo v3.260.0", "v3.260.0"],
    ["echo v3.249.9", undefined],
    ["echo v2.999.0", undefined],
    ["echo pulumi", undefined],
    ["exit 1", undefined],
    ["echo v3.260.0; exit 1", undefined],
  ];
  for (const [script, version] of versions) {
    it(`takes a Pulumi CLI that does "${script}" ${version ? "" : "not "}as one`, async () => {
      pulumi(script);
      assert.equal(await findPulumi(), version);
    });
  }

  it("is not the embedded one where a Pulumi CLI is only slow", async () => {
    pulumi("exec sleep 30");
    await assert.rejects(findPulumi(0.5), (error: StageFailure) => {
      assert.match(error.text, /"pulumi version" did not answer .*\n {2}next: .*--engine embedded/);
      const row = pulumiRequirement(error, [3, 250]);
      assert.deepEqual([row.status, row.found], ["missing", error.message]);
      return true;
    });
  });

  it("is the Pulumi CLI where there is one, and none is asked for", async () => {
    pulumi("echo v3.259.0");
    assert.deepEqual(
      await Promise.all([undefined, "pulumi" as const, "embedded" as const].map(chooseEngine)),
      ["pulumi", "pulumi", "embedded"],
    );
  });

  it("is the embedded one where there is none or one too old; asked for, it is lacking", async () => {
    for (const script of ["exit 127", "echo v3.100.0"]) {
      pulumi(script);
      assert.deepEqual(
        await Promise.all([undefined, "pulumi" as const, "embedded" as const].map(chooseEngine)),
        ["embedded", undefined, "embedded"],
      );
    }
  });
});

describe("a failure", () => {
  const refused = (code: string) => Object.assign(new Error(code), { code, address: "/d.sock" });
  const next = "\n  next: run ./kragle setup, or ./kragle doctor to see what is missing";
  const failures: [string, Error, string, number][] = [
    ["of settings", new SettingsError(["kragle:x"]), "1 setting is wrong:\n  kragle:x", 2],
    ["of a step", new StepFailed("image", "no login", 1), "no login", 1],
    ["of a step that lacks something", new StepFailed("image", "no room", 3), "no room", 3],
    ["of a stage", new StageFailure("no"), "no", 1],
    ["with a hint", new StageFailure("no", { hint: "do", exitCode: 3 }), "no\n  next: do", 3],
    ["of a lock", new LockHeld("x"), "another run holds the lock (x); try again later", 1],
    [
      "to reach Docker",
      refused("ECONNREFUSED"),
      `Docker cannot be reached at /d.sock: no daemon answers there${next}`,
      3,
    ],
    [
      "to be let into Docker",
      refused("EACCES"),
      `Docker cannot be reached at /d.sock: you may not use it${next}`,
      3,
    ],
  ];
  for (const [what, error, message, exitCode] of failures) {
    it(`${what} has its words and its exit code`, () => {
      assert.deepEqual(describeFailure(error), { message, exitCode });
    });
  }

  it("that nobody expected is called a bug, with its place", () => {
    const error = Object.assign(new Error("no such file"), { code: "ENOENT", path: "/x" });
    const { message, exitCode } = describeFailure(error);
    assert.match(message, /^kragle has a bug here, please report it:\nError: no such file\n +at /);
    assert.equal(exitCode, 1);
  });
});
