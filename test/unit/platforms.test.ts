import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseStack, parseSettings, SettingsError } from "../../settings/stack";
import { platformProblems } from "../../settings/platforms";
import { formatWarnings, platformWarnings } from "../../settings/platformWarnings";
import { parseConversion } from "../../plan/formats";
import type { ImageSpec } from "../../plan/imageSpec";
import { type Platform, PLATFORM_NAMES, PLATFORMS } from "../../plan/platforms";

const plain = parseSettings({}, "dev");

type Change = Partial<Omit<ImageSpec, "formats">> & {
  readonly formats?: readonly string[];
  readonly boots?: ImageSpec["template"]["smoke"]["firmware"];
};

/** An image of Debian 12 with the kernel `cloud` on a disk of 4 GiB, as qcow2, but for what is said. */
function image({ formats = [], boots, ...change }: Change): ImageSpec {
  const template = change.template ?? plain.template;
  const smoke = { ...template.smoke, ...(boots && { firmware: boots }) };
  return {
    ...{ ...plain, ...change },
    formats: formats.map(parseConversion),
    template: { ...template, smoke },
  };
}

const on = (platform: Platform, change: Change) => image({ runsOn: [platform], ...change });

interface Row {
  /** An image of which nothing has to be said. */
  readonly right: Change;
  /** Those that cannot run there, each with what is told. */
  readonly wrong?: readonly [Change, RegExp][];
  /** Those that can, if what is told is seen to. */
  readonly seenTo?: readonly [Change, RegExp][];
}

const byUefi: [Change, RegExp] = [
  { boots: ["uefi"] },
  /^\w+: the machine has to start by UEFI, by which alone images of debian12 boot$/,
];
const generic = { kernel: "generic" } as const;
const streamed = "vmdk:subformat=streamOptimized";
const packages = (...names: string[]) => {
  const { provision } = parseSettings({ provision: [{ packages: names }] }, "dev");
  return { provision };
};
const tools = packages("open-vm-tools");

const ROWS: Readonly<Record<Platform, Row>> = {
  qemu: { right: {}, seenTo: [byUefi] },
  proxmox: { right: {}, seenTo: [byUefi] },
  openstack: { right: {}, seenTo: [byUefi] },
  kubevirt: { right: {}, seenTo: [byUefi] },
  virtualbox: {
    right: { formats: ["vdi"], ...generic },
    wrong: [
      [
        { formats: ["vhdx"], ...generic },
        /^virtualbox takes vdi, vmdk or vhd, and the image is made as qcow2, vhdx; add "vdi" to formats$/,
      ],
    ],
    seenTo: [
      [
        { formats: ["vdi"] },
        /^virtualbox: a new machine of VirtualBox has AHCI and e1000, which the kernel "cloud" of bookworm does not drive; set kernel: generic, or give the machine IDE \(PIIX4\) or virtio-scsi, and virtio-net$/,
      ],
      [
        { formats: ["vdi"], suite: "trixie" },
        /has e1000, which the kernel "cloud" of trixie does not drive; .* give the machine virtio-net$/,
      ],
    ],
  },
  vmware: {
    right: { formats: ["vmdk:hwversion=19"], ...generic, ...tools },
    wrong: [[{ ...generic }, /^vmware takes vmdk:.* made as qcow2; add "vmdk:adapter_type=/]],
    seenTo: [
      [{ formats: ["vmdk"], ...tools }, /give the machine PVSCSI or NVMe, and VMXNET3$/],
      [
        { formats: ["vmdk"], ...generic },
        /^vmware: no step brings its agent along; .* \{packages: \[open-vm-tools\]\}/,
      ],
    ],
  },
  vsphere: {
    right: { formats: [streamed], ...generic, ...tools },
    wrong: [[{ formats: ["vmdk:adapter_type=lsilogic"] }, /made as qcow2, vmdk-lsilogic; add/]],
    seenTo: [[{ formats: [streamed], ...tools }, /^vsphere: .* has LSI Logic and e1000, which/]],
  },
  "hyperv-gen1": {
    right: { formats: ["vhd"] },
    wrong: [
      [{}, /takes vhdx or vhd, /],
      [
        { formats: ["vhdx"], boots: ["uefi"] },
        /^hyperv-gen1 starts by BIOS, and images of debian12 boot by UEFI only .* take hyperv-gen1 out/,
      ],
      [
        { formats: ["vhdx"], diskBytes: 2 ** 41 + 512 },
        /^hyperv-gen1 starts from at most 2048.0 GiB, and the disk of the image has .*; lower/,
      ],
    ],
  },
  "hyperv-gen2": {
    right: { formats: ["vhdx:subformat=fixed"], diskBytes: 2 ** 42 },
    wrong: [
      [{ formats: ["vhd"] }, /^hyperv-gen2 takes vhdx, .* made as qcow2, vhd; add "vhdx"/],
      [{ formats: ["vhdx"], boots: ["bios"] }, /^hyperv-gen2 starts by UEFI, .* boot by BIOS only/],
    ],
  },
  azure: {
    right: { formats: ["vhd:subformat=fixed,force_size=on"], ...packages("waagent=2.7.3.0-4.1") },
    wrong: [
      [{ formats: ["vhd"] }, /^azure takes vhd:subformat=fixed, .* made as qcow2, vhd; add/],
      [{ formats: ["vhdx:subformat=fixed"] }, /^azure takes vhd:subformat=fixed, /],
      [
        { formats: ["vhd:subformat=fixed"], diskBytes: 5_046_586_880 },
        /^azure takes disks of whole MiB, .* has 4\.7 GiB \(5046586880 bytes\); write diskSize: 4813 MiB$/,
      ],
    ],
    seenTo: [[{ formats: ["vhd:subformat=fixed"] }, /^azure: no step .* \[waagent\]/]],
  },
  aws: {
    right: { formats: [streamed] },
    wrong: [[{ formats: ["vmdk", "vdi"] }, /made as qcow2, vmdk, vdi; add "raw" to formats$/]],
    seenTo: [[{ ...byUefi[0], formats: ["raw"] }, byUefi[1]]],
  },
  gcp: {
    right: { formats: ["raw"], ...packages("google-guest-agent") },
    wrong: [
      [{ formats: ["raw.zst"] }, /^gcp takes raw, .* made as qcow2, raw-zst; add "raw"/],
      [{ formats: ["raw"], diskBytes: 4.5 * 2 ** 30 }, /whole GiB, .*; write diskSize: 5 GiB$/],
    ],
    seenTo: [[{ formats: ["raw"] }, /^gcp: no step .* \[google-guest-agent\]/]],
  },
  xen: {
    right: { formats: ["vhd:subformat=dynamic"] },
    wrong: [[{ formats: ["raw"] }, /^xen takes vhd, vmdk or vhdx, /]],
  },
  metal: {
    right: { ...generic },
    wrong: [
      [
        {},
        /^metal has e1000e, .* or bnxt as network card, and the kernel "cloud" of bookworm drives none of them; set kernel: generic$/,
      ],
    ],
    seenTo: [[{ ...generic, boots: ["bios"] }, /^metal: the machine has to start by BIOS, /]],
  },
};

describe("a platform that an image is to run on", () => {
  for (const [name, { right, wrong = [], seenTo = [] }] of Object.entries(ROWS)) {
    const platform = name as Platform;
    it(`takes what is right for it, and tells what is not: ${name}`, () => {
      const problems = (change: Change) => platformProblems(on(platform, change));
      const notes = (change: Change) => platformWarnings(on(platform, change), []);
      assert.deepEqual([...problems(right), ...notes(right)], []);
      assert.ok(wrong.length + seenTo.length > 0);
      for (const [change, told] of wrong) {
        const [problem, ...more] = problems(change);
        assert.match(problem ?? "nothing", told);
        assert.deepEqual(more, []);
      }
      for (const [change, told] of seenTo) {
        const [note, ...more] = notes(change);
        assert.match(note ?? "nothing", told);
        assert.deepEqual([...more, ...problems(change)], []);
      }
    });

    it(`takes what is written as one is told: ${name}`, () => {
      const formats = [PLATFORMS[platform].formats[0]];
      assert.deepEqual(platformProblems(on(platform, { formats, ...generic })), []);
    });
  }

  it("says nothing of devices where nobody knows what the kernel drives", () => {
    const disk = { ...plain.template, suite: null, install: "disk" } as const;
    for (const change of [{ suite: "sid" }, { template: disk }]) {
      assert.deepEqual(platformProblems(on("metal", change)), []);
      assert.deepEqual(platformWarnings(on("virtualbox", { formats: ["vdi"], ...change }), []), []);
      assert.deepEqual(formatWarnings(image({ formats: ["vdi"], ...change })), []);
    }
  });

  it("has its agent from a script, a line, a playbook, or the image below", () => {
    const folder = mkdtempSync(join(tmpdir(), "kragle-platforms-"));
    try {
      const script = join(folder, "tools.sh");
      writeFileSync(script, "#!/bin/sh\napt-get install -y open-vm-tools\n");
      const said = (step: unknown, images: readonly ImageSpec[] = [], made: Change = {}) => {
        const { provision } = parseSettings({ provision: step === null ? [] : [step] }, "dev");
        const spec = on("vsphere", { provision, formats: [streamed], ...generic, ...made });
        return platformWarnings(spec, images).length;
      };
      assert.equal(said(script), 0);
      assert.equal(said({ run: "apt-get install -y open-vm-tools" }), 0);
      assert.equal(said({ run: "apt-get install -y open-vm" }), 1);
      assert.equal(said({ reboot: true }), 1);
      const base = image({ name: "base", ...tools });
      assert.equal(said(null, [base], { name: "web", on: "base" }), 0);
      assert.equal(said(null, [base], { name: "web", on: null }), 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the setting runsOn", () => {
  const refused = (values: object): readonly string[] => {
    try {
      parseStack({ ...values }, "dev");
    } catch (error) {
      if (error instanceof SettingsError) return error.problems;
      throw error;
    }
    return [];
  };

  it("is a list of platforms, as text too", () => {
    assert.deepEqual(parseSettings({ runsOn: '["qemu", "xen"]', formats: ["vhd"] }, "x").runsOn, [
      "qemu",
      "xen",
    ]);
    assert.match(refused({ runsOn: ["aws", "hyperv"] }).join(), /^kragle:runsOn\[1\]: "hyperv" is/);
    assert.match(refused({ runsOn: "aws" }).join(), /"aws" is not a list; write a list of platf/);
    assert.ok(PLATFORM_NAMES.length > 10);
  });

  it("refuses all that cannot run, with the other wrong settings, at the place where it stands", () => {
    const found = refused({
      runsOn: ["hyperv-gen2", "metal"],
      images: {
        base: { formats: ["vhdx"] },
        web: { from: { image: "base" }, runsOn: ["metal"], path: "build/dev/base" },
        db: { kernel: "generic", formats: ["raw"] },
      },
    });
    assert.deepEqual(
      found.map((line) => line.replace(/e1000e.*bnxt/, "CARDS")),
      [
        'kragle:runsOn: metal has CARDS as network card, and the kernel "cloud" of bookworm drives none of them; set kernel: generic',
        'kragle:images.web.runsOn: metal has CARDS as network card, and the kernel "cloud" of bookworm drives none of them; set kernel: generic for base, on which it is made',
        'kragle:runsOn: hyperv-gen2 takes vhdx, and db is made as qcow2, raw; add "vhdx" to formats',
        "kragle:images.web.path: build/dev/base/output has the releases of base already; give each a folder of its own",
      ],
    );
  });
});

describe("an image of which other settings are wrong", () => {
  const refused = (values: object) => {
    try {
      parseStack({ ...values }, "web");
    } catch (error) {
      if (error instanceof SettingsError) return error.problems.map((line) => line.slice(0, 50));
      throw error;
    }
    return [];
  };

  it("is judged by its platforms all the same", () => {
    const wrong = { cpus: 0, runsOn: ["hyperv-gen2", "metal"] };
    assert.deepEqual(refused(wrong), [
      "kragle:cpus: 0 is not allowed; write a whole numbe",
      "kragle:runsOn: hyperv-gen2 takes vhdx, and the ima",
      "kragle:runsOn: metal has e1000e, igb, ixgbe, r8169",
    ]);
    // nobody knows the kernel of what it is made on
    assert.deepEqual(refused({ ...wrong, from: { stack: "base" } }), [
      "kragle:cpus: 0 is not allowed; write a whole numbe",
      "kragle:runsOn: hyperv-gen2 takes vhdx, and the ima",
    ]);
    assert.deepEqual(refused({ ...wrong, diskSize: "x" }).length, 2);
  });
});

describe("the formats of an image of which nobody says where it runs", () => {
  const warnings = (settings: object) => formatWarnings(parseSettings({ ...settings }, "dev"));

  it("are told with what their hypervisor's new machine has and the kernel does not drive", () => {
    const formats = ["raw", "vdi", "vmdk", streamed, "vhd"];
    const [vdi, vmdk, ...more] = warnings({ formats, kernel: "cloud" });
    assert.match(vdi!, /^vdi: a new machine of VirtualBox has AHCI and e1000, .* generic, or give/);
    assert.match(vmdk!, /^vmdk: a new machine of VMware .* PVSCSI/);
    assert.deepEqual(more, []);
  });

  it("are not told where the kernel drives it, no such format is made, or somebody says where", () => {
    assert.deepEqual(warnings({ formats: ["vdi", "vmdk"], kernel: "generic" }), []);
    assert.deepEqual(warnings({ formats: ["raw", "vhdx", "qcow2"], kernel: "cloud" }), []);
    assert.deepEqual(warnings({ formats: ["vdi"], runsOn: ["qemu"] }), []);
  });
});
