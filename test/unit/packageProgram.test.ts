import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import { lastRelease } from "../../cli/lastRelease";
import { StageFailure } from "../../host/failure";
import { requireNode } from "../../host/oldestNode";
import { claimHome, homeFolder } from "../../host/home";
import { inProject, LAUNCHER, packageFolder, projectFolder, workFor } from "../../host/project";
import { findReach } from "../../infra/reach";
import { dropsRoot, invocationOf } from "../../plan/invocation";
import { runProgram } from "../devProgram";
import { Roots } from "../../store/roots";
import { requestOf } from "../mocks";
import { RELEASE_RESULT } from "../sampleCalls";
import { TemporaryStore } from "../temporaryStore";

describe("a program that has kragle as a package", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  let project: string;
  let program: string;

  beforeEach(() => {
    at = new TemporaryStore();
    project = realpathSync(mkdtempSync(join(tmpdir(), "kragle it's ä project ")));
    for (const name of ["Pulumi.yaml", "Pulumi.dev.yaml"]) {
      copyFileSync(join(packageFolder, name), join(project, name));
    }
    program = join(project, "program");
    mkdirSync(program);
    workFor(program);
  });
  afterEach(() => {
    workFor(packageFolder);
    rmSync(project, { recursive: true });
    at.remove();
  });

  /** What runs a command of a resource. */
  const shell = (command: string, folder = program) =>
    spawnSync("sh", ["-c", command], { cwd: folder, encoding: "utf8" });

  it("works for the project in or below which it lies", () => {
    assert.equal(projectFolder, project);
    assert.equal(inProject("images"), join(project, "images"));
    assert.equal(inProject("kragle:builder/stages"), join(packageFolder, "builder/stages"));
  });

  it("is told commands that it has, since Pulumi runs it", () => {
    const { text } = new StageFailure("stopped", {
      hint: "./kragle up --rebuild image, else ./kragle up -s dev; see ./kragle doctor",
    });
    assert.equal(
      text,
      "stopped\n  next: KRAGLE_REBUILD=image pulumi up, else pulumi up -s dev; see .kragle/bin/kragle doctor",
    );
    assert.throws(
      () => requireNode("20.20.2", "/nowhere"),
      ({ text: told }: StageFailure) => /next: install a newer Node, and let it come/.test(told),
    );
    workFor(packageFolder);
    assert.match(new StageFailure("x", { hint: "./kragle up" }).text, /next: \.\/kragle up$/);
  });

  it("works through no link in the place of .kragle that leads to somebody's folder", () => {
    const elsewhere = join(project, "mine");
    mkdirSync(join(elsewhere, "store"), { recursive: true, mode: 0o755 });
    symlinkSync("mine", join(project, ".kragle"));
    const home = () => homeFolder({});
    const refused = /\.kragle, which is not empty \(it has store\) and has no kragle-home\.json/;
    assert.throws(home, refused);
    rmSync(join(elsewhere, "store"), { recursive: true });
    // what is there before there is a home
    mkdirSync(join(elsewhere, "node"));
    assert.equal(home(), join(project, ".kragle"));
    claimHome(home());
    mkdirSync(join(elsewhere, "store"));
    assert.equal(home(), join(project, ".kragle"));
  });

  it("tells no resource where kragle, the project or the store lies", async () => {
    const { resources } = await runProgram(at);
    assert.ok(resources.length > 10);
    const text = JSON.stringify(resources.map(({ inputs }) => inputs));
    for (const path of [packageFolder, project, at.home, process.env.HOME!, process.cwd()]) {
      assert.ok(!text.includes(path), path);
    }
  });

  it("has the keys that kragle's own program has, and the same resources but for how they reach it", async () => {
    const here = await runProgram(at);
    workFor(packageFolder);
    const there = await runProgram(at);
    // with a store outside of the project, a release is one clone's
    const others = ({ resources }: typeof here) =>
      resources.filter(
        ({ type, name }) => !(type === "command:local:Command" && name === "release"),
      );
    const keys = (run: typeof here) =>
      others(run).map(({ inputs }) => invocationOf(String(inputs.create))?.key);
    assert.deepEqual(keys(here), keys(there));
    assert.equal(
      JSON.stringify(others(here))
        .replaceAll("kragle:builder/", "builder/")
        .replaceAll(/\[ -x [^"]*?\}; (exec)/g, "$1")
        .replaceAll("../.kragle/bin/kragle", "./kragle")
        .replaceAll(/\.\.\/\.kragle\/bundles\/[0-9a-f]{64}/g, "builder"),
      JSON.stringify(others(there)),
    );
  });

  it("finds in kragle's folder what a stage is told of it", async () => {
    const { find } = await runProgram(at);
    const { request } = requestOf(find("image")) as {
      request: { templateFolder: string; scripts: Record<string, string> };
    };
    assert.equal(request.templateFolder, "kragle:builder/templates/debian12");
    for (const path of [request.templateFolder, ...Object.values(request.scripts)]) {
      assert.ok(existsSync(inProject(path)), path);
    }
  });

  it("has Docker's context beside it, one for each content, without what the builder is not made of", async () => {
    const [first, second] = [await findReach(), await findReach()];
    assert.deepEqual(first, second);
    const context = join(program, first.context);
    assert.equal(relative(project, context).replace(/[0-9a-f]{64}$/, ""), ".kragle/bundles/");
    const names = ["install-tools.sh", "tools.Dockerfile", "tools.Dockerfile.dockerignore"];
    assert.deepEqual(readdirSync(context).sort(), names);
    for (const name of names) {
      const copied = readFileSync(join(context, name));
      assert.deepEqual(copied, readFileSync(join(packageFolder, "builder", name)));
    }
  });

  it("calls kragle by a launcher that nobody else can write", async () => {
    const { kragle } = await findReach();
    assert.equal(kragle, "../.kragle/bin/kragle");
    for (const path of [LAUNCHER, join(LAUNCHER, "..")]) {
      assert.equal(statSync(join(project, path)).mode & 0o777, 0o755, path);
    }
    assert.equal(readFileSync(join(project, ".kragle/.gitignore"), "utf8"), "*\n");
    const { status, stdout, stderr } = shell(`exec ${kragle} --version`);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^\d+\.\d+\.\d+/);
  });

  it("replaces nothing of somebody else's by the launcher, but what a power failure left of one", async () => {
    const bin = join(project, LAUNCHER, "..");
    const file = join(project, LAUNCHER);
    const refused = /is not kragle's, and stands where its launcher belongs/;
    mkdirSync(bin, { recursive: true });
    writeFileSync(file, "#!/bin/sh\necho mine\n");
    await assert.rejects(findReach(), refused);
    assert.equal(readFileSync(file, "utf8"), "#!/bin/sh\necho mine\n");
    for (const rest of ["", "#!/bin/sh\n# kragle", "\0".repeat(300)]) {
      writeFileSync(file, rest);
      await findReach();
      assert.match(readFileSync(file, "utf8"), /exec/);
    }
    const elsewhere = join(project, "mine");
    renameSync(bin, elsewhere);
    symlinkSync(elsewhere, bin);
    await assert.rejects(findReach(), refused);
  });

  it("writes the launcher anew where kragle lies elsewhere, and leaves it alone where it is right", async () => {
    await findReach();
    const file = join(project, LAUNCHER);
    const { ino } = statSync(file);
    await findReach();
    assert.equal(statSync(file).ino, ino);
    const right = readFileSync(file, "utf8");
    const [line] = /^kragle=.*$/m.exec(right)!;
    writeFileSync(file, right.replace(line, "kragle='/nowhere/kragle'"));
    const { status, stderr } = shell("exec .kragle/bin/kragle stage base", project);
    assert.equal(status, 3);
    assert.match(
      stderr,
      /^kragle is not in .* any more: run pulumi preview in this folder first$/m,
    );
    await findReach();
    assert.equal(readFileSync(file, "utf8"), right);
  });

  it("is known to the command line by what it has released, since its settings stand in the program", async () => {
    const { KRAGLE_HOME: before } = process.env;
    process.env.KRAGLE_HOME = at.home;
    try {
      await assert.rejects(lastRelease("production"), (error: StageFailure) => {
        assert.equal(error.details.hint, "pulumi up -s production");
        return true;
      });
      const { key, manifest } = await at.publish({}, at.describe("a", "release"), {
        result: RELEASE_RESULT,
      });
      const roots = Roots.of(at.home, { project: "kragle", stack: "production" });
      const { stage, publishedAt } = manifest;
      await roots.set("web.release", { stage, key, publishedAt });
      const { images, outputs } = await lastRelease("production");
      const web = images.get("web")!;
      assert.equal(web.imagePath, join(project, RELEASE_RESULT.imagePath));
      assert.equal(web.imageSha256, RELEASE_RESULT.imageSha256);
      assert.deepEqual(outputs, { images: { web } });
      await assert.rejects(lastRelease("production", ["db"]), /has no image "db"/);
    } finally {
      if (before === undefined) delete process.env.KRAGLE_HOME;
      else process.env.KRAGLE_HOME = before;
    }
  });

  it("says what to do where what lets go of a root runs on a machine that has no launcher yet", () => {
    const drops = dropsRoot("../.kragle/bin/kragle", { project: "images", stack: "dev" }, "base");
    const { status, stderr } = shell(drops);
    assert.equal(status, 3);
    assert.match(stderr, /^kragle has not run here yet: run pulumi preview in this folder first$/m);
  });
});
