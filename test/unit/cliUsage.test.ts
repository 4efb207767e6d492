import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { stackNames } from "../../host/project";
import { projectFolder } from "../../host/project";
import { kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";

const HINT = "(--help lists what is allowed)\n";

/** Commands, their arguments and their options beside --help. */
const COMMANDS: Readonly<Record<string, string>> = {
  report: "[options] [image] -s, --stack --json --open",
  up: "[options] [images...] -s, --stack --json --engine --rebuild --keep",
  preview: "[options] [images...] -s, --stack --json --engine --rebuild",
  outputs: "[options] [images...] -s, --stack --json",
  destroy: "[options] [images...] -s, --stack --json --engine",
  doctor: "[options] -s, --stack --json",
  verify: "[options] [image|folder] -s, --stack --json --allowed-signers",
  boot: "[options] [image|file] [format] -s, --stack --firmware --network --console --exec",
  debug: "[options] [image] [step] -s, --stack --exec",
  logs: "[options] [image] [stage] -s, --stack --json",
  gc: "[options] --json --dry-run --points",
  completion: "[options] <shell>",
  stacks: "[options] --json",
  init: "[options] <name> --json -t, --template",
};

describe("the command line", function () {
  this.timeout(120_000);
  let at: TemporaryStore;
  before(() => {
    at = new TemporaryStore();
  });
  after(() => at.remove());

  const wrong: [string, string][] = [
    ["up --colour", `error: unknown option '--colour'\n${HINT}`],
    ["upp", `error: unknown command 'upp'\n(Did you mean up?)\n${HINT}`],
    ["constructor", `error: unknown command 'constructor'\n${HINT}`],
    [
      "up --engine hcl",
      `error: option '--engine <name>' argument 'hcl' is invalid. Allowed choices are pulumi, embedded.\n${HINT}`,
    ],
    [
      "up --rebuild image builder",
      `error: option '--rebuild <stage...>' argument 'builder' is invalid. Allowed choices are base, image, check, convert, smoke, release.\n${HINT}`,
    ],
    ["up -s", `error: option '-s, --stack <name>' argument missing\n${HINT}`],
    [
      "outputs dev",
      'stack dev has no image "dev"\n  next: did you mean -s dev? it has one image, which has no name (setting images)\n',
    ],
    [
      "write dev disk.img",
      `error: too many arguments for 'write'. Expected 1 argument but got 2: dev, disk.img.\n(Did you mean -s dev?)\n${HINT}`,
    ],
    [
      "logs image base x",
      `error: too many arguments for 'logs'. Expected 2 arguments but got 3: image, base, x.\n${HINT}`,
    ],
    [
      "logs web base",
      'stack dev has no image "web"\n  next: it has one image, which has no name (setting images)\n',
    ],
    ["verify ", `error: argument 'image|folder' is empty\n${HINT}`],
    ["write ", `error: argument 'target' is empty\n${HINT}`],
    ["logs ", `error: argument 'image' is empty\n${HINT}`],
    ["drop-root  ", `error: argument 'stack' is empty\n${HINT}`],
    ["outputs ", `error: argument 'images' is empty\n${HINT}`],
    ["up web ", `error: argument 'images' is empty\n${HINT}`],
    ["up -s ", `error: option '-s, --stack <name>' argument is empty\n${HINT}`],
    ["write x --serial ", `error: option '--serial <number>' argument is empty\n${HINT}`],
    [
      "verify --allowed-signers ",
      `error: option '--allowed-signers <file>' argument is empty\n${HINT}`,
    ],
    [
      "write x --device-size banana",
      `error: option '--device-size <size>' argument 'banana' is invalid. "banana" is not a size; write a number with MiB, GiB or TiB, as in "4 GiB" or "4096MiB"\n${HINT}`,
    ],
    [
      "completion tcsh",
      `error: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n${HINT}`,
    ],
    [
      "help NOPE",
      `error: command-argument value 'NOPE' is invalid for argument 'command'. Allowed choices are setup, up, preview, outputs, stacks, init, destroy, doctor, verify, write, boot, debug, report, logs, gc, completion.\n${HINT}`,
    ],
    ["gc -s dev", `error: unknown option '-s'\n${HINT}`],
    ["drop-root dev", `error: missing required argument 'root'\n${HINT}`],
  ];
  for (const [words, message] of wrong) {
    it(`refuses "kragle ${words}"`, async () => {
      const { code, stdout, stderr } = await kragle(at.home, words.split(" "));
      assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: "", stderr: message });
    });
  }

  it("shows what there is where no command is named, and calls it wrong", async () => {
    const { code, stdout, stderr } = await kragle(at.home, []);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^Usage: kragle \[options\] \[command\]\n/);
  });

  it("lists every command, not those that only resources use, and the exit codes", async () => {
    const { code, stdout } = await kragle(at.home, ["--help"]);
    assert.equal(code, 0);
    for (const name of ["setup", ...Object.keys(COMMANDS)]) {
      assert.match(stdout, new RegExp(`^ {2}${name}[ \\[]`, "m"));
    }
    assert.doesNotMatch(stdout, /drop-root|^ {2}stage/m);
    const last = stdout.trimEnd().split("\n").at(-1);
    assert.equal(
      last,
      "Exit codes: 0 done; 1 the build or a check failed; 2 wrong settings or arguments; 3 the machine lacks something.",
    );
  });

  it("tells its version", async () => {
    const { version } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as {
      version: string;
    };
    const git = (...args: string[]) =>
      spawnSync("git", ["-C", projectFolder, ...args], { encoding: "utf8" });
    const { status, stdout: commit } = git("rev-parse", "HEAD");
    const changed = git("status", "--porcelain", "--untracked-files=no").stdout !== "";
    const own = changed ? ", with changes of its own" : "";
    const checkout = status === 0 ? ` (commit ${commit.slice(0, 12)}${own})` : "";
    for (const flag of ["--version", "-V"])
      assert.deepEqual(await kragle(at.home, [flag]), {
        code: 0,
        stdout: `${version}${checkout}\n`,
        stderr: "",
      });
  });

  it("has help for each command, with all of its options", async () => {
    const helps = await Promise.all(
      Object.keys(COMMANDS).map((name) => kragle(at.home, [name, "--help"])),
    );
    const found = helps.map(({ code, stdout }, index) => {
      const name = Object.keys(COMMANDS)[index]!;
      assert.equal(code, 0, name);
      const usage = new RegExp(`^Usage: kragle ${name} (.*)\\n`).exec(stdout);
      const options = [...stdout.matchAll(/^ {2}((?:-\w, )?--[a-z-]+)/gm)].map(
        ([, option]) => option,
      );
      return [name, [usage?.[1], ...options.filter((o) => o !== "-h, --help")].join(" ")];
    });
    assert.deepEqual(Object.fromEntries(found), COMMANDS);
  });

  for (const stack of ["../dev", "..", "a b", "a;b", "ö", "a".repeat(101)]) {
    it(`takes ${JSON.stringify(stack)} for no stack's name, as Pulumi does`, async () => {
      const words = `${JSON.stringify(stack)} is no stack's name; letters, digits, "-", "_" and "." are allowed, at most 100`;
      const refused = { code: 2, stdout: "", stderr: `${words}\n` };
      for (const verb of ["up", "outputs", "logs", "destroy"]) {
        assert.deepEqual(await kragle(at.home, [verb, `--stack=${stack}`]), refused);
      }
      assert.deepEqual(await kragle(at.home, ["drop-root", stack, "base"]), refused);
    });
  }

  for (const [stack, meant = ""] of [
    ["nope"],
    ["constructor"],
    ["...x"],
    ["devv", "did you mean -s dev? "],
  ]) {
    it(`does not know the stack "${stack}"`, async () => {
      const message = [
        `stack "${stack}" is unknown, there is no Pulumi.${stack}.yaml`,
        `  next: ${meant}known are ${stackNames().join(", ")}`,
      ].join("\n");
      const plain = await kragle(at.home, ["up", "-s", stack!]);
      assert.deepEqual(plain, { code: 2, stdout: "", stderr: `${message}\n` });
      const json = await kragle(at.home, ["outputs", `--stack=${stack}`, "--json"]);
      assert.equal(json.code, 2);
      assert.deepEqual(JSON.parse(json.stdout), { error: message, exitCode: 2 });
    });
  }

  it("takes the stack from KRAGLE_STACK where none is named", async () => {
    const environment = { KRAGLE_STACK: "nope" };
    const { code, stderr } = await kragle(at.home, ["outputs"], { environment });
    assert.equal(code, 2);
    assert.match(stderr, /stack "nope" is unknown/);
    const empty = await kragle(at.home, ["outputs"], { environment: { KRAGLE_STACK: "" } });
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /the environment variable KRAGLE_STACK is empty/);
    assert.equal((await kragle(at.home, ["outputs", "-s", "dev"], { environment })).code, 1);
  });

  it("says with --json what is wrong with its arguments as one document, too", async () => {
    const { code, stdout } = await kragle(at.home, ["up", "--json", "--engine", "hcl"]);
    assert.equal(code, 2);
    const { error, exitCode } = JSON.parse(stdout) as { error: string; exitCode: number };
    assert.match(error, /Allowed choices are pulumi, embedded/);
    assert.equal(exitCode, 2);
  });

  it("says what is lacking, and what to do, where no Docker answers", async () => {
    const message = [
      "Docker cannot be reached at unix:///nowhere/docker.sock: no daemon answers there",
      "  next: start that daemon, or unset DOCKER_HOST; ./kragle doctor shows all that this machine lacks",
    ].join("\n");
    for (const command of ["up", "preview"]) {
      const plain = await kragle(at.home, [command]);
      assert.deepEqual(plain, { code: 3, stdout: "", stderr: `${message}\n` });
      const json = await kragle(at.home, [command, "--json"]);
      assert.equal(json.code, 3);
      assert.deepEqual(JSON.parse(json.stdout), { error: message, exitCode: 3 });
    }
  });

  it("starts nothing where something is wrong: no store, no state", () => {
    for (const name of ["store", "work", "roots", "stacks", "state"]) {
      assert.equal(existsSync(join(at.home, name)), false, name);
    }
  });
});
