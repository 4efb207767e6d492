import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";

import { runningContainer } from "../../executors/runningContainer";
import type { Site } from "../../executors/site";
import { ask } from "../../host/ask";
import { StageFailure } from "../../host/failure";
import { removeAfterThisProcess } from "../../host/lifeline";
import { tell } from "../../host/output";
import { makeTemporaryFolder } from "../../host/temporaryFolder";
import { KEEP } from "../../plan/invocation";
import { type KeptGuest, readKept } from "../../run/keptGuest";
import { SshChannel } from "../../stages/smoke/sshChannel";
import { sshShell } from "./sshShell";
import { Terminal } from "./terminal";
import type { ClientChannel } from "ssh2";

const POLL_MS = 500;
/** Where build_image.py keeps the key by which Packer logs in: a tmpfs of its container. */
const KEY_AT = "/run/kragle/key";

/** `up --keep`: waits for a guest that is kept because its build failed, and lets somebody look into it. */
export class Keeper {
  private readonly folder = makeTemporaryFolder("kragle-keep-");
  private readonly timer: NodeJS.Timeout;
  private asking: Promise<void> | undefined;
  /** Whether somebody is asked, or looks into it: the terminal is theirs. */
  isLookedInto = false;

  /** @param onKept is called when there is one, before anybody is asked */
  constructor(
    private readonly site: Site,
    onKept: () => void,
  ) {
    removeAfterThisProcess(this.folder);
    process.env[KEEP] = this.folder;
    this.timer = setInterval(() => {
      if (this.asking) return;
      this.asking = readKept(this.folder).then(async (kept) => {
        if (!kept) return void (this.asking = undefined);
        onKept();
        this.isLookedInto = true;
        try {
          await this.lookInto(kept);
        } finally {
          this.isLookedInto = false;
          await this.letGo();
        }
      });
      this.asking.catch(({ message }: Error) => tell(`${message}\n`));
    }, POLL_MS);
  }

  /** To be called when the run has ended. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.letGo();
  }

  private async letGo(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private async lookInto(kept: KeptGuest): Promise<void> {
    tell("\nThe build failed, as told above; its guest is kept as it is.\n");
    while (existsSync(this.folder)) {
      const answer = await ask("Enter ends it; s and Enter give root's shell in it: ");
      if (answer !== "s") return;
      await shellIn(this.site, kept).catch((error: Error) => tell(`${error.message}\n`));
    }
  }
}

async function shellIn(site: Site, { storeId, key, port }: KeptGuest): Promise<void> {
  const container = await runningContainer(site, storeId, key);
  if (!container) throw new StageFailure("the guest is gone");
  const ssh = new SshChannel(() => container.connect(port), await container.read(KEY_AT));
  await ssh.reach().catch(({ message }: Error) => {
    throw new StageFailure(`the guest does not let root in by SSH: ${message}`);
  });
  let session: ClientChannel | undefined;
  const terminal = new Terminal(
    (keys) => session?.write(keys),
    () => ssh.close(),
  );
  try {
    terminal.say("Ctrl-] or the shell's end (exit) lead back");
    await sshShell(ssh, terminal, (opened) => (session = opened));
  } finally {
    terminal.close();
    ssh.close();
  }
}
