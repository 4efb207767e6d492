import type { ClientChannel } from "ssh2";

import type { SshChannel } from "../../stages/smoke/sshChannel";
import type { Terminal } from "./terminal";

/**
 * Root's login shell on the user's terminal.
 *
 * @param onOpen receives the session, into which whoever has the keys writes
 * @returns at its end: whether the shell ended by itself, and not for the connection
 */
export async function sshShell(
  ssh: SshChannel,
  terminal: Terminal,
  onOpen: (session: ClientChannel) => void,
): Promise<boolean> {
  const term = process.env.TERM ?? "vt100";
  const session = await ssh.open({ term, ...terminal.size, width: 0, height: 0 });
  let exited = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  session.on("data", (bytes: Buffer) => terminal.write(bytes));
  session.stderr.on("data", (bytes: Buffer) => terminal.write(bytes));
  session.on("exit", () => (exited = true));
  session.on("close", () => resolve());
  const forget = terminal.onResize(() => {
    const { rows, cols } = terminal.size;
    session.setWindow(rows, cols, 0, 0);
  });
  onOpen(session);
  await promise;
  forget();
  return exited;
}
