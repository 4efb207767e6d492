import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { stringify } from "yaml";

import { readStackSettings } from "../../cli/stackSettings";
import { lostByReading } from "../../settings/pulumiYaml";
import { parseSettings, SettingsError } from "../../settings/stack";
import { SETTING_NAMES } from "../../settings/schema";

const PROJECT = `name: kragle
config:
  diskSize: { type: string, default: 4 GiB }
  kragle:cpus: { type: integer, default: 2 }
  memory: 2 GiB
  formats: [raw]
  aws:region: eu
`;
const DEFAULTS = { diskSize: "4 GiB", cpus: 2, memory: "2 GiB", formats: ["raw"] };

describe("a stack's file is read as the Pulumi CLI reads it:", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle stack "));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (text: string, project = PROJECT) => {
    writeFileSync(join(folder, "Pulumi.yaml"), project);
    writeFileSync(join(folder, "Pulumi.x.yaml"), text);
    return readStackSettings("x", folder);
  };
  const values = (text: string, project?: string) => {
    const settings = read(text, project);
    assert.deepEqual(settings.problems, []);
    return settings.values;
  };

  it("a project's defaults stand by themselves or beside a type", () => {
    for (const text of ["", "config:\n", "config: {}\n", "config:\n  aws:region: eu\n", "\ufeff"]) {
      assert.deepEqual(values(text), DEFAULTS);
    }
  });

  it("with several documents it is refused in words of its own", () => {
    const words = /x\.yaml: it has several documents \(---\); one is read$/m;
    assert.throws(() => read("config: {cpus: 3}\n---\nconfig: {cpus: 4}\n"), words);
  });

  it("what is no file is refused, and nobody waits for it", () => {
    writeFileSync(join(folder, "Pulumi.yaml"), PROJECT);
    const file = join(folder, "Pulumi.x.yaml");
    const others: [RegExp, () => void][] = [
      [/x\.yaml: is no regular file/, () => execFileSync("mkfifo", [file])],
      [/x\.yaml: is no regular file/, () => symlinkSync("/dev/zero", file)],
      [/x\.yaml: is a folder/, () => mkdirSync(file)],
    ];
    for (const [words, put] of others) {
      put();
      assert.throws(() => readStackSettings("x", folder), words);
      rmSync(file, { recursive: true });
    }
    // a link to a file is the user's own choice
    writeFileSync(join(folder, "shared"), "config: {kragle:cpus: 3}\n");
    symlinkSync("shared", file);
    assert.equal(readStackSettings("x", folder).values.cpus, 3);
  });

  it("in another encoding than UTF-8 it is refused, since a part of it would change", () => {
    for (const encoding of ["latin1", "utf16le"] as const) {
      const text = Buffer.from('config: {kragle:version: "größe"}\n', encoding);
      writeFileSync(join(folder, "Pulumi.yaml"), PROJECT);
      writeFileSync(join(folder, "Pulumi.x.yaml"), text);
      const read = () => readStackSettings("x", folder);
      // of the second, every other byte is NUL
      assert.throws(read, encoding === "latin1" ? /x\.yaml: it is not UTF-8 text/ : SettingsError);
    }
  });

  const right: [string, string, object][] = [
    [
      "a day that there is not stays what was written, and is refused as a day",
      "config: {kragle:snapshot: 2026-02-30, kragle:version: 2026-13-01}",
      { snapshot: "2026-02-30", version: "2026-13-01" },
    ],
    [
      "a key without namespace is the project's",
      "config: {diskSize: 6 GiB}",
      { diskSize: "6 GiB" },
    ],
    ["the old form of a key", "config: {kragle:config:cpus: 3}", { cpus: 3 }],
    [
      "a merge key below config",
      "common: &c {kragle:cpus: 3, diskSize: 5 GiB}\nconfig:\n  <<: *c\n  kragle:cpus: 4\n",
      { diskSize: "5 GiB", cpus: 4 },
    ],
    [
      "several merge keys, of which the first counts",
      "a: &a {cpus: 3}\nb: &b {cpus: 4, memory: 3 GiB}\nconfig:\n  <<: [*a, *b]\n",
      { cpus: 3, memory: "3 GiB" },
    ],
    [
      "a day without quotes is written out",
      "config: {kragle:snapshot: 2026-11-01}",
      { snapshot: "2026-11-01 00:00:00 +0000 UTC" },
    ],
    ["nothing is empty text", "config: {kragle:snapshot: }", { snapshot: "" }],
    ["words that older YAML takes for truth values are text", "config: {vnc: off}", { vnc: "off" }],
    ["what the CLI keeps there", "encryptionsalt: v1:x\nconfig: {cpus: 3}", { cpus: 3 }],
  ];
  for (const [title, text, expected] of right) {
    it(title, () => assert.deepEqual(values(text), { ...DEFAULTS, ...expected }));
  }

  it("a snapshot without quotes is that day, also as the CLI writes it into the file", () => {
    for (const day of [
      "2026-11-01",
      "2026-11-1",
      '"2026-11-01"',
      "2026-11-01 00:00:00 +0000 UTC",
    ]) {
      const { snapshot } = parseSettings(values(`config: {kragle:snapshot: ${day}}`), "x");
      assert.equal(snapshot, "2026-11-01", day);
    }
    assert.throws(
      () => parseSettings(values("config: {kragle:snapshot: 2026-11-01T10:00:00Z}"), "x"),
      /"2026-11-01 10:00:00 \+0000 UTC" is not a day/,
    );
  });

  it("an encrypted value is known to be there, and nothing else of it; also within another", () => {
    const { secretNames, values, problems } = read(
      "config:\n  rhsmPassword: {secure: v1:a}\n  isoSha256: {secure: v1:b}\n  timeouts: {image: {secure: v1:c}}\n",
    );
    assert.deepEqual(secretNames, ["rhsmPassword", "isoSha256", "timeouts"]);
    assert.deepEqual(values, { ...DEFAULTS, rhsmPassword: "(encrypted)" });
    assert.deepEqual(problems, []);
    // the CLI takes this for an object of the user's own
    assert.deepEqual(read("config: {timeouts: {secure: x, image: 5}}").secretNames, []);
  });

  const refused: [string, string][] = [
    [
      "config: {kragel:diskSize: 6 GiB}",
      "kragel:diskSize is not read; did you mean kragle:diskSize",
    ],
    [
      "config: {Kragle:disksize: 6 GiB}",
      "Kragle:disksize is not read; did you mean kragle:diskSize",
    ],
    [
      "kragle:diskSize: 6 GiB",
      "Pulumi.x.yaml: kragle:diskSize stands outside config, where nothing reads it; write it below config",
    ],
    [
      "kragle:diskSize: &x 6 GiB",
      "Pulumi.x.yaml: kragle:diskSize stands outside config, where nothing reads it; write it below config",
    ],
    [
      "Config: {cpus: 3}",
      'Pulumi.x.yaml: Config is not read; settings stand below config, as in "kragle:diskSize: 6 GiB"',
    ],
    [
      "environment: [prod]",
      "Pulumi.x.yaml: environment is read by the Pulumi CLI only; run pulumi up, or write its values below config",
    ],
    ["config: {a:b:c: 1}", "Pulumi.x.yaml: a:b:c is no key; write kragle:name"],
    [
      "config: {cpus: 3, kragle:cpus: 4}",
      "Pulumi.x.yaml: kragle:cpus stands there twice, as cpus and as kragle:cpus",
    ],
    [
      "config: {version: 1.10}",
      'Pulumi.x.yaml: kragle:version: 1.10 without quotes is the number 1.1; write "1.10"',
    ],
    [
      "config: {kragle:imageId: 1e3}",
      'Pulumi.x.yaml: kragle:imageId: 1e3 without quotes is the number 1000; write "1e3"',
    ],
    [
      "config: {path: 010}",
      'Pulumi.x.yaml: kragle:path: 010 without quotes is the number 8; write "010"',
    ],
    [
      "v: &v {RELEASE: 1.20}\nconfig: {variables: *v}",
      'Pulumi.x.yaml: kragle:variables.RELEASE: 1.20 without quotes is the number 1.2; write "1.20"',
    ],
    [
      "config: {provision: [a.sh, {script: b.sh, args: [x, 0x10]}]}",
      'Pulumi.x.yaml: kragle:provision[1].args[1]: 0x10 without quotes is the number 16; write "0x10"',
    ],
    [
      "config: 5",
      'Pulumi.x.yaml: settings stand below config, a line each, as in "kragle:diskSize: 6 GiB"',
    ],
    [
      "[a]",
      'Pulumi.x.yaml: settings stand below config, a line each, as in "kragle:diskSize: 6 GiB"',
    ],
  ];
  for (const [text, problem] of refused) {
    it(`${text} is refused by name`, () => assert.deepEqual(read(text).problems, [problem]));
  }

  it("a number that is text stands for how it is written", () => {
    const { version, variables, cpus } = parseSettings(
      values("config: {version: 1.4, variables: {PORT: 8080, V: 1.5}, cpus: 2.0}"),
      "x",
    );
    assert.deepEqual(
      { version, variables, cpus },
      { version: "1.4", variables: { PORT: "8080", V: "1.5" }, cpus: 2 },
    );
  });

  it("what the CLI itself has lost is told under it, too", () => {
    read("config: {version: 1.10, cpus: 2.0}");
    assert.deepEqual(lostByReading("x", "kragle", folder), [
      'Pulumi.x.yaml: kragle:version: 1.10 without quotes is the number 1.1; write "1.10"',
    ]);
    assert.deepEqual(lostByReading("other", "kragle", folder), []);
  });

  it("what is no YAML is refused with the file's name", () => {
    for (const text of ["config: [", "config: {<<: *nowhere}", "a: 1\na: 2\n", "config: {<<: 5}"]) {
      assert.throws(
        () => read(text),
        (error: Error) => {
          assert.ok(error instanceof SettingsError, String(error));
          return error.message.includes("Pulumi.x.yaml");
        },
      );
    }
  });

  it("providers' namespaces are left alone, also those that look like the project's", () => {
    assert.deepEqual(
      values("config: {aws:region: eu, docker:registryAuth: x, kragel:region: eu}"),
      DEFAULTS,
    );
  });

  it("settings stand in the namespace of the project, whatever it is called", () => {
    const project = PROJECT.replaceAll("kragle", "images");
    assert.deepEqual(values("config: {images:cpus: 3, diskSize: 6 GiB}", project), {
      ...{ ...DEFAULTS, cpus: 3, diskSize: "6 GiB" },
    });
    assert.deepEqual(read("config: {kragle:cpus: 3}", project).problems, [
      "kragle:cpus is not read: Pulumi.yaml calls this project images; write images:cpus",
    ]);
  });

  it("a project without a name is refused", () => {
    assert.throws(() => read("", "config: {}\n"), /Pulumi\.yaml: name is missing/);
  });

  it("no setting is lost: each is read, or its key is told", () => {
    const namespace = fc.constantFrom("", "kragle:", "kragle:config:", "kragel:", "aws:", "a:b:");
    const key = fc.tuple(namespace, fc.constantFrom(...SETTING_NAMES, "color"));
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, value), { maxLength: 5, selector: ([k]) => k.join("") }),
        fc.boolean(),
        (entries, below) => {
          const document = Object.fromEntries(entries.map(([[ns, name], v]) => [ns + name, v]));
          const { values, problems } = read(stringify(below ? { config: document } : document));
          for (const [[ns, name], v] of entries) {
            const told = problems.some((text) => text.includes(ns + name));
            const taken = Object.hasOwn(values, name) && values[name] === (v ?? "");
            const others = ns === "aws:" || (ns === "kragel:" && name === "color");
            assert.ok(told || (below && (taken || others)), `${ns}${name}`);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
