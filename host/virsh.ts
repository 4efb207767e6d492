import { PassThrough } from "node:stream";

import { StageFailure } from "./failure";
import { type Command, outputOf, type ProcessOptions, runProgram } from "./process";

/** Where nothing can be kept. */
const NO_CACHE = "/dev/null";

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
   * @returns what it printed, without white space around it
   * @throws ProgramMissing where there is no virsh
   * @throws Error in libvirt's words where the command fails
   */
  async run(...command: string[]): Promise<string> {
    return (await this.output(command)).trim();
  }

  /**
   * Downloads a volume.
   *
   * @param onData receives it piece by piece
   * @throws as `run`
   */
  async download(pool: string, volume: string, onData: (chunk: Uint8Array) => void): Promise<void> {
    const command = ["vol-download", "--pool", pool, "--vol", volume, "--file", "/dev/stdout"];
    await this.output(command, { onOutput: onData });
  }

  private output(command: readonly string[], options: ProcessOptions = {}): Promise<string> {
    const virsh: Command = ["virsh", "--quiet", "--connect", this.uri, ...command];
    return outputOf(virsh, options).catch((error: Error) => {
      throw error instanceof StageFailure ? error : new Error(words(error.message));
    });
  }

  /** Starts a domain that libvirt destroys as soon as the connection is closed. */
  async startHeld(domain: string): Promise<HeldConnection> {
    const commands = new PassThrough();
    const started = Promise.withResolvers<void>();
    const ended = runProgram(["virsh", "--connect", this.uri], {
      input: commands,
      // a virsh that reads commands keeps a history of them in the user's cache, where nothing of this belongs
      env: { XDG_CACHE_HOME: NO_CACHE },
      onLine: (line, stream) => {
        if (stream === "stdout" && /^Domain \S+ started$/.test(line)) started.resolve();
        // not rejected here: more lines of the error may follow until virsh has ended; what ssh warns of has no such prefix
        if (stream === "stderr" && line.startsWith("error: ")) commands.end();
      },
    });
    commands.write(`start ${domain} --autodestroy\n`);
    const refused = ended.then(({ stderr }) => {
      throw new Error(words(stderr) || "the connection was closed");
    });
    await Promise.race([started.promise, refused]);
    return {
      close: async () => {
        commands.end();
        await ended;
      },
    };
  }
}

/** What virsh said, as one line and without "error: "; its complaint about the history, which NO_CACHE causes, is left out. */
const words = (stderr: string) =>
  stderr
    .replace(/^error: /gm, "")
    .split("\n")
    .filter((line) => line && !line.includes(`'${NO_CACHE}/`))
    .join("; ");
