import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { showScreen } from "../../run/screen";

describe("what a run says of its guest's screen", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-screen-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function said(template: string, port: number | null = 5900) {
    writeFileSync(join(folder, "image.json"), template);
    const lines: string[] = [];
    const shown = showScreen({
      port,
      template: join(folder, "image.json"),
      detail: (line) => lines.push(line),
    });
    return { ...shown, line: lines.join("\n") };
  }

  it("is the password of this run, another one each time", () => {
    const template = JSON.stringify({ builders: [{ type: "qemu", boot_command: [] }] });
    const { line, secrets, task } = said(template);
    assert.ok(line.includes(`VNC at 127.0.0.1:5900, password ${secrets.screenPassword};`), line);
    assert.match(secrets.screenPassword!, /^[\w-]{8}$/);
    assert.deepEqual(task, { publishScreen: 5900 });
    assert.notEqual(said(template).secrets.screenPassword, secrets.screenPassword);
  });

  it("is that there is none where Packer types into it, and names none", () => {
    for (const typed of [["<tab> text"], "<enter>"]) {
      const { line } = said(JSON.stringify({ builders: [{ type: "qemu", boot_command: typed }] }));
      assert.match(line, /VNC at 127\.0\.0\.1:5900, without a password, since Packer types/);
      assert.doesNotMatch(line, /password \S{8};/);
    }
  });

  it("is nothing where nobody asked for one", () => {
    assert.deepEqual(said("{}", null), { task: {}, secrets: {}, line: "" });
  });

  it("does not stumble over a template that is none", () => {
    for (const template of ["", "[]", '{"builders": 1}', '{"builders": [null]}']) {
      assert.match(said(template).line, /password/);
    }
  });
});
