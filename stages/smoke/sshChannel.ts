import { once } from "node:events";
import type { Duplex } from "node:stream";

import { Client, type ClientChannel, type PseudoTtyOptions } from "ssh2";

import type { Channel, Executed } from "./guest";
import { within } from "./qmp";

/** A server that is there greets at once; what takes longer is a port with nobody behind it yet. */
const GREETING_SECONDS = 10;
/** Characters of one program's output that are kept: nothing that is asked for prints so much. */
const LONGEST_OUTPUT = 4 * 2 ** 20;
/** Key exchange and login in a guest without hardware acceleration, on a machine that has other work. */
const LOGIN_SECONDS = 120;

/** Characters of a command that messages repeat. */
const SHOWN = 100;

/** SSH as root with the seeded key: one connection, a session for each program. */
export class SshChannel implements Channel {
  private client?: Client;

  /** @param dial makes a connection to the guest's port; it ends where nobody listens */
  constructor(
    private readonly dial: () => Promise<Duplex>,
    private readonly privateKey: string,
  ) {}

  async reach(): Promise<void> {
    const stream = await this.dial();
    const client = new Client();
    try {
      await within(GREETING_SECONDS, greeting(stream), "no SSH server answered");
      const ready = new Promise<void>((resolve, reject) => {
        client.on("ready", resolve);
        // stays for the whole life of the connection: an error without a listener would end this process
        client.on("error", reject);
        client.on("close", () => reject(new Error("the SSH server closed the connection")));
      });
      client.connect({
        sock: stream,
        username: "root",
        privateKey: this.privateKey,
        readyTimeout: LOGIN_SECONDS * 1000,
      });
      await ready;
    } catch (error) {
      client.destroy();
      stream.destroy();
      throw error;
    }
    this.client = client;
  }

  execute(argv: readonly string[], signal: AbortSignal, input?: Buffer): Promise<Executed> {
    const { client } = this;
    if (!client) return Promise.reject(new Error("nobody is logged in by SSH"));
    const command = argv.join(" ").split("\n", 1)[0]!.slice(0, SHOWN);
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(error);
      const lost = () => fail(new Error(`the SSH connection ended during ${command}`));
      signal.addEventListener("abort", () => fail(new Error("it was given up")), { once: true });
      client.once("close", lost);
      client.exec(argv.map(quote).join(" "), (error, session) => {
        if (error) return fail(error);
        const texts = { stdout: "", stderr: "" };
        const keep = (name: keyof typeof texts) => (text: string) => {
          texts[name] += text;
          if (texts[name].length <= LONGEST_OUTPUT) return;
          texts[name] = "";
          session.close();
          fail(new Error(`${command} printed more than ${LONGEST_OUTPUT} characters`));
        };
        session.setEncoding("utf8").on("data", keep("stdout"));
        session.stderr.setEncoding("utf8").on("data", keep("stderr"));
        session.end(input);
        let exitCode: number | undefined;
        session.on("exit", (code: number | null) => (exitCode = code ?? 128));
        session.on("close", () => {
          client.off("close", lost);
          if (exitCode === undefined) lost();
          else resolve({ exitCode, ...texts });
        });
      });
    });
  }

  /**
   * Opens a session for a person: a login shell on a terminal of this size, or a command line of root's shell without one.
   *
   * @throws Error where nobody is logged in, or the server refuses
   */
  open(what: PseudoTtyOptions | string): Promise<ClientChannel> {
    const { client } = this;
    if (!client) return Promise.reject(new Error("nobody is logged in by SSH"));
    return new Promise((resolve, reject) => {
      const opened = (error: Error | undefined, session: ClientChannel) =>
        error ? reject(error) : resolve(session);
      if (typeof what === "string") client.exec(what, opened);
      else client.shell(what, opened);
    });
  }

  close(): void {
    this.client?.destroy();
  }
}

/** Fulfilled when the server has said something, which stays to be read. */
async function greeting(stream: Duplex): Promise<void> {
  const ended = once(stream, "end").then(() => {
    throw new Error("nobody listens on the guest's SSH port");
  });
  ended.catch(() => undefined);
  await Promise.race([once(stream, "readable"), ended]);
  if (stream.readableLength === 0) throw new Error("nobody listens on the guest's SSH port");
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
