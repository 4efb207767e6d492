import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { parse } from "yaml";

import { findPulumi } from "../../engine/choose";
import { pulumiBackend } from "../../host/pulumiBackend";
import { readPlacedId } from "../../host/placedId";
import { shortIdentity } from "../../plan/identity";
import { docker } from "../site";
import { type Clone, type Finished, jsonOf } from "../clone";

export const MINUTES = 60_000;

/** What `./kragle up --json` prints. */
export interface UpDocument {
  readonly engine: string;
  readonly steps: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, unknown>> & { readonly imagePath: string };
}

/** A resource in the state, as `pulumi stack export` prints it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly dependencies?: readonly string[];
  readonly provider?: string;
  readonly protect?: boolean;
}

/** For the `before` of a suite that needs the real CLI. */
export async function needPulumi(context: Mocha.Context): Promise<void> {
  if (await findPulumi()) return;
  console.log("      skipped: there is no Pulumi CLI on PATH");
  context.skip();
}

/** A clone under the real Pulumi CLI, with a state of the test's own. */
export class PulumiProject {
  /**
   * @param state the folder of the state; several clones may share one, as machines share a backend
   * @param base further variables
   */
  constructor(
    readonly clone: Clone,
    private readonly state: string,
    private readonly base: Readonly<Record<string, string>> = {},
  ) {
    mkdirSync(state, { recursive: true });
  }

  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      PULUMI_BACKEND_URL: `file://${encodeURI(this.state)}`,
      PULUMI_CONFIG_PASSPHRASE: "a passphrase",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      KRAGLE_HOME: this.clone.path(".kragle"),
      ...this.base,
      ...more,
    };
  }

  /** Runs a command of the CLI in the clone, or in a folder of it. */
  async pulumi(
    args: readonly string[],
    { folder = ".", env = {} }: { folder?: string; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Finished> {
    const options = {
      cwd: this.clone.path(folder),
      env: { ...process.env, ...this.environment(env) },
      maxBuffer: 2 ** 26,
    };
    const all = [...args, "--non-interactive", "--color", "never"];
    try {
      return { code: 0, ...(await promisify(execFile)("pulumi", all, options)) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  /** The same, which has to succeed. @returns what it printed */
  async succeeds(args: readonly string[], options: { folder?: string } = {}): Promise<string> {
    const { code, stdout, stderr } = await this.pulumi(args, options);
    assert.equal(code, 0, `pulumi ${args.join(" ")}\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** Starts a command of the CLI without waiting for it. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return spawn("pulumi", [...args, "--non-interactive", "--color", "never"], {
      cwd: this.clone.folder,
      env: { ...process.env, ...this.environment(env) },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** `pulumi up` without questions. */
  update(stack: string, ...more: string[]): Promise<string> {
    return this.succeeds(["up", "-s", stack, "--yes", "--skip-preview", ...more]);
  }

  preview(stack: string): Promise<string> {
    return this.succeeds(["preview", "-s", stack]);
  }

  /** Fails where an update would change anything. */
  async isUnchanged(stack: string): Promise<void> {
    await this.succeeds(["preview", "-s", stack, "--expect-no-changes"]);
  }

  /** `./kragle up` by the Pulumi CLI. */
  async up(stack: string, ...more: string[]): Promise<UpDocument> {
    const args = ["up", "-s", stack, "--engine", "pulumi", "--json", ...more];
    const finished = await this.clone.kragle(args, this.environment());
    assert.equal(finished.code, 0, finished.stderr);
    return jsonOf(finished);
  }

  async resources(stack: string): Promise<readonly StateResource[]> {
    const text = await this.succeeds(["stack", "export", "--show-secrets", "-s", stack]);
    const { deployment } = JSON.parse(text) as {
      deployment: { resources?: StateResource[]; pending_operations?: unknown[] };
    };
    assert.deepEqual(deployment.pending_operations ?? [], []);
    return deployment.resources ?? [];
  }

  /** The URN of the resource of that name that does the work. */
  async urn(stack: string, name: string): Promise<string> {
    const found = (await this.resources(stack)).find(
      ({ urn, type }) => urn.endsWith(`::${name}`) && !type.startsWith("kragle:"),
    );
    assert.ok(found, name);
    return found.urn;
  }

  /** The settings of the stack dev, to be varied. */
  devSettings(): Record<string, unknown> {
    const { config } = parse(readFileSync(this.clone.path("Pulumi.dev.yaml"), "utf8")) as {
      config: Record<string, unknown>;
    };
    return Object.fromEntries(
      Object.entries(config).map(([k, v]) => [k.replace("kragle:", ""), v]),
    );
  }

  /** Adds a stack that has everything down to check in common with dev, and is released in seconds. */
  addLeanStack(name: string, settings: Record<string, unknown> = {}): void {
    this.clone.addStack(name, { ...this.devSettings(), formats: [], smoke: "none", ...settings });
  }

  /** Folders of a stage's artifacts in the clone's store, or of all of them. */
  artifacts(stage = ""): string[] {
    const store = this.clone.path(".kragle/store");
    return readdirSync(store)
      .filter((name) => name.startsWith(stage))
      .map((name) => join(store, name))
      .sort();
  }

  /** Running containers of the clone's store. */
  async containers(): Promise<string[]> {
    const { id } = readPlacedId(this.clone.path(".kragle/id"))!;
    const filters = { label: [`kragle.store=${id}`] };
    return (await docker.listContainers({ filters })).map(({ Id }) => Id);
  }

  /** The folder of the roots that a stack has on this backend. */
  rootsOf(stack: string): string {
    const { id: clone } = readPlacedId(this.clone.path(".kragle/clone"))!;
    const backend = pulumiBackend(this.clone.path(".kragle"), this.environment());
    const whose = shortIdentity({ clone, backend, project: "kragle", stack });
    return this.clone.path(".kragle/roots", `${stack}.${whose}`);
  }

  /** The artifact that a stack uses under a root. */
  artifactOf(stack: string, root: string): string {
    const text = readFileSync(join(this.rootsOf(stack), root), "utf8");
    const { stage, key } = JSON.parse(text) as { stage: string; key: string };
    return this.clone.path(".kragle/store", `${stage}-${key}`);
  }
}

/** Waits for something, and fails after that many seconds. */
export async function until(reached: () => Promise<boolean>, seconds: number): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await reached()); await sleep(300)) {
    if (Date.now() > end) throw new Error(`not reached within ${seconds} s`);
  }
}
