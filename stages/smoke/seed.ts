import type { SshKeyPair } from "../../host/sshKeyPair";

/** What a guest is told at its first boot. */
export interface Seed {
  /** Another one makes cloud-init take the machine for a new one. */
  readonly instanceId: string;
  readonly hostname: string;
  readonly keys: SshKeyPair;
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
