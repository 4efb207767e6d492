import { createHash } from "node:crypto";

import type { Identity } from "../../plan/stages/smoke";
import type { Channel } from "./guest";

const READ = ["sh", "-c", "cat /etc/machine-id; cat /etc/ssh/ssh_host_*_key.pub"];

/** @throws Error where the guest has no identity, in part or as a whole */
export async function readIdentity(channel: Channel, signal: AbortSignal): Promise<Identity> {
  const { stdout, stderr } = await channel.execute(READ, signal);
  const [machineId = "", ...lines] = stdout.split("\n").map((line) => line.trim());
  if (!/^[0-9a-f]{32}$/.test(machineId)) {
    throw new Error(
      `the guest's /etc/machine-id is "${machineId.slice(0, 100)}"; see machine-id(5)`,
    );
  }
  const hostKeys = lines.flatMap((line) => {
    const [type, key] = line.split(" ");
    return type && key ? [`${type} ${fingerprint(key)}`] : [];
  });
  if (hostKeys.length === 0)
    throw new Error(`the guest has no SSH host keys: ${stderr.trim().slice(0, 500)}`);
  return { machineId, hostKeys: hostKeys.sort() };
}

const fingerprint = (key: string) =>
  `SHA256:${createHash("sha256").update(key, "base64").digest("base64").replace(/=+$/, "")}`;

/** @throws Error where a second boot of the same machine is not the machine that it was */
export function requireSame(first: Identity, second: Identity): void {
  if (first.machineId !== second.machineId) {
    throw new Error(
      `the machine-id did not survive a second boot: it was ${first.machineId} and is ${second.machineId}`,
    );
  }
  if (first.hostKeys.join() !== second.hostKeys.join()) {
    throw new Error(
      `the SSH host keys did not survive a second boot: they were ${first.hostKeys.join(", ")} and are ${second.hostKeys.join(", ")}`,
    );
  }
}

/** @throws Error where two machines made from one image share what tells machines apart */
export function requireDifferent(first: Identity, sibling: Identity): void {
  if (first.machineId === sibling.machineId) {
    throw new Error(
      `two machines made from the image have the same machine-id, ${first.machineId}: /etc/machine-id must be empty or "uninitialized" in the image`,
    );
  }
  const shared = first.hostKeys.filter((key) => sibling.hostKeys.includes(key));
  if (shared.length > 0) {
    throw new Error(
      `two machines made from the image have the same SSH host keys (${shared.join(", ")}): the image must have none, and make them at the first boot`,
    );
  }
}
