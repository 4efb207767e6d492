import { utils } from "ssh2";

/** What a guest is told at its first boot. */
export interface Seed {
  /** Another one makes cloud-init take the machine for a new one. */
  readonly instanceId: string;
  readonly hostname: string;
  readonly keys: KeyPair;
}

export interface KeyPair {
  /** A line of authorized_keys. */
  readonly public: string;
  /** In OpenSSH's format; never leaves this process. */
  readonly private: string;
}

/**
 * A new pair that both ends can read. ssh2 strips zero bytes from the front of an ed25519 key, so one pair in 256
 * is malformed (https://github.com/mscdex/ssh2/issues/1513): such a pair is drawn again.
 */
export function newKeyPair(): KeyPair {
  for (;;) {
    const pair = utils.generateKeyPairSync("ed25519", { comment: "kragle-proof" });
    const halves = [utils.parseKey(pair.private), utils.parseKey(pair.public)];
    if (!halves.some((half) => half instanceof Error)) return pair;
  }
}

/**
 * The files of a volume labelled `cidata`: cloud-init's data source NoCloud, from its first versions on
 * (https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html).
 */
export function seedFiles({ instanceId, hostname, keys }: Seed): Record<string, string> {
  return {
    "meta-data": `instance-id: ${instanceId}\nlocal-hostname: ${hostname}\n`,
    "user-data": [
      "#cloud-config",
      "disable_root: false",
      "ssh_authorized_keys:",
      `  - ${keys.public}`,
      "",
    ].join("\n"),
  };
}
