import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describeFailure } from "../../cli/failure";
import { atomicWrite } from "../../host/atomicWrite";
import { homePath } from "../../host/project";
import { keepStackFile } from "../../engine/pulumiBackend";

/** What the file system says is never a stack trace, whichever of its calls says it. */
describe("an error of the file system", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle errors "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What a real call on a path says. */
  async function said(path: string): Promise<ReturnType<typeof describeFailure>> {
    const error = await atomicWrite(path, "text").then(
      () => assert.fail("nothing failed"),
      (reason: Error) => reason,
    );
    return describeFailure(error);
  }

  const cases: [string, () => string, RegExp][] = [
    [
      "a folder in a file's place",
      () => {
        mkdirSync(join(folder, "a"));
        return join(folder, "a");
      },
      /^\S*[^~]*\/a: a folder stands where a file belongs/,
    ],
    [
      "a file in a folder's place",
      () => {
        writeFileSync(join(folder, "a"), "");
        return join(folder, "a", "b");
      },
      /something else stands where a folder belongs/,
    ],
    [
      "links in a circle",
      () => {
        symlinkSync("loop", join(folder, "loop"));
        return join(folder, "loop", "b", "c");
      },
      /links lead in a circle|a folder belongs/,
    ],
    ["a long name", () => join(folder, "x".repeat(300)), /too long/],
  ];
  for (const [what, make, words] of cases) {
    it(`for ${what} is told in words, with a next step`, async () => {
      const { message, exitCode } = await said(make());
      assert.match(message, words);
      assert.match(message, /\n {2}next: /);
      assert.equal(exitCode, 3, message);
    });
  }

  const codes = [
    "EACCES",
    "EIO",
    "EISDIR",
    "ENOTDIR",
    "ELOOP",
    "EFBIG",
    "EDQUOT",
    "EROFS",
    "EBUSY",
    "EMFILE",
  ];
  for (const code of codes) {
    it(`with the code ${code} has words`, () => {
      const error = Object.assign(new Error(code), { code, syscall: "write", path: "/x" });
      const { message, exitCode } = describeFailure(error);
      assert.match(message, /^\/x: .+\n {2}next: .+$/);
      assert.equal(exitCode, 3);
    });
  }

  it("advises to move the store only where the store is meant", () => {
    for (const code of ["EACCES", "ENOSPC", "EFBIG"]) {
      const said = (path: string) =>
        describeFailure(Object.assign(new Error(), { code, syscall: "open", path })).message;
      assert.match(said(homePath() + "/stacks/x"), /KRAGLE_HOME/);
      assert.doesNotMatch(said(join(folder, "x")), /KRAGLE_HOME|gc/);
    }
  });

  it("of a file system without hard links says so", () => {
    const error = Object.assign(new Error(), { code: "EPERM", syscall: "link", path: "/x" });
    const { message, exitCode } = describeFailure(error);
    assert.match(message, /^\/x: its file system has no hard links.*\n {2}next: let KRAGLE_HOME/);
    assert.equal(exitCode, 3);
  });

  it("beyond a limit of file sizes comes from a real process", () => {
    const text = `
      require("./setup/loader.cjs");
      const { describeFailure } = require("./cli/failure");
      process.on("SIGXFSZ", () => undefined);
      try { require("node:fs").writeFileSync(process.argv[1], "x".repeat(5000)); }
      catch (error) { console.log(describeFailure(error).message); }`;
    const run = ["-c", 'ulimit -f 4; exec "$0" -e "$1" "$2"', process.execPath, text];
    const { stdout, stderr } = spawnSync("bash", [...run, join(folder, "x")], { encoding: "utf8" });
    assert.match(stdout, /larger than its file system.*ulimit -f/, stderr);
  });
});

describe("the stack's file that the Pulumi CLI wrote its salt into", () => {
  let project: string;
  let file: string;
  const text = "config:\n  kragle:cpus: 2\n";
  const { PULUMI_BACKEND_URL: url, PULUMI_HOME: pulumiHome } = process.env;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "kragle project "));
    file = join(project, "Pulumi.x.yaml");
    writeFileSync(file, text);
    delete process.env.PULUMI_BACKEND_URL;
    process.env.PULUMI_HOME = project;
  });
  afterEach(() => {
    rmSync(project, { recursive: true });
    if (url !== undefined) process.env.PULUMI_BACKEND_URL = url;
    if (pulumiHome === undefined) delete process.env.PULUMI_HOME;
    else process.env.PULUMI_HOME = pulumiHome;
  });
  const salted = `encryptionsalt: v1:abc\n${text}`;

  it("is what it was, in one step, with its mode and behind its link", async () => {
    const real = join(project, "real.yaml");
    writeFileSync(real, text);
    chmodSync(real, 0o640);
    rmSync(file);
    symlinkSync("real.yaml", file);
    const restore = keepStackFile("x", project);
    writeFileSync(file, salted);
    const { ino } = statSync(real);
    await restore();
    assert.equal(readFileSync(file, "utf8"), text);
    assert.ok(lstatSync(file).isSymbolicLink());
    assert.equal(statSync(real).mode & 0o777, 0o640);
    assert.notEqual(statSync(real).ino, ino, "it was written in place");
  });

  it("that was deleted or edited meanwhile is left as it is, and the run keeps its result", async () => {
    const restore = keepStackFile("x", project);
    writeFileSync(file, `${salted}# mine\n`);
    await restore();
    assert.match(readFileSync(file, "utf8"), /# mine/);
    rmSync(file);
    await restore();
    assert.ok(!existsSync(file));
  });
});
