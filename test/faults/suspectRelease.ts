import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { inBash } from "../inBash";
import type { Ended } from "../kragle";
import { SignedRelease } from "../signedRelease";

/** What text for a terminal may not have of others: controls, and what turns the direction of writing. */
export const OBEYED = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

/** Memory that verify may need for what it keeps in mind; whatever it is given, it has this and a minute. */
const BOUNDS = { NODE_OPTIONS: "--max-old-space-size=300" };

/** Exchanges two paths in one step of the kernel, again and again, until it is ended. */
const EXCHANGE = `import ctypes, sys
rename = ctypes.CDLL(None).renameat2
one, other = sys.argv[1].encode(), sys.argv[2].encode()
exchange = lambda: rename(-100, one, -100, other, 2)
assert exchange() == 0
print("ready", flush=True)
while True: exchange()`;

/** Runs Python on these arguments, and waits for it. */
export const python = (script: string, ...args: string[]) =>
  execFileSync("python3", ["-c", script, ...args]);

/** A signed release that somebody prepared, and `./kragle verify` as whoever received it runs it. */
export class SuspectRelease extends SignedRelease {
  private readonly beside: ChildProcess[];

  constructor() {
    const beside: ChildProcess[] = [];
    // before the hook that removes what they work on
    afterEach("end what works against verify", async () => {
      for (const child of beside.splice(0)) {
        child.kill("SIGKILL");
        await once(child, "close");
      }
    });
    super();
    this.beside = beside;
  }

  /** A path outside of the release, on the same file system. */
  readonly elsewhere = (name: string) => join(this.keys, name);

  /** Runs beside every later verify of this test. It has begun when it has printed something. */
  async start(program: string, ...args: string[]): Promise<void> {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.beside.push(child);
    await once(child.stdout, "data");
  }

  /** Has a file of the release be now this, now what lies elsewhere. */
  async exchange(name: string, other: string): Promise<void> {
    await this.start("python3", "-c", EXCHANGE, this.at(name), other);
  }

  /** Has a file of the release be now as it is, now with this content. */
  async exchangeWith(name: string, content: string | Buffer): Promise<void> {
    writeFileSync(this.elsewhere("other"), content);
    await this.exchange(name, this.elsewhere("other"));
  }

  /** It comes to an end in words, and prints nothing that a terminal would obey. */
  async run(
    line = 'kragle verify "$1" --allowed-signers "$2"',
    trusted = "ours.allowed",
  ): Promise<Ended> {
    const args = [this.folder, this.elsewhere(trusted)];
    const options = { environment: BOUNDS, seconds: 60 };
    const ended = await inBash(this.place.at.home, line, args, options);
    const { code, stdout, stderr } = ended;
    const said = stdout + stderr;
    assert.ok(code !== null && code <= 3, `it ended with ${code}: ${stderr}`);
    assert.doesNotMatch(said, /a bug here|\n +at |heap out of memory/);
    assert.doesNotMatch(said.replaceAll("\r\n", "\n"), OBEYED);
    return ended;
  }

  /** It is told what is wrong, as a failure of the release and not of this machine. */
  async assertRefused(words: RegExp, trusted?: string): Promise<void> {
    const { code, stdout, stderr } = await this.run(undefined, trusted);
    assert.equal(code, 1, stderr);
    assert.match(stdout + stderr, words);
    assert.doesNotMatch(stdout, /^verified: /m);
    if (stdout) assert.match(stdout, /\nNOT verified: .*\n$/);
  }
}
