import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findTemplate, templateNames } from "../settings/template";
import { type Invocation, invocationOf } from "../plan/invocation";
import { runProgram } from "./devProgram";
import { firstOnPath, restorePath } from "./firstOnPath";
import { type Registered, requestOf } from "./mocks";
import { TemporaryStore } from "./temporaryStore";

type Settings = Readonly<Record<string, unknown>>;

/** What one command resource is told. */
export interface ProgramCall extends Invocation {
  /** The settings that led to it. */
  readonly settings: Settings;
  readonly stdin: Readonly<Record<string, unknown>>;
}

const RULES = `
rules:
  - id: site.banner
    asserts: the banner names the owner
    assertion: { content: [/etc/issue.net], has: "Example Ltd" }
    reason: whoever logs in has to know whose machine it is
`;

const ISO = { diskSize: "10 GiB", isoSha256: "ab".repeat(32), isoUrls: ["https://host/x.iso"] };

/**
 * Runs the program of every template with every way of proving its image, and each of these with none, one half, the other half
 * and all of the settings that change what some stage is told.
 *
 * @returns each call that a command resource makes
 */
export async function programCalls(): Promise<ProgramCall[]> {
  const at = new TemporaryStore();
  const folder = mkdtempSync(join(tmpdir(), "kragle calls "));
  try {
    // a libvirt daemon that is ready
    firstOnPath(folder, "virsh", 'echo "State:          running"');
    const calls: ProgramCall[] = [];
    for (const settings of combinations(folder)) {
      const { resources } = await runProgram(at, { settings });
      calls.push(...resources.flatMap((resource) => callOf(settings, resource)));
    }
    return calls;
  } finally {
    restorePath();
    rmSync(folder, { recursive: true });
    at.remove();
  }
}

function callOf(settings: Settings, resource: Registered): ProgramCall[] {
  const { create } = resource.inputs as { create?: string };
  const invocation = create === undefined ? undefined : invocationOf(create);
  return invocation ? [{ settings, ...invocation, stdin: requestOf(resource) }] : [];
}

function combinations(folder: string): Settings[] {
  const rules = join(folder, "site.yaml");
  writeFileSync(rules, RULES);
  const provision = join(folder, "site.sh");
  writeFileSync(provision, "#!/bin/sh\n");
  const test = (name: string) => {
    writeFileSync(join(folder, name), "#!/bin/sh\n");
    return join(folder, name);
  };
  const waive = [{ rule: "ssh.passwords", reason: "reached by console only" }];
  const half: Settings = {
    formats: ["raw", "raw.zst", { format: "qcow2", compression: "zstd" }],
    publish: [{ folder: "/srv/images", files: ["packer-kragle-qcow2"] }],
    check: { waive },
    refreshAfter: "7 days",
    provision: [provision],
    tests: [test("web.sh"), { script: test("port.sh"), args: ["8080"], timeout: 2 }],
    ...signing(folder),
  };
  const otherHalf: Settings = {
    formats: ["vmdk"],
    publish: [{ pool: "images", keep: 5 }],
    check: { rules: [rules] },
    builderImage: "registry.example/kragle:1",
    vnc: 5900,
    ...{ privileged: true, accelerator: "tcg", path: "/srv/x" },
  };
  const all = {
    ...{ ...half, ...otherHalf, check: { rules: [rules], waive } },
    publish: [{ pool: "images" }, { folder: "/srv/images" }],
  };
  const none = { formats: [] };
  return templateNames().flatMap((template) => {
    const { install, smoke: asked } = findTemplate(template);
    const proofs: Settings[] = [
      { smoke: "qemu", proof: "quick" },
      { smoke: "qemu", proof: "full" },
      // where nothing is booted, no test can run
      { smoke: "none", tests: [] },
      // which reaches a guest by its agent only
      ...(asked.channel === "agent" ? [{ smoke: "libvirt" }] : []),
    ];
    return proofs.flatMap((proof) =>
      [none, half, otherHalf, all].map((part, index) => ({
        ...{ template, ...part, ...proof },
        ...(install === "iso" ? ISO : {}),
        ...ORIGINS[install][index],
      })),
    );
  });
}

/** What only a bootstrapped system knows, for each of the four. */
const BOOTSTRAPPED: readonly Settings[] = [
  {},
  { snapshot: "2026-11-01" },
  { kernel: "generic" },
  { kernel: "generic", snapshot: "2026-11-01", suite: "sid" },
];

/** And what only one does that is installed from an ISO. */
const FROM_ISO: readonly Settings[] = [
  {},
  { rhsmUsername: "u", rhsmPassword: "p" },
  { rhsmOrg: "1", rhsmActivationKey: "k" },
  { isoPath: "/iso/a b.iso" },
];

/** And what only one does that is on a disk already. */
const FROM_DISK: readonly Settings[] = [
  { path: "package.json", format: "qcow2" },
  { url: "https://host/web.raw.xz?token=1" },
  { url: ["https://host/web.img", "https://other/web.img"], format: "vhd" },
  { path: "package.json", format: "raw.xz" },
].map((from, index) => ({
  from: { ...from, ...(index < 2 ? { sha256: "cd".repeat(32) } : { sha512: "ef".repeat(64) }) },
}));

const ORIGINS = { bootstrap: BOOTSTRAPPED, iso: FROM_ISO, disk: FROM_DISK };

/** A key that signs; none where there is no ssh-keygen to make one. */
function signing(folder: string): Settings {
  const signKey = join(folder, "key");
  try {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", signKey]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  return { signKey };
}
