import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

import { docker } from "../site";
import type { Clone } from "../clone";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { MINUTES, needPulumi, PulumiProject } from "./pulumiProject";

/** Between the parts stands what shells, JSON, URLs and formats treat in ways of their own. */
const PARTS = ["kNrY4w", "Qd7hVz", "Xu2mTe", "Lp9sBg"] as const;
const CANARY = `${PARTS[0]}"',${PARTS[1]}%41%s$(x)${PARTS[2]}\n\\${PARTS[3]}`;
const USER = "cAn4ryUs3r";
/** Where any of these stands, the secret does. */
const TRACES = [...PARTS, USER, Buffer.from(CANARY).toString("base64").slice(0, 24)];

const traceIn = (content: string) => TRACES.find((trace) => content.includes(trace));

describe("secret settings, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  inSequence();

  let clone: Clone;
  let project: PulumiProject;

  before(async function () {
    await needPulumi(this);
    clone = sharedClone();
    const built = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(built.code, 0, built.stderr);
    project = new PulumiProject(clone, clone.path("secret state"));
    project.addLeanStack("canary");
    await project.succeeds(["stack", "init", "canary"]);
    for (const [name, value] of [
      ["rhsmUsername", USER],
      ["rhsmPassword", CANARY],
    ]) {
      // by stdin, as a careful user would
      const child = spawn(
        "pulumi",
        ["config", "set", "--secret", `kragle:${name}`, "-s", "canary"],
        {
          cwd: clone.folder,
          env: { ...process.env, ...project.environment() },
          stdio: ["pipe", "ignore", "inherit"],
        },
      );
      child.stdin.end(value);
      assert.deepEqual(await once(child, "close"), [0, null]);
    }
  });

  it("are encrypted in the stack's file, and reach the program whole", async () => {
    assert.equal(traceIn(readFileSync(clone.path("Pulumi.canary.yaml"), "utf8")), undefined);
    const { stdout } = await project.pulumi([
      "config",
      "get",
      "kragle:rhsmPassword",
      "-s",
      "canary",
    ]);
    assert.equal(stdout.replace(/\n$/, ""), CANARY);
    const embedded = await clone.kragle(["preview", "-s", "canary", "--engine", "embedded"]);
    assert.equal(embedded.code, 2);
    assert.match(embedded.stderr, /kragle:rhsmPassword is encrypted, and only the Pulumi CLI/);
  });

  it("stand in plain text nowhere while stages run with them, nor afterwards", async () => {
    const watch = new Watch(() => project.containers());
    const said: string[] = [await project.preview("canary")];
    for (const rebuild of ["", "check"]) {
      const child = project.start(["up", "-s", "canary", "--yes", "--skip-preview"], {
        KRAGLE_REBUILD: rebuild,
      });
      const [out, err, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "close"),
      ]);
      assert.equal(code, 0, out + err);
      said.push(out, err);
    }
    const again = await clone.kragle(
      ["up", "-s", "canary", "--engine", "pulumi", "--rebuild", "check"],
      project.environment(),
    );
    assert.equal(again.code, 0, again.stderr);
    said.push(again.stdout, again.stderr);
    await watch.stop();
    assert.ok(watch.containers > 0, "no container was seen at work");
    for (const words of said) assert.equal(traceIn(words), undefined, words);
    assert.deepEqual(watch.leaks, []);

    const exported = await project.succeeds(["stack", "export", "-s", "canary"]);
    const outputs = await project.succeeds(["stack", "output", "--json", "-s", "canary"]);
    for (const words of [exported, outputs]) assert.equal(traceIn(words), undefined);
    // the secret is really there, for those who have the passphrase
    const plain = await project.succeeds(["stack", "export", "--show-secrets", "-s", "canary"]);
    assert.ok(traceIn(plain));
    // state with its history and backups, store with its logs, released files
    for (const folder of ["secret state", ".kragle", "build"]) {
      assert.deepEqual(await filesWithTrace(clone.path(folder)), [], folder);
    }
    await project.succeeds(["destroy", "-s", "canary", "--yes", "--skip-preview"]);
  });

  it("are not shown where they are wrong", async () => {
    clone.addStack("half", { ...project.devSettings(), rhsmPassword: CANARY });
    await project.succeeds(["stack", "init", "half"]);
    const { code, stdout, stderr } = await project.pulumi(["preview", "-s", "half"]);
    assert.notEqual(code, 0);
    assert.match(stdout, /kragle:rhsmUsername: is missing/);
    assert.equal(traceIn(stdout + stderr), undefined);
  });
});

/** Looks, several times a second, at every process's arguments and at what Docker tells of the containers. */
class Watch {
  readonly leaks: string[] = [];
  containers = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(private readonly list: () => Promise<string[]>) {
    this.running = this.look();
  }

  private async look(): Promise<void> {
    while (!this.stopped) {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        let command: string;
        try {
          command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        } catch {
          continue; // it has ended
        }
        if (traceIn(command)) this.leaks.push(`process: ${command}`);
      }
      for (const id of await this.list()) {
        const facts = await docker
          .getContainer(id)
          .inspect()
          .catch(() => undefined);
        if (facts) this.containers++;
        if (traceIn(JSON.stringify(facts ?? ""))) this.leaks.push(`container: ${id}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

/** Files below a folder that contain a trace; compressed images are the check stage's to search. */
async function filesWithTrace(folder: string): Promise<string[]> {
  const patterns = TRACES.flatMap((trace) => ["-e", trace]);
  const args = ["-rlaF", "--exclude=*.qcow2", "--exclude=*.raw", "--exclude=packer-kragle-*"];
  const found = await promisify(execFile)("grep", [...args, ...patterns, folder]).catch(
    (error: { code: number; stdout: string }) => {
      if (error.code !== 1) throw error;
      return { stdout: "" };
    },
  );
  return found.stdout.split("\n").filter(Boolean);
}
