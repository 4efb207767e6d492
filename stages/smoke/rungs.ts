import { setTimeout as sleep } from "node:timers/promises";

import type { ChannelName } from "../../plan/imageSpec";
import { LOGIN_PROMPT } from "../../run/signs";
import type { Channel, Guest } from "./guest";
import type { Findings, Identity } from "../../plan/stages/smoke";
import { readIdentity } from "./identity";
import type { Rung } from "./ladder";
import { requireGrownRoot, waitForSeed } from "./seeded";
import { waitForSystem } from "./systemState";
import type { UserTests } from "./userTests";

/** What a rung may use while it is asked for. */
export interface Asker {
  readonly guest: Guest;
  readonly signal: AbortSignal;
  /** Tells in vain tries apart from silence. */
  readonly tried: (words: string) => void;
}

export interface AskedRung extends Rung {
  /** Reached by trying again and again while the system starts; all such rungs are tried at once, the others one by one after them. */
  readonly opens?: ChannelName;
  /** Fulfilled when the rung is reached, with what was found out; an Error says why it never will be. */
  ask(asker: Asker): Promise<Findings | void>;
}

export const isAsked = (rung: Rung): rung is AskedRung => "ask" in rung;

export const KERNEL: Rung = {
  name: "kernel",
  title: "kernel",
  // a kernel with "quiet" shows nothing before the login prompt
  pattern: new RegExp(`Linux version \\d|^\\[ *\\d+\\.\\d{6}\\]|${LOGIN_PROMPT.source}`),
};

export const LOGIN: Rung = {
  name: "login",
  title: "login prompt",
  pattern: LOGIN_PROMPT,
};

const TRY_AGAIN_MS = 500;

const channelRung = (opens: ChannelName, title: string): AskedRung => ({
  ...{ name: opens, title, opens, soonAfter: LOGIN.name },
  async ask({ guest, signal, tried }) {
    while (!signal.aborted) {
      const failed = await guest
        .channel(opens)
        .reach()
        .then(
          () => undefined,
          (error: Error) => error.message,
        );
      if (failed === undefined) return;
      tried(failed);
      await sleep(TRY_AGAIN_MS, undefined, { signal });
    }
  },
});

/** The rung that opens a channel. */
export const CHANNELS: Readonly<Record<ChannelName, AskedRung>> = {
  agent: channelRung("agent", "guest agent's answer"),
  ssh: channelRung("ssh", "login by SSH with the seeded key"),
};

type Question = (channel: Channel, signal: AbortSignal) => Promise<Findings | void>;

const question = (name: string, title: string, by: ChannelName, ask: Question): AskedRung => ({
  ...{ name, title },
  ask: ({ guest, signal }) => ask(guest.channel(by), signal),
});

/** The system runs without a failed unit. */
export const running = (by: ChannelName): AskedRung =>
  question("running", "end of the start-up", by, waitForSystem);

/** cloud-init is done. */
export const seeded = (): AskedRung =>
  question("seed", "end of cloud-init", "ssh", async (channel, signal) => ({
    seed: await waitForSeed(channel, signal),
  }));

export const grownRoot = (imageBytes: number, diskBytes: number): AskedRung =>
  question("root", "size of root", "ssh", async (channel, signal) => ({
    diskBytes,
    rootBytes: await requireGrownRoot(channel, imageBytes, diskBytes, signal),
  }));

/** @param judge throws where the identity is not what it has to be */
export const identity = (judge: (identity: Identity) => void = () => undefined): AskedRung =>
  question("identity", "identity", "ssh", async (channel, signal) => {
    const found = await readIdentity(channel, signal);
    judge(found);
    return { identity: found };
  });

/** What the user proves besides. */
export const userTests = (by: ChannelName, tests: UserTests): AskedRung => ({
  ...question("tests", "end of the user's tests", by, async (channel, signal) => ({
    tests: await tests.run(channel, signal),
  })),
  ownSeconds: tests.seconds,
});
