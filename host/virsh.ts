import { execFile, spawn } from "node:child_process";
import { once } from "node:events";

import { EXIT, StageFailure } from "./failure";

/** Its messages are read here, so they must not be translated. */
const environment = () => ({ ...process.env, LC_ALL: "C" });

/** A virsh that stays connected until it is told to go, or until this process ends, however it ends. */
export interface HeldConnection {
  close(): Promise<void>;
}

/** libvirt by its own command line tool, which knows every kind of connection. */
export class Virsh {
  constructor(private readonly uri: string) {}

  /**
   * Runs one command.
   *
   * @returns what it printed
   * @throws StageFailure where there is no virsh
   * @throws Error in libvirt's words where the command fails
   */
  run(...command: string[]): Promise<string> {
    const args = ["--quiet", "--connect", this.uri, ...command];
    return new Promise((resolve, reject) => {
      execFile("virsh", args, { env: environment() }, (error, stdout, stderr) => {
        if (error) reject(error.code === "ENOENT" ? noVirsh() : new Error(words(stderr, error)));
        else resolve(stdout.trim());
      });
    });
  }

  /** Starts a domain that libvirt destroys as soon as the connection is closed. */
  async startHeld(domain: string): Promise<HeldConnection> {
    // a virsh that reads commands keeps a history of them in the user's cache, where nothing of this belongs
    const env = { ...environment(), XDG_CACHE_HOME: "/dev/null" };
    const child = spawn("virsh", ["--connect", this.uri], { env });
    const ended = once(child, "close").catch(() => undefined);
    const close = async () => {
      child.stdin.end();
      await ended;
    };
    child.stdin.on("error", () => undefined); // "close" tells
    let [stdout, stderr, started] = ["", "", false];
    await new Promise<void>((resolve, reject) => {
      child.on("error", () => reject(noVirsh()));
      child.on("close", () => reject(new Error(words(stderr, "the connection was closed"))));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        started = /^Domain \S+ started$/m.test(stdout);
        if (started) resolve();
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        // more lines may follow, its end brings them all; ssh may have warned before
        if (!started && /^error: /m.test(stderr)) child.stdin.end();
      });
      child.stdin.write(`start ${domain} --autodestroy\n`);
    });
    return { close };
  }
}

const noVirsh = () =>
  new StageFailure("there is no virsh on PATH, and the driver libvirt works through it", {
    hint: 'install libvirt\'s command line tools (on Debian the package "libvirt-clients"), or set smoke to qemu',
    exitCode: EXIT.lacking,
  });

/** What virsh said, without its prefix. */
function words(stderr: string, otherwise: string | Error): string {
  const said = stderr
    .replace(/^error: /gm, "")
    .trim()
    .replaceAll("\n", "; ");
  return said || (otherwise instanceof Error ? otherwise.message : otherwise);
}
