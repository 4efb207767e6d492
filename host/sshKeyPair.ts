import { utils } from "ssh2";

/** A pair of Ed25519 keys. */
export interface SshKeyPair {
  /** A line of authorized_keys. */
  readonly public: string;
  /** In OpenSSH's format, which ssh2 and Packer read; Node's own (PKCS #8) ssh2 does not. */
  readonly private: string;
}

/**
 * A new pair that both ends can read. ssh2 strips zero bytes from the front of an ed25519 key, so one pair in 256
 * is malformed (https://github.com/mscdex/ssh2/issues/1513): such a pair is drawn again.
 */
export function newSshKeyPair(comment: string): SshKeyPair {
  for (;;) {
    const pair = utils.generateKeyPairSync("ed25519", { comment });
    const halves = [utils.parseKey(pair.private), utils.parseKey(pair.public)];
    if (!halves.some((half) => half instanceof Error)) return pair;
  }
}
