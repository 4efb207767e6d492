import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";

import { readStackSettings } from "../../cli/stackSettings";
import { parseSettings, SettingsError } from "../../settings/stack";
import { FORMAT_NAMES } from "../../plan/formats";

/** What is wrong with the settings of the stack dev when some of them are these. */
function problems(change: object): readonly string[] {
  const values = { ...readStackSettings("dev").values };
  for (const [name, value] of Object.entries(change)) {
    Object.defineProperty(values, name, { value, enumerable: true });
  }
  try {
    parseSettings(values, "dev");
  } catch (error) {
    assert.ok(error instanceof SettingsError, String((error as Error).stack));
    return error.problems;
  }
  return [];
}

const size = (text: string) =>
  `"${text}" is not a size; write a number with MiB, GiB or TiB, as in "4 GiB" or "4096MiB"`;
const oneOf = (value: unknown, ...allowed: string[]) =>
  `${JSON.stringify(value)} is not allowed; allowed are ${allowed.join(", ")}`;
const number = (value: unknown, least: number, most: number) =>
  `${JSON.stringify(value)} is not allowed; write a whole number from ${least} to ${most}`;
const day = (text: string) => `"${text}" is not a day; write it as in 2026-11-01`;
const STEPS = "base, image, ssh, script, shutdown, check, convert, smoke, release, progress, whole";
const steps = (names: string) => `${names} is not a step; allowed are ${STEPS}`;
const minutes = (value: unknown) =>
  `${JSON.stringify(value)} is not allowed; write minutes by step, such as {"image": 90}`;
const format = (name: string) =>
  `"${name}" is not a known format; allowed are ${FORMAT_NAMES.join(", ")}`;
const template = (name: string) =>
  `"${name}" is not a template; allowed are centos7, cloud, debian12, debian13, rhel7, or the path of a folder such as ./my-template`;
const unknown = (name: string, meant?: string) =>
  `kragle:${name}: is not a setting; ${meant ? `did you mean kragle:${meant}` : 'README.md lists all under "Settings"'}`;

describe("wrong settings", () => {
  /** Setting, its value, and what is said of it. */
  const wrong: [string, unknown, string][] = [
    ...["4", "4096", "", "4 GB", "4G", "4gib", "-4 GiB", "0 GiB", "8192 TiB", "4 GiB x"].map(
      (text): [string, unknown, string] => ["diskSize", text, size(text)],
    ),
    ["diskSize", "8.0001 TiB", "at most 8 TiB can be built"],
    ["diskSize", "0.3 GiB", '"0.3 GiB" is too small for debian12, which needs at least 2.0 GiB'],
    ["diskSize", "1 GiB", '"1 GiB" is too small for debian12, which needs at least 2.0 GiB'],
    ["memory", "1 GB", size("1 GB")],
    ["memory", "255 MiB", "at least 256 MiB are needed"],
    ...[0, 65, -1, 2.5, true, null, "two", "2.0", "", " 2", "0x2", [2]].map(
      (value): [string, unknown, string] => ["cpus", value, number(value, 1, 64)],
    ),
    ...["Cloud", "", 5, null, ["cloud"], "constructor", "__proto__"].map(
      (value): [string, unknown, string] => ["kernel", value, oneOf(value, "cloud", "generic")],
    ),
    ["proof", "deep", oneOf("deep", "quick", "full")],
    ["smoke", "xen", oneOf("xen", "qemu", "libvirt", "none")],
    ...["", "host", "xen:///system", "qemu://root:pass@host/system", "qemu:///default"].map(
      (uri): [string, unknown, string] => [
        "libvirtUri",
        uri,
        `"${uri}" is not the URI of a QEMU driver; write it as in qemu:///system or qemu+ssh://root@host/system`,
      ],
    ),
    ...["on", "8", 8, true].map((value): [string, unknown, string] => [
      "points",
      value,
      `${JSON.stringify(value)} is not allowed; write off or a size such as 16 GiB`,
    ]),
    ["packageCache", "on", '"on" is not allowed; write off or a size such as 1 GiB'],
    ["smoke", true, oneOf(true, "qemu", "libvirt", "none")],
    ["accelerator", "hvf", oneOf("hvf", "auto", "kvm", "tcg")],
    ["packer", "1.16.0", oneOf("1.16.0", "auto", "release", "distribution")],
    ...["yes", "TRUE", 1, null, ""].map((value): [string, unknown, string] => [
      "privileged",
      value,
      oneOf(value, "true", "false"),
    ]),
    ["template", "rhel9", template("rhel9")],
    ["template", "constructor", template("constructor")],
    ["template", "__proto__", template("__proto__")],
    ["template", "..", template("..")],
    ["template", "./nowhere", 'the template folder "./nowhere" has no template.json'],
    ["baseImage", "", "must name a Docker image"],
    ...["today", "2026-02-30", "2026-13-01", "2026-1-1", "01.11.2026", "2026-11-01T00:00"].map(
      (text): [string, unknown, string] => ["snapshot", text, day(text)],
    ),
    ["refreshAfter", "1 hour", "at least 1 day is needed"],
    [
      "refreshAfter",
      "7",
      '"7" is not a duration; write a number with seconds, minutes, hours, days or weeks, as in "7 days"',
    ],
    ["provision", "app.sh", '"app.sh" is not a list; write a list of steps'],
    ["provision", {}, "{} is not a list; write a list of steps"],
    ["formats", "raw", '"raw" is not a list; write a list of formats'],
    ["formats", { format: "raw" }, '{"format":"raw"} is not a list; write a list of formats'],
    ["publish", { folder: "x" }, '{"folder":"x"} is not a list; write a list of places'],
    ["network", { alow: [] }, "alow is unknown; allowed is allow"],
    ["network", 5, '5 is not allowed; write {"allow": ["10.0.0.5:8443"]}'],
    ["timeouts", { imagee: 90 }, steps("imagee")],
    ["timeouts", { constructor: 90 }, steps("constructor")],
    ["timeouts", JSON.parse('{"__proto__": 90}'), steps("__proto__")],
    ["timeouts", 90, minutes(90)],
    ["timeouts", [], minutes([])],
    ["timeouts", "an hour", minutes("an hour")],
  ];
  for (const [name, value, message] of wrong) {
    it(`${name}: ${JSON.stringify(value)}`, () => {
      assert.deepEqual(problems({ [name]: value }), [`kragle:${name}: ${message}`]);
    });
  }

  it("are more than a step can be given on a command line, whatever it is made of", () => {
    const [half, whole] = [40, 70].map((kibibytes) => "x".repeat(kibibytes * 1024));
    const provision = [
      { run: "true", variables: { BUNDLE: half } },
      { packages: Array.from({ length: 9000 }, (_, index) => `package${index}`) },
      { script: "kragle", args: [whole] },
      { run: whole },
    ];
    const places = (change: object) =>
      problems(change).map(
        (text) => /^kragle:(\S+): step \d: what it is given .* KiB/.exec(text)?.[1],
      );
    assert.deepEqual(places({ provision }), ["provision[1]", "provision[2]"]);
    assert.deepEqual(places({ provision: provision.slice(0, 1), variables: { OTHER: half } }), [
      "provision[0]",
    ]);
  });

  it("are named with their place in a list or in an object", () => {
    assert.deepEqual(problems({ formats: ["raw", "img", "constructor", "raw"] }), [
      `kragle:formats[1]: ${format("img")}`,
      `kragle:formats[2]: ${format("constructor")}`,
      'kragle:formats[3]: "raw" stands in the list twice',
    ]);
    assert.deepEqual(problems({ provision: ["builder/Dockerfile", "no.sh", "builder"] }), [
      'kragle:provision[1]: step 2: "no.sh" is not a file',
      'kragle:provision[2]: step 3: "builder" is not a file',
    ]);
    assert.deepEqual(
      problems({
        tests: [
          "README.md",
          "no.sh",
          { script: "builder" },
          { script: "kragle", args: "x", timeout: 0 },
          { skript: "kragle" },
          5,
        ],
      }),
      [
        'kragle:tests[0].script: "README.md" has no first line such as "#!/bin/sh", which says what runs it',
        'kragle:tests[1].script: "no.sh" is not a file',
        'kragle:tests[2].script: "builder" is not a file',
        'kragle:tests[3].args: "x" is not a list; write a list of texts',
        "kragle:tests[3].timeout: 0 is not allowed; write minutes from 0.1 to 10000",
        'kragle:tests[4].script: undefined is not text; write it as in "tests/port.sh"',
        "kragle:tests[4]: skript is unknown; allowed are script, args, timeout",
        'kragle:tests[5]: 5 is not allowed; write the path of a script, or {"script": "tests/port.sh", "args": ["8080"], "timeout": 2}',
      ],
    );
    assert.deepEqual(problems({ smoke: "none", tests: ["kragle"] }), [
      "kragle:tests: they run in the booted image, and smoke is none; use smoke: qemu",
    ]);
    const amount = (value: unknown) =>
      `${JSON.stringify(value)} is not allowed; write minutes from 0.1 to 10000`;
    assert.deepEqual(problems({ timeouts: { image: 0, ssh: "x", base: 10_001 } }).toSorted(), [
      `kragle:timeouts.base: ${amount(10_001)}`,
      `kragle:timeouts.image: ${amount(0)}`,
      `kragle:timeouts.ssh: ${amount("x")}`,
    ]);
  });

  it("of a publication say what a place is", () => {
    const place = (value: unknown) =>
      `${JSON.stringify(value)} is not a place; write {folder: PATH} or {pool: NAME, uri: qemu:///system}, ` +
      "with keep (a whole number, 3) and files (released files, all of them)";
    const wrong: [unknown, string][] = [
      ["/srv", `: ${place("/srv")}`],
      [{}, `: ${place({})}`],
      [{ folder: "a", pool: "b" }, `: ${place({ folder: "a", pool: "b" })}`],
      [{ folder: "" }, '.folder: is empty; write a path, as in "/srv/images"'],
      [
        { pool: "b", uri: "xen:///system" },
        '.uri: "xen:///system" is not the URI of a QEMU driver; write it as in qemu:///system or qemu+ssh://root@host/system',
      ],
      [{ folder: "a", keep: 0 }, `.keep: ${number(0, 1, 1000)}`],
      [
        { folder: "a", kept: 1 },
        ": kept is no option of this place; allowed are folder, keep, files",
      ],
    ];
    assert.deepEqual(
      problems({ publish: wrong.map(([value]) => value) }),
      wrong.map(([, message], index) => `kragle:publish[${index}]${message}`),
    );
    const twice = [{ folder: "a" }, { folder: "a", keep: 9 }];
    assert.deepEqual(problems({ publish: twice }), [
      "kragle:publish[1]: this place stands in the list twice",
    ]);
  });

  it("that kragle does not know are refused, also by names that every object has", () => {
    const names = ["constructor", "toString", "hasOwnProperty", "color", "x", ""];
    for (const name of names) assert.deepEqual(problems({ [name]: "x" }), [unknown(name)]);
    assert.deepEqual(problems(JSON.parse('{"__proto__": {"diskSize": "8 GiB"}}')), [
      unknown("__proto__"),
    ]);
  });

  it("that kragle does not know are told with the one that was probably meant", () => {
    const meant: [string, string][] = [
      ["disksize", "diskSize"],
      ["DiskSize", "diskSize"],
      ["disk_size", "diskSize"],
      ["format", "formats"],
      ["cpu", "cpus"],
      ["rhsmUser", "rhsmUsername"],
      ["timeout", "timeouts"],
      ["isoSha", "isoSha256"],
    ];
    for (const [name, other] of meant) {
      assert.deepEqual(problems({ [name]: "x" }), [unknown(name, other)]);
    }
  });

  it("that ask for a proof that the driver cannot give are refused", () => {
    assert.deepEqual(problems({ proof: "full", smoke: "libvirt" }), [
      "kragle:proof: full needs smoke: qemu, and smoke is libvirt",
    ]);
    assert.deepEqual(problems({ proof: "full", smoke: "none" }), [
      "kragle:proof: full needs smoke: qemu, and smoke is none",
    ]);
    const template = mkdtempSync("/tmp/kragle-template-");
    writeFileSync(`${template}/base.py`, "", { mode: 0o755 });
    copyFileSync("builder/templates/debian12/image.json", `${template}/image.json`);
    const bootstrapped = { minimumDiskBytes: 1, suite: "bookworm" };
    writeFileSync(
      `${template}/template.json`,
      JSON.stringify({ ...bootstrapped, smoke: { channel: "ssh" } }),
    );
    assert.deepEqual(problems({ template, smoke: "libvirt" }), [
      `kragle:smoke: libvirt needs a guest agent, and ${template} is asked by SSH; use smoke: qemu`,
    ]);
    assert.deepEqual(problems({ template, smoke: "qemu", proof: "full" }), []);
    writeFileSync(
      `${template}/template.json`,
      JSON.stringify({ ...bootstrapped, smoke: { firmware: ["uefi"] } }),
    );
    assert.deepEqual(problems({ template, smoke: "libvirt" }), [
      `kragle:smoke: libvirt boots by BIOS, and ${template} boots by UEFI; use smoke: qemu`,
    ]);
    rmSync(template, { recursive: true });
  });

  it("that open a guest's network name what can be reached", () => {
    assert.deepEqual(problems({ network: { allow: ["any", "10.0.0.5:8443", "git.example"] } }), []);
    const [first, second] = problems({ network: { allow: ["http://x", "localhost:3142"] } });
    assert.match(first!, /^kragle:network\.allow\[0\]: "http:\/\/x" is no address; write/);
    assert.match(second!, /^kragle:network\.allow\[1\]: "localhost:3142" is the loopback/);
  });

  it("that are no text are refused, before they get into a key or a path", () => {
    const problem = "contains NUL or half of a surrogate pair, which is no text";
    for (const path of ["a\0b", "\ud800"]) {
      assert.deepEqual(problems({ path }), [`kragle:path: ${problem}`]);
      assert.deepEqual(problems({ publish: [{ folder: path }] }), [
        `kragle:publish[0].folder: ${problem}`,
      ]);
    }
  });

  it("stand in the project's own namespace, and so do the names in their messages", () => {
    const given = { color: 1, diskSize: "4", rhsmOrg: "x" };
    assert.throws(
      () => parseSettings(given, "dev", "images", ["images:x is not read"]),
      new SettingsError([
        "images:x is not read",
        unknown("color").replace("kragle:", "images:"),
        `images:diskSize: ${size("4")}`,
      ]),
    );
    assert.throws(
      () => parseSettings({ template: "rhel7", diskSize: "10 GiB", rhsmOrg: "x" }, "dev", "images"),
      (error: SettingsError) => {
        assert.equal(error.problems.length, 2);
        assert.doesNotMatch(error.message, /kragle:/);
        return true;
      },
    );
  });

  it("may not ask for a disk that is larger than a format holds", () => {
    const formats = ["raw", "vhd", "vmdk", "vhdx", "vdi", "qcow2", "vhd:subformat=fixed"];
    const limit = (index: number, name: string, size: string, disk: string) =>
      `kragle:formats[${index}]: ${name} holds at most ${size}, and diskSize is ${disk}`;
    assert.deepEqual(problems({ diskSize: "2040 GiB", formats }), []);
    assert.deepEqual(problems({ diskSize: "2041 GiB", formats }), [
      limit(1, "vhd", "2040 GiB", "2041 GiB"),
      limit(6, "vhd-fixed", "2040 GiB", "2041 GiB"),
    ]);
    assert.deepEqual(problems({ diskSize: "3 TiB", formats: ["vmdk", "vhdx", "vdi"] }), [
      limit(0, "vmdk", "2048 GiB", "3 TiB"),
    ]);
  });

  it("are all listed at once", () => {
    const change = { color: "red", diskSize: "4", cpus: 0, kernel: "x", formats: ["img"] };
    const expected = [
      unknown("color"),
      `kragle:diskSize: ${size("4")}`,
      `kragle:cpus: ${number(0, 1, 64)}`,
      `kragle:kernel: ${oneOf("x", "cloud", "generic")}`,
      `kragle:formats[0]: ${format("img")}`,
    ];
    assert.deepEqual(problems(change), expected);
    assert.equal(
      new SettingsError(expected).message,
      ["5 settings are wrong:", ...expected.map((line) => `  ${line}`)].join("\n"),
    );
    assert.equal(new SettingsError(["kragle:x"]).message, "1 setting is wrong:\n  kragle:x");
  });

  it("are all listed at once, a disk that is too small among them", () => {
    assert.deepEqual(problems({ diskSize: "1 GiB", kernel: "x" }).toSorted(), [
      'kragle:diskSize: "1 GiB" is too small for debian12, which needs at least 2.0 GiB',
      `kragle:kernel: ${oneOf("x", "cloud", "generic")}`,
    ]);
  });

  it("of the wrong type are told as such, with what is allowed instead", () => {
    const texts = ["template", "diskSize", "memory", "baseImage", "builderImage", "path"];
    for (const name of [...texts, "snapshot", "refreshAfter"]) {
      for (const value of [5, true, ["x"]]) {
        const [problem, ...others] = problems({ [name]: value });
        assert.deepEqual(others, []);
        const start = `kragle:${name}: ${JSON.stringify(value)} is not `;
        assert.equal(problem?.slice(0, start.length), start);
      }
    }
  });

  it("may not make two conversions write one file", () => {
    assert.equal(problems({ formats: ["vhd", "vpc"] }).length, 1);
  });
});
