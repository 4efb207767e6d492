import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import Ajv from "ajv";
import { parse } from "yaml";

import { generated } from "../../generate/main";
import { editorSchema } from "../../generate/editorSchema";
import { markdown, plain } from "../../generate/prose";
import { readmeTable } from "../../generate/readmeTable";
import { tableOfSettings } from "../../generate/tableOfSettings";
import { parseSettings } from "../../settings/stack";
import { SETTING_NAMES } from "../../settings/schema";
import { projectFolder } from "../../host/project";
import { Clone } from "../clone";

const rows = tableOfSettings();
const readFile = (name: string) => readFileSync(join(projectFolder, name), "utf8");

describe("what follows from the table of settings", () => {
  it("is up to date", async function () {
    this.timeout(60_000); // the compiler reads the component for its schema
    for await (const [name, text] of generated()) {
      assert.equal(readFile(name), text, `${name} is stale; run "npm run generate"`);
    }
  });

  it("has every example as one that is right, and one that the editor's schema takes", () => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(editorSchema("kragle", rows)));
    let count = 0;
    for (const { name, examples, default: value } of rows) {
      for (const example of [value, ...examples]) {
        const template = name === "from" && example !== value ? { template: "cloud" } : {};
        if (name !== "provision" && name !== "tests") {
          parseSettings({ ...template, [name]: example }, "dev");
        }
        const document = { config: { [`kragle:${name}`]: example } };
        assert.ok(validate(document), `${name}: ${JSON.stringify(validate.errors)}`);
        count += 1;
      }
    }
    assert.ok(count > SETTING_NAMES.length + 12, String(count));
  });

  it("names each allowed word of a setting in its description", () => {
    for (const { name, description, type } of rows) {
      for (const word of (type.enum ?? []) as string[]) {
        assert.ok(description.includes(`\`${word}\``), `${name}: ${word}`);
      }
    }
  });

  it("tells bounds and examples with the description, links as their targets where text is plain", () => {
    const row = (name: string) => rows.find((other) => other.name === name)!;
    assert.match(markdown(row("cpus")), /; 1 to 64$/);
    assert.match(
      markdown(row("publish")),
      /; such as `\[\{folder: \/srv\/images, keep: 3\}\]` or /,
    );
    assert.match(markdown(row("check")), /\[docs\/checks\.md\]\(docs\/checks\.md\)/);
    assert.match(plain(row("check")), /reason: docs\/checks\.md;/);
    assert.doesNotMatch(rows.map(plain).join(), /`|\]\(/);
  });

  it("refuses a README without its markers", () => {
    assert.throws(() => readmeTable("no table", rows), /README\.md lacks the line <!-- settings/);
  });
});

describe("the schema for editors", () => {
  const validate = new Ajv({ strict: false }).compile(
    JSON.parse(readFile("infra/settings.schema.json")),
  );
  const check = (document: unknown) => validate(document);

  it("takes the stacks of this project", () => {
    const names = readdirSync(projectFolder).filter((name) => /^Pulumi\..+\.yaml$/.test(name));
    assert.ok(names.length >= 3);
    for (const name of names) {
      assert.ok(check(parse(readFile(name))), `${name}: ${JSON.stringify(validate.errors)}`);
    }
  });

  const right: unknown[] = [
    { config: null },
    { config: { diskSize: "6 GiB", "aws:region": "eu" }, encryptionsalt: "v1:x" },
    { config: { "kragle:rhsmPassword": { secure: "AAAB" }, "kragle:cpus": "3" } },
    { config: { "kragle:vnc": 5900, "kragle:privileged": true, "kragle:snapshot": "" } },
    { config: { "kragle:vnc": "5900", "kragle:privileged": "true" } },
    { config: { "kragle:secrets": { TOKEN: { secure: "AAAB" }, OTHER: "in the clear" } } },
    { config: { "kragle:variables": { SITE: "lab", PORT: 8080, DEBUG: true } } },
    { config: { "kragle:provision": [{ script: "app.sh", args: ["--listen", 8080] }] } },
    { config: { "kragle:tests": [{ script: "port.sh", args: [8080] }] } },
    { config: { "kragle:formats": ["raw", { format: "qcow2", compression: "zstd" }] } },
  ];
  for (const document of right) {
    it(`takes ${JSON.stringify(document)}`, () => {
      assert.ok(check(document), JSON.stringify(validate.errors));
    });
  }

  const wrong: unknown[] = [
    { "kragle:diskSize": "6 GiB" },
    { config: { "kragle:disksize": "6 GiB" } },
    { config: { disksize: "6 GiB" } },
    { config: { "kragle:diskSize": "6 GB" } },
    { config: { "kragle:cpus": 65 } },
    { config: { "kragle:kernel": "tiny" } },
    { config: { "kragle:timeouts": { imagee: 9 } } },
    { config: { "kragle:publish": [{ folder: "/srv", kept: 1 }] } },
    { config: { "kragle:check": { waive: [{ rule: "x" }] } } },
    { config: { "kragle:isoSha256": "abc" } },
    { config: { "kragle:secrets": { TOKEN: { secret: "AAAB" } } } },
    { config: { "kragle:variables": { SITE: ["lab"] } } },
  ];
  for (const document of wrong) {
    it(`refuses ${JSON.stringify(document)}`, () => assert.equal(check(document), false));
  }
});

describe("npm run generate", function () {
  this.timeout(180_000);
  let clone: Clone;
  before(() => {
    clone = new Clone();
  });
  after(() => clone.remove());

  const generate = (...args: string[]) =>
    spawnSync(process.execPath, ["--require", "./setup/loader.cjs", "generate/main.ts", ...args], {
      cwd: clone.folder,
      encoding: "utf8",
    });

  it("mends what is stale; with --check it names the file and the command, and changes nothing", () => {
    const texts = new Map<string, string>();
    for (const name of ["README.md", "Pulumi.yaml", "infra/settings.schema.json"]) {
      const text = readFileSync(clone.path(name), "utf8");
      texts.set(name, text);
      writeFileSync(clone.path(name), text.replaceAll("Processors of", "Number of processors of"));
    }
    const stale = `stale: ${[...texts.keys()].join(", ")}; run "npm run generate"\n`;
    const now = () => [...texts.keys()].map((name) => readFileSync(clone.path(name), "utf8"));
    const edited = now();
    const checked = generate("--check");
    assert.deepEqual([checked.status, checked.stderr], [1, stale]);
    assert.deepEqual(now(), edited);
    assert.equal(generate().status, 0);
    assert.deepEqual(now(), [...texts.values()]);
    const again = generate("--check");
    assert.deepEqual([again.status, again.stderr], [0, ""]);
  });

  it("is part of npm run check", () => {
    const args = ["--require", "./setup/loader.cjs", "test/check.ts", "generated"];
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: projectFolder,
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^generated: passed/);
  });
});
