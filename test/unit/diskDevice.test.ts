import assert from "node:assert/strict";

import { type BlockDevice, parseLsblk } from "../../disk/blockDevice";
import { describeDevice, objection } from "../../disk/confirm";
import { refusals } from "../../disk/refusals";
import { parseMountInfo, parseSwaps } from "../../disk/usage";

const GIB = 2 ** 30;

const device = (facts: Partial<BlockDevice> = {}): BlockDevice => ({
  path: "/dev/sdb",
  type: "disk",
  number: "8:16",
  bytes: 8 * GIB,
  sectorBytes: 512,
  readOnly: false,
  model: "Cruzer Blade",
  serial: "4C53",
  transport: "usb",
  content: null,
  label: null,
  children: [],
  ...facts,
});
const part = (n: number, facts: Partial<BlockDevice> = {}): BlockDevice =>
  device({
    ...{ path: `/dev/sdb${n}`, type: "part", number: `8:${16 + n}`, bytes: GIB },
    ...{ model: null, serial: null, transport: null, ...facts },
  });

describe("what lsblk says of a device", () => {
  const json = (value: (text: string) => unknown) =>
    JSON.stringify({
      blockdevices: [
        {
          name: "/dev/sdb",
          type: "disk",
          "maj:min": "  8:16 ",
          size: value("8589934592"),
          "log-sec": value("512"),
          ro: value("0") === "0" ? "0" : false,
          model: "Cruzer Blade    ",
          serial: "4C53",
          tran: "usb",
          fstype: null,
          label: null,
          children: [
            {
              name: "/dev/sdb1",
              type: "part",
              "maj:min": "8:17",
              size: value("1073741824"),
              "log-sec": value("512"),
              ro: value("0") === "0" ? "0" : false,
              model: null,
              serial: null,
              tran: null,
              fstype: "ext4",
              label: "data",
            },
          ],
        },
      ],
    });
  const expected = device({ children: [part(1, { content: "ext4", label: "data" })] });

  it("is understood from util-linux 2.33 on", () => {
    assert.deepEqual(parseLsblk(json(Number)), expected);
  });
  it("is understood where every value is text, as before", () => {
    assert.deepEqual(parseLsblk(json((text) => text)), expected);
  });
});

describe("what is in use", () => {
  it("is read from mountinfo, with spaces in names and devices without a number of their own", () => {
    const text = [
      "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
      "29 27 8:17 / /mnt/my\\040disk rw shared:4 - ext4 /dev/sdb1 rw",
      "30 27 0:52 /sub /data rw - btrfs /dev/sdc rw,space_cache",
      "31 27 0:5 / /dev rw - devtmpfs  rw",
    ].join("\n");
    assert.deepEqual(parseMountInfo(`${text}\n`), [
      { number: "254:0", source: "/dev/vda", use: "mounted at /" },
      { number: "8:17", source: "/dev/sdb1", use: "mounted at /mnt/my disk" },
      { number: "0:52", source: "/dev/sdc", use: "mounted at /data" },
      { number: "0:5", source: "", use: "mounted at /dev" },
    ]);
  });

  it("is read from the list of swap areas", () => {
    const text =
      "Filename\tType\tSize\tUsed\tPriority\n/dev/sdb2   partition\t1\t0\t-2\n/swap\\040file file\t1\t0\t-3\n";
    assert.deepEqual(parseSwaps(text), [
      { source: "/dev/sdb2", use: "used as swap" },
      { source: "/swap file", use: "used as swap" },
    ]);
  });
});

describe("a device is refused", () => {
  const unused = new Map<string, string[]>();
  const cases: [why: string, BlockDevice, Map<string, string[]>, RegExp][] = [
    ["mounted", device(), new Map([["8:16", ["mounted at /mnt"]]]), /^it is mounted at \/mnt$/],
    [
      "a mounted part",
      device({ children: [part(1)] }),
      new Map([["8:17", ["mounted at /mnt"]]]),
      /^its part \/dev\/sdb1 is mounted at \/mnt$/,
    ],
    [
      "the running system on a part",
      device({ children: [part(1), part(2)] }),
      new Map([["8:18", ["mounted at /home", "mounted at /"]]]),
      /^it carries the running system: its part \/dev\/sdb2 is mounted at \/$/,
    ],
    [
      "the running system upon LVM",
      device({
        children: [part(1, { children: [part(9, { type: "lvm", path: "/dev/mapper/root" })] })],
      }),
      new Map([["8:25", ["mounted at /"]]]),
      /^its part \/dev\/sdb1 is used by \/dev\/mapper\/root \(lvm\);it carries the running system/,
    ],
    [
      "swap",
      device({ children: [part(2)] }),
      new Map([["8:18", ["used as swap"]]]),
      /^its part \/dev\/sdb2 is used as swap$/,
    ],
    [
      "a RAID upon it",
      device({ children: [part(9, { type: "raid1", path: "/dev/md0" })] }),
      unused,
      /^it is used by \/dev\/md0 \(raid1\)$/,
    ],
    ["read-only", device({ readOnly: true }), unused, /^it is read-only$/],
    ["too small", device({ bytes: 4 * GIB - 512 }), unused, /^it is too small: it has 4.0 GiB/],
    ["a partition", part(1, { bytes: 8 * GIB }), unused, /^it is a partition/],
    [
      "with sectors of 4 KiB",
      device({ sectorBytes: 4096 }),
      unused,
      /^its sectors have 4096 bytes/,
    ],
  ];
  for (const [why, target, usage, reason] of cases) {
    it(`when it is ${why}`, () => {
      assert.match(refusals(target, 4 * GIB, usage).join(";"), reason);
    });
  }

  it("with every reason at once", () => {
    const bad = device({ readOnly: true, bytes: 1024 });
    assert.equal(refusals(bad, 4 * GIB, new Map([["8:16", ["mounted at /a"]]])).length, 3);
  });

  it("but not when it is only full of old data", () => {
    const full = device({ children: [part(1, { content: "LVM2_member" })] });
    assert.deepEqual(refusals(full, 8 * GIB, unused), []);
  });
});

describe("a script's consent", () => {
  const nameless = device({ serial: null });
  const cases: [BlockDevice, Parameters<typeof objection>[1], RegExp | undefined][] = [
    [device(), { serial: "4C53" }, undefined],
    [device(), { serial: "4c53" }, /its serial number is 4C53, not 4c53/],
    [device(), {}, /also needs --serial/],
    [device(), { deviceSize: 8 * GIB }, /also needs --serial/],
    [nameless, { deviceSize: 8 * GIB }, undefined],
    [nameless, { deviceSize: 8 * 2 ** 40 }, /it has 8589934592 bytes, not/],
    [nameless, {}, /also needs --device-size/],
    [nameless, { serial: "4C53" }, /it has no serial number/],
  ];
  for (const [target, consent, reason] of cases) {
    it(`${JSON.stringify(consent)} is ${reason ? "not enough" : "enough"} for ${target.serial ?? "a device without a number"}`, () => {
      const found = objection(target, consent);
      if (reason) assert.match(String(found), reason);
      else assert.equal(found, undefined);
    });
  }
});

describe("the description of a device", () => {
  it("shows model, serial number, size and partitions", () => {
    const text = describeDevice(
      device({ children: [part(1, { content: "ext4", label: "data" }), part(2)] }),
    );
    assert.equal(
      text,
      [
        "  device   /dev/sdb (disk, usb)",
        "  model    Cruzer Blade",
        "  serial   4C53",
        "  size     8.0 GiB (8589934592 bytes)",
        "  holds    /dev/sdb1  1.0 GiB  ext4  data",
        "           /dev/sdb2  1.0 GiB  unknown content",
      ].join("\n"),
    );
  });

  it("says when a file system lies on it without a partition, and when nothing does", () => {
    assert.match(describeDevice(device({ content: "xfs", label: "old" })), /xfs "old", no parti/);
    assert.match(describeDevice(device()), /holds {4}nothing that was recognised/);
  });
});
