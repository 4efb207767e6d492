import assert from "node:assert/strict";

import fc from "fast-check";

import { FORMAT_NAMES, parseConversion } from "../../plan/formats";

const ALLOWED = "raw, raw.zst, qcow2, vmdk, vdi, vhdx, vpc, vhd";

/** What qemu-img is asked for, the file and the resource, as one line. */
function line(entry: unknown): string {
  const { format, options, fileName, name } = parseConversion(entry);
  return `${format} ${JSON.stringify(options)} ${fileName} ${name}`;
}

describe("formats", () => {
  it("are these, and no others", () => assert.equal(FORMAT_NAMES.join(", "), ALLOWED));

  const right: [unknown, string][] = [
    ["raw", "raw {} kragle.raw raw"],
    ["raw.zst", "raw.zst {} kragle.raw.zst raw-zst"],
    ["qcow2", "qcow2 {} kragle.qcow2 qcow2"],
    ["vmdk", "vmdk {} kragle.vmdk vmdk"],
    ["vdi", "vdi {} kragle.vdi vdi"],
    ["vhdx", "vhdx {} kragle.vhdx vhdx"],
    ["vpc", "vpc {} kragle.vhd vpc"],
    ["vhd", "vpc {} kragle.vhd vhd"],
    [{ format: "raw" }, "raw {} kragle.raw raw"],
    [
      { format: "qcow2", compression: "zstd" },
      'qcow2 {"compression":"zstd"} kragle.zstd.qcow2 qcow2-zstd',
    ],
    [
      "qcow2:compression=zstd,cluster_size=1M",
      'qcow2 {"cluster_size":"1M","compression":"zstd"} kragle.1M.zstd.qcow2 qcow2-1M-zstd',
    ],
    [
      { compression: "zstd", cluster_size: "1M", format: "qcow2" },
      'qcow2 {"cluster_size":"1M","compression":"zstd"} kragle.1M.zstd.qcow2 qcow2-1M-zstd',
    ],
    [
      "vmdk:subformat=streamOptimized",
      'vmdk {"subformat":"streamOptimized"} kragle.streamOptimized.vmdk vmdk-streamOptimized',
    ],
    ["vhd:subformat=fixed", 'vpc {"subformat":"fixed"} kragle.fixed.vhd vhd-fixed'],
    [
      "vhd:subformat=fixed,force_size=on",
      'vpc {"force_size":"on","subformat":"fixed"} kragle.force_size_on.fixed.vhd vhd-force_size_on-fixed',
    ],
    [
      { format: "vmdk", adapter_type: "lsilogic", hwversion: 13 },
      'vmdk {"adapter_type":"lsilogic","hwversion":"13"} kragle.lsilogic.hw13.vmdk vmdk-lsilogic-hw13',
    ],
  ];
  for (const [entry, text] of right) {
    it(`understands ${JSON.stringify(entry)}`, () => assert.equal(line(entry), text));
  }

  const unknown = (name: string) => `"${name}" is not a known format; allowed are ${ALLOWED}`;
  const wrong: [unknown, string][] = [
    ["", unknown("")],
    ["RAW", unknown("RAW")],
    ["img", unknown("img")],
    ["constructor", unknown("constructor")],
    ["__proto__", unknown("__proto__")],
    ["hasOwnProperty:compression=zstd", unknown("hasOwnProperty")],
    [{}, unknown("")],
    [{ compression: "zstd" }, unknown("")],
    ["raw:preallocation=full", '"preallocation" is not an option of raw; it has none'],
    ["raw.zst:level=19", '"level" is not an option of raw.zst; it has none'],
    ["vdi:static=on", '"static" is not an option of vdi; it has none'],
    [{ format: "raw", toString: "x" }, '"toString" is not an option of raw; it has none'],
    [
      JSON.parse('{"format":"raw","__proto__":"x"}'),
      '"__proto__" is not an option of raw; it has none',
    ],
    ["raw:__proto__=x", '"__proto__" is not an option of raw; it has none'],
    [
      "vmdk:constructor=x",
      '"constructor" is not an option of vmdk; allowed are subformat, adapter_type, hwversion',
    ],
    [
      "qcow2:backing_file=/etc/shadow",
      '"backing_file" is not an option of qcow2; allowed are compression, cluster_size',
    ],
    [
      "qcow2:compression=lz4",
      `"lz4" is not a value of qcow2's compression; allowed are none, zlib, zstd`,
    ],
    ["qcow2:compression", `"" is not a value of qcow2's compression; allowed are none, zlib, zstd`],
    [
      "qcow2:cluster_size=4M",
      `"4M" is not a value of qcow2's cluster_size; allowed are 64k, 128k, 256k, 512k, 1M, 2M`,
    ],
    [
      "vmdk:subformat=monolithicFlat",
      `"monolithicFlat" is not a value of vmdk's subformat; allowed are monolithicSparse, streamOptimized`,
    ],
    [
      "vhdx:subformat=Fixed",
      `"Fixed" is not a value of vhdx's subformat; allowed are dynamic, fixed`,
    ],
    ["vhd:subformat=thin", `"thin" is not a value of vhd's subformat; allowed are dynamic, fixed`],
    // an option that would inject another one into qemu-img's argument
    [
      { format: "qcow2", compression: "zstd,backing_file=/etc/shadow" },
      `"zstd,backing_file=/etc/shadow" is not a value of qcow2's compression; allowed are none, zlib, zstd`,
    ],
  ];
  for (const [entry, message] of wrong) {
    it(`refuses ${JSON.stringify(entry)}`, () => {
      assert.throws(() => parseConversion(entry), { message });
    });
  }

  it("does not let an option contradict the format or itself", () => {
    for (const entry of ["qcow2:format=raw", "qcow2:compression=zstd,compression=none"]) {
      assert.throws(() => parseConversion(entry), { message: `"${entry}" has an option twice` });
    }
  });

  it("says that an entry has the wrong type instead of calling it an empty name", () => {
    for (const entry of [5, null, true, ["raw"]]) {
      assert.throws(() => parseConversion(entry), {
        message: `${JSON.stringify(entry)} is not a format; write a name such as "raw"`,
      });
    }
  });

  it("changes nothing in what it was given", () => {
    const entry = Object.freeze({ format: "qcow2", compression: "zstd" });
    assert.equal(line(entry), line(entry));
  });

  it("gives names that fit into a file's and a resource's name, whatever is written", () => {
    const part = fc.constantFrom(...FORMAT_NAMES, "compression", "zstd", "subformat", "fixed", "/");
    const glue = fc.constantFrom(":", "=", ",", ".");
    const text = fc
      .array(fc.tuple(part, glue), { maxLength: 4 })
      .map((parts) => parts.flat().join(""));
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (entry) => {
        let name: string;
        try {
          name = line(entry).split(" ").at(-1)!;
        } catch {
          return;
        }
        assert.match(name, /^[A-Za-z0-9-]+$/);
      }),
    );
  });
});
