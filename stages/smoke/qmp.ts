import { connect, type Socket } from "node:net";

import { JsonLines, type Message } from "./jsonLines";

interface Waiting {
  /** @returns whether the message was the answer that it waits for */
  readonly accept: (message: Message) => boolean;
  readonly fail: (error: Error) => void;
}

export type MonitorEvent = Omit<Extract<Message, { kind: "event" }>, "kind">;

/**
 * A client for QEMU's two protocols of JSON lines over a socket: the monitor (QMP) and the guest agent (QGA). Both answer in
 * the order of the requests. See "QEMU Machine Protocol" and "QEMU Guest Agent Protocol" in QEMU's documentation.
 */
export class JsonLineClient {
  private waiting: Waiting[] = [];
  private closed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly onEvent: (event: MonitorEvent) => void,
  ) {
    const lines = new JsonLines((message) => this.receive(message));
    socket.on("data", (chunk: Buffer) => lines.write(chunk));
    socket.on("error", () => undefined); // "close" follows
    socket.on("close", () => {
      this.closed = true;
      for (const { fail } of this.waiting) fail(new Error("QEMU closed the connection"));
    });
  }

  /** @throws Error where nothing listens at the path */
  static open(path: string, onEvent: (event: MonitorEvent) => void = () => undefined) {
    return new Promise<JsonLineClient>((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new JsonLineClient(socket, onEvent));
      });
    });
  }

  /**
   * Sends a command and waits for its answer, at most the given seconds.
   *
   * @throws Error with QEMU's or the agent's own description, or with the beginning of an answer that is none
   */
  request(command: string, args: object = {}, seconds = 30): Promise<unknown> {
    const answer = this.expect((message, settle) => {
      if (message.kind === "return") settle.resolve(message.value);
      else if (message.kind === "error") settle.reject(new Error(message.words));
      else if (message.kind === "bad") {
        settle.reject(new Error(`${command} was answered with ${message.words}`));
      } else return false;
      return true;
    });
    this.send({ execute: command, arguments: args });
    return within(seconds, answer, `${command} was not answered`);
  }

  /** Brings the conversation with an agent into step: late answers to earlier requests are thrown away. */
  async synchronize(seconds: number): Promise<void> {
    const id = Math.floor(Math.random() * 2 ** 31);
    this.waiting = [];
    const answer = this.expect((message, { resolve }) => {
      if (message.kind !== "return" || message.value !== id) return false;
      resolve(undefined);
      return true;
    });
    this.socket.write("\xff", "latin1"); // makes the agent forget a request that it has half of
    this.send({ execute: "guest-sync-delimited", arguments: { id } });
    await within(seconds, answer, "the guest agent did not answer");
  }

  close(): void {
    this.socket.destroy();
  }

  private send(message: object): void {
    this.socket.write(JSON.stringify(message) + "\n");
  }

  private expect(
    accept: (
      message: Message,
      settle: { resolve: (value: unknown) => void; reject: (error: Error) => void },
    ) => boolean,
  ): Promise<unknown> {
    if (this.closed) return Promise.reject(new Error("QEMU closed the connection"));
    return new Promise((resolve, reject) => {
      this.waiting.push({
        accept: (message) => accept(message, { resolve, reject }),
        fail: reject,
      });
    });
  }

  private receive(message: Message): void {
    if (message.kind === "event") this.onEvent(message);
    else if (this.waiting[0]?.accept(message)) this.waiting.shift();
  }
}

/** @throws Error with the text where the promise takes longer */
export async function within<T>(seconds: number, promise: Promise<T>, text: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${text} within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
