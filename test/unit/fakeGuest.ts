import type { ChannelName } from "../../plan/imageSpec";
import type { Channel, Executed, Guest, GuestEvent } from "../../stages/smoke/guest";

export const done = (stdout: string, exitCode = 0): Executed => ({ exitCode, stdout, stderr: "" });
export const refused = (stderr: string, exitCode = 1): Executed => ({
  ...{ exitCode, stdout: "", stderr },
});

export type Answers = Readonly<Record<string, Executed | readonly Executed[]>>;

/** A guest that boots in no time and answers what a test wants; what it has no answer to it never answers. */
export class FakeGuest implements Guest {
  /** What was done with it. */
  readonly calls: string[] = [];
  /** By which channels it was asked. */
  readonly asked: ChannelName[] = [];
  /** So many tries of a channel are in vain. */
  readonly closed: Record<string, number> = {};
  tell: (event: GuestEvent) => void = () => undefined;

  constructor(
    private readonly answers: Answers,
    private readonly console = "Linux version 6\nlocalhost login: ",
  ) {}

  start(tell: (event: GuestEvent) => void) {
    this.tell = tell;
    setTimeout(() => tell({ kind: "console", text: this.console }), 5);
    return Promise.resolve();
  }

  channel(name: ChannelName): Channel {
    this.asked.push(name);
    const reach = async () => {
      const left = this.closed[name] ?? 0;
      this.closed[name] = left - 1;
      if (left > 0) return Promise.reject(new Error("nobody there"));
    };
    return { ...answering(this.answers), reach };
  }

  screenshot(fileName: string) {
    this.calls.push(fileName);
    return Promise.resolve();
  }

  powerOff() {
    this.calls.push("power off");
    setTimeout(() => this.tell({ kind: "stopped", reason: "guest-shutdown" }), 5);
    return Promise.resolve();
  }

  destroy() {
    return Promise.resolve();
  }
}

/** A channel with an answer to each command; of several answers the last one stays. */
export function answering(answers: Answers): Channel {
  const left = new Map<string, Executed[]>(
    Object.entries(answers).map(([k, v]) => [k, [v].flat()]),
  );
  return {
    reach: () => Promise.resolve(),
    execute(argv) {
      const queue = left.get(argv.join(" "));
      if (!queue) return new Promise<Executed>(() => undefined);
      return Promise.resolve(queue.length > 1 ? queue.shift()! : queue[0]!);
    },
  };
}
