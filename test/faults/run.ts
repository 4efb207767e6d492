import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";

import type Docker from "dockerode";

import { docker } from "../site";
import { projectFolder } from "../../host/project";
import type { StageCall } from "../../plan/stages/call";
import type { Clone } from "../clone";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** When a test inflicted a fault on it, in milliseconds. */
  readonly faultAt?: number;
}

interface UpOptions {
  readonly engine?: "embedded" | "pulumi";
  readonly more?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** A `./kragle` that runs, with what a test does to it. */
export class Run {
  private static readonly running = new Set<Run>();
  readonly ended: Promise<Ended>;
  faultAt?: number;

  private constructor(private readonly child: ChildProcess) {
    const started = Date.now();
    const output = Promise.all([text(child.stdout!), text(child.stderr!)]);
    Run.running.add(this);
    this.ended = once(child, "exit").then(async ([code, signal]) => {
      Run.running.delete(this);
      const seconds = (Date.now() - started) / 1000;
      // a child of its may hold the pipes for a moment longer
      const [stdout, stderr] = await output;
      return { code, signal, stdout, stderr, seconds, faultAt: this.faultAt };
    });
  }

  static start(
    home: string,
    args: readonly string[],
    options: {
      input?: string;
      folder?: string;
      environment?: NodeJS.ProcessEnv;
      owner?: { readonly uid: number; readonly gid: number };
    } = {},
  ): Run {
    const { folder = projectFolder, input = "", environment, owner } = options;
    const child = spawn(join(folder, "kragle"), args, {
      cwd: folder,
      ...owner,
      env: { ...process.env, KRAGLE_HOME: home, ...environment },
    });
    child.stdin.on("error", () => undefined).end(input);
    return new Run(child);
  }

  /** `./kragle up` of a stack of a clone. */
  static up(
    clone: Clone,
    stack: string,
    { engine = "embedded", more = [], environment = {} }: UpOptions = {},
  ): Run {
    const args = ["up", "-s", stack, "--engine", engine, "--json", ...more];
    return Run.start(clone.path(".kragle"), args, { folder: clone.folder, environment });
  }

  /** Runs one stage as its command resource does. */
  static stage(
    home: string,
    call: StageCall,
    environment: NodeJS.ProcessEnv = {},
    owner?: { readonly uid: number; readonly gid: number },
  ): Run {
    const input = JSON.stringify(call) + "\n";
    const options = { input, environment, ...(owner ? { owner } : {}) };
    return Run.start(home, ["stage", call.description.stage], options);
  }

  /** For a test that waits for something of it, which will not come any more then. */
  get isOver(): boolean {
    return !Run.running.has(this);
  }

  /** For a test that gave up waiting: the lifelines end whatever works for them. */
  static killAll(): void {
    for (const { child } of Run.running) child.kill("SIGKILL");
  }

  signal(signal: NodeJS.Signals): void {
    this.faultAt = Date.now();
    this.child.kill(signal);
  }

  /** Kills another process that works for it. */
  killProcess(pid: number, signal: NodeJS.Signals): void {
    this.faultAt = Date.now();
    process.kill(pid, signal);
  }

  async killContainer(container: Docker.Container): Promise<void> {
    this.faultAt = Date.now();
    await container.kill();
  }

  /** The container of the stage, once it runs. */
  async container(storeId: string, key: string) {
    const label = [`kragle.store=${storeId}`, `kragle.key=${key}`];
    for (;;) {
      const [found] = await docker.listContainers({ filters: { label } });
      if (found) return docker.getContainer(found.Id);
      if (this.isOver) throw new Error((await this.ended).stderr);
      await sleep(50);
    }
  }

  /** The host's process id of a program in the container, once it runs. */
  async processIn(storeId: string, key: string, program: RegExp): Promise<number> {
    const container = await this.container(storeId, key);
    for (;;) {
      const { Processes } = (await container.top({ ps_args: "-eo pid,args" })) as {
        Processes: string[][];
      };
      const found = Processes.find(([, words]) => program.test(words!));
      if (found) return Number(found[0]);
      if (this.isOver) throw new Error((await this.ended).stderr);
      await sleep(50);
    }
  }
}
