import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";

/** What of the host's the daemon sees as its own, and the test's folder in its place. */
const OWN = {
  etc: "/etc/libvirt",
  lib: "/var/lib/libvirt",
  cache: "/var/cache/libvirt",
  log: "/var/log/libvirt",
  run: "/run",
} as const;

/**
 * A real libvirtd with root's rights and its own configuration, state and pool, in a mount namespace and a process namespace:
 * nothing of a libvirt that the host may have is seen or touched, and no network is made. It ends, with all of its guests,
 * when its stdin does, so also when the test is killed.
 */
export class LibvirtDaemon {
  // a socket's path has at most 107 bytes, and the account of the guests has to reach the pool
  private readonly folder = mkdtempSync(join(tmpdir(), "kragle-libvirt-"));
  readonly uri = `qemu:///system?socket=${this.folder}/run/libvirt/libvirt-sock`;
  private child?: ChildProcess;

  /** @returns why there can be none here, or undefined */
  static obstacle(): string | undefined {
    const sh = (command: string) => spawnSync("sh", ["-c", command], { env: environment() });
    for (const tool of ["libvirtd", "virtlogd", "virsh"]) {
      if (sh(`command -v ${tool}`).status !== 0) return `there is no ${tool} on PATH`;
    }
    const absent = Object.values(OWN).find((folder) => !existsSync(folder));
    if (absent) return `${absent}, over which the daemon's own folder is mounted, is absent`;
    if (sh("unshare --mount --pid --fork true").status !== 0) {
      return "a libvirtd of its own takes root's rights";
    }
    return undefined;
  }

  /**
   * @param hideKvm where guests cannot use KVM although the device is there: libvirt, which looks at the device with the rights
   *   of different accounts, would otherwise examine QEMU again at each step
   */
  async start({ hideKvm }: { hideKvm: boolean }): Promise<void> {
    chmodSync(this.folder, 0o711);
    for (const name of [...Object.keys(OWN), "pool"]) {
      mkdirSync(join(this.folder, name), { mode: 0o755 });
    }
    writeFileSync(join(this.folder, "etc/libvirtd.conf"), 'auth_unix_rw = "none"\n');
    const qemu = 'cgroup_controllers = []\nnamespaces = []\nsecurity_driver = "none"\n';
    writeFileSync(join(this.folder, "etc/qemu.conf"), qemu);
    writeFileSync(join(this.folder, "no-kvm"), "", { mode: 0o600 });
    const script = [
      "set -e",
      ...Object.entries(OWN).map(([name, path]) => `mount --bind "$0/${name}" ${path}`),
      ...(hideKvm ? ['[ ! -e /dev/kvm ] || mount --bind "$0/no-kvm" /dev/kvm'] : []),
      ...["virtlogd -d", "libvirtd -d", "echo ready", "cat"],
    ].join("\n");
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const args = [...namespaces, "--propagation", "private", "sh", "-c", script, this.folder];
    this.child = spawn("unshare", args, {
      env: environment(),
      stdio: ["pipe", "pipe", "inherit"],
    });
    await Promise.race([once(this.child.stdout!, "data"), once(this.child, "close")]);
    this.virsh("pool-define-as", "default", "dir", "--target", join(this.folder, "pool"));
    this.virsh("pool-start", "default");
  }

  /** Runs one virsh command. */
  virsh(...command: string[]): string {
    const args = ["--quiet", "--connect", this.uri, ...command];
    const options = { encoding: "utf8", env: environment(), stdio: "pipe" } as const;
    return execFileSync("virsh", args, options).trim();
  }

  /** Names of all domains, running or not, and of all volumes. */
  contents(): { domains: string[]; volumes: string[] } {
    const lines = (text: string) => text.split("\n").filter(Boolean);
    return {
      domains: lines(this.virsh("list", "--all", "--name")).sort(),
      volumes: lines(this.virsh("vol-list", "default"))
        .map((line) => line.trim().split(/\s+/)[0]!)
        .sort(),
    };
  }

  async stop(): Promise<void> {
    if (this.child?.exitCode === null) {
      const ended = once(this.child, "close");
      this.child.stdin!.end();
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Daemons lie in folders that ordinary users do not have on their PATH. */
const environment = () => ({
  ...process.env,
  LC_ALL: "C",
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
});
