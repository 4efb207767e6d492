import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Ajv from "ajv";

import { builderFolder } from "../../host/project";
import { templateSchema } from "../../generate/templateFields";
import { parseSettings, SettingsError } from "../../settings/stack";
import { findTemplate, templateNames } from "../../settings/template";

const BOOTSTRAPPED = { minimumDiskBytes: 2 ** 31, suite: "trixie" };
const FROM_ISO = {
  ...{ install: "iso", iso: "x.iso" },
  minimumDiskBytes: 1,
  expectedImageBytes: 1,
};

describe("a template.json", () => {
  let template: string;
  const write = (content: unknown) =>
    writeFileSync(
      join(template, "template.json"),
      typeof content === "string" ? content : JSON.stringify(content),
    );
  /** What is said of a stack with that template, without the setting's name and the file's. */
  function problems(content: unknown, more: Record<string, unknown> = {}): string[] {
    write(content);
    try {
      parseSettings({ template, ...more }, "dev");
    } catch (error) {
      assert.ok(error instanceof SettingsError, String(error));
      return error.problems.flatMap((text) =>
        text
          .replace(/^kragle:template: /, "")
          .replaceAll(`${template}/template.json: `, "")
          .split("; "),
      );
    }
    return [];
  }
  const first = (content: unknown) => problems(content)[0];

  beforeEach(() => {
    template = mkdtempSync(join(tmpdir(), "kragle-template-"));
    for (const part of ["base.py", "install.json"]) {
      writeFileSync(join(template, part), "", { mode: 0o755 });
    }
    copyFileSync(
      join(builderFolder, "templates/debian12/image.json"),
      join(template, "image.json"),
    );
  });
  afterEach(() => rmSync(template, { recursive: true }));

  it("needs little, and all else has its default", () => {
    write(BOOTSTRAPPED);
    assert.deepEqual(findTemplate(template), {
      ...{ name: template, folder: template, install: "bootstrap", ...BOOTSTRAPPED, medium: null },
      kernels: ["cloud", "generic"],
      smoke: { channel: "agent", firmware: ["bios", "uefi"] },
    });
    assert.deepEqual(problems(BOOTSTRAPPED), []);
  });

  it("with wrong fields is refused, each with what is allowed", () => {
    const cases: [Record<string, unknown>, string][] = [
      [{ minimumDiskBytes: -1 }, "minimumDiskBytes: -1 is not allowed"],
      [{ minimumDiskBytes: "2 GiB" }, 'minimumDiskBytes: "2 GiB" is not allowed'],
      [{ minimumDiskBytes: undefined }, "minimumDiskBytes: is lacking"],
      // a guess would install another release than the template's name says
      [{ suite: undefined }, "suite: is lacking"],
      [{ suite: "" }, 'suite: "" is no release\'s code name'],
      [{ suite: "Debian 13" }, 'suite: "Debian 13" is no release\'s code name'],
      [{ install: "dvd" }, 'install: "dvd" is not allowed'],
      [{ smoke: { channel: "telnet" } }, 'smoke.channel: "telnet" is not allowed'],
      [{ smoke: { firmware: [] } }, "smoke.firmware"],
      [{ smoke: { firmwares: ["bios"] } }, "smoke: firmwares is no field of smoke"],
      [{ kernels: ["realtime"] }, 'kernels.0: "realtime" is not allowed'],
      [{ packages: { common: "nginx" } }, 'packages.common: "nginx" is not a list'],
      [{ packages: { common: ["a b"] } }, 'packages.common.0: "a b" is no name of a package'],
      [{ sute: "sid" }, 'sute is no field of a template with "install": "bootstrap"'],
      [{ iso: "x.iso" }, 'iso is no field of a template with "install": "bootstrap"'],
    ];
    for (const [change, said] of cases) {
      const found = first({ ...BOOTSTRAPPED, ...change });
      assert.ok(found?.startsWith(said), `${JSON.stringify(change)}: ${found}`);
    }
    assert.match(first({ ...FROM_ISO, iso: undefined })!, /^iso: is lacking/);
    assert.match(first({ ...FROM_ISO, suite: "sid" })!, /^suite is no field of .* "iso"$/);
    assert.match(first(null)!, /^null is not allowed/);
    assert.match(first('{"install":')!, /JSON/);
  });

  it("is told with all that is wrong at once, and with the name that was probably meant", () => {
    const said = problems({ ...BOOTSTRAPPED, suite: 5, minimumDiskByte: 1, description: [] });
    for (const text of ["suite: 5 is not text", "did you mean minimumDiskBytes", "description: "]) {
      assert.ok(
        said.some((line) => line.startsWith(text)),
        `${text}\n${said.join("\n")}`,
      );
    }
  });

  it("says which kernels there are", () => {
    const generic = { ...BOOTSTRAPPED, kernels: ["generic"] };
    assert.deepEqual(problems(generic), [
      `kragle:kernel: ${template} has no "cloud"`,
      "allowed are generic",
    ]);
    assert.deepEqual(problems(generic, { kernel: "generic" }), []);
  });

  it("stands in a folder with the other parts, of which base.py can be run", () => {
    chmodSync(join(template, "base.py"), 0o644);
    assert.deepEqual(problems(BOOTSTRAPPED), [
      `${template}/base.py is not executable`,
      "run chmod +x on it",
    ]);
    for (const part of ["base.py", "image.json", "install.json"]) rmSync(join(template, part));
    assert.deepEqual(problems(BOOTSTRAPPED), [
      `the template folder "${template}" has no base.py, no image.json`,
    ]);
    assert.match(first(FROM_ISO)!, /has no install\.json, no image\.json$/);
  });

  it("has an image.json beside it of which an image can come", () => {
    const packer = JSON.parse(readFileSync(join(template, "image.json"), "utf8")) as {
      builders: object[];
      variables: Record<string, string>;
    };
    const { base: _, output: __, ...variables } = packer.variables;
    const builders = [{ ...packer.builders[0], type: "virtualbox-iso" }];
    for (const [change, said] of [
      [{ variables }, "its variables lack base, output"],
      [{ builders }, 'needs one builder, with "type": "qemu"'],
      [{ builders: [] }, "needs one builder"],
    ] as const) {
      writeFileSync(join(template, "image.json"), JSON.stringify({ ...packer, ...change }));
      assert.ok(first(BOOTSTRAPPED)!.startsWith(`${template}/image.json ${said}`), said);
    }
    writeFileSync(join(template, "image.json"), "{");
    assert.match(first(BOOTSTRAPPED)!, /\/image\.json: .*JSON/);
  });

  it("is checked by editors as kragle does", () => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(templateSchema()));
    for (const name of templateNames()) {
      const file = join(builderFolder, "templates", name, "template.json");
      assert.ok(validate(JSON.parse(readFileSync(file, "utf8"))), JSON.stringify(validate.errors));
    }
    for (const right of [BOOTSTRAPPED, FROM_ISO, { install: "disk", minimumDiskBytes: 1 }]) {
      assert.ok(validate(right), JSON.stringify(right));
    }
    for (const wrong of [{ sute: "sid" }, { suite: "Debian 13" }, { kernels: ["realtime"] }]) {
      assert.ok(!validate({ ...BOOTSTRAPPED, ...wrong }), JSON.stringify(wrong));
    }
  });
});
