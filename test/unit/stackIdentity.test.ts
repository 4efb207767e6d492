import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { projectFolder } from "../../host/project";
import { OWN_BACKEND, ownState, pulumiBackend } from "../../host/pulumiBackend";

describe("the backend as a part of a stack's identity", () => {
  let outer: string;
  let home: string;
  beforeEach(() => {
    outer = realpathSync(mkdtempSync(join(tmpdir(), "kragle bäckend ")));
    home = join(outer, "home");
    mkdirSync(ownState(home), { recursive: true });
  });
  afterEach(() => rmSync(outer, { recursive: true }));
  const of = (url: string) =>
    pulumiBackend(home, { PULUMI_BACKEND_URL: url, PULUMI_HOME: join(outer, "no login") });

  it("is kragle's own where none was chosen, and where its folder was", () => {
    assert.equal(of(""), OWN_BACKEND);
    for (const url of [ownState(home), `${ownState(home)}/`, encodeURI(ownState(home))]) {
      assert.equal(of(`file://${url}`), OWN_BACKEND, url);
    }
    symlinkSync(home, join(outer, "link"));
    assert.equal(of(`file://${join(outer, "link/state")}`), OWN_BACKEND);
    assert.equal(
      pulumiBackend(join(outer, "link"), { PULUMI_BACKEND_URL: "", PULUMI_HOME: outer }),
      OWN_BACKEND,
    );
  });

  it("is one text however a folder's address is written", () => {
    const folder = join(outer, "a state 100%");
    mkdirSync(folder);
    symlinkSync(folder, join(outer, "other"));
    const one = `file://${folder}`;
    for (const path of [
      folder,
      `${folder}/`,
      encodeURI(folder),
      join(outer, "other"),
      `${folder}?no_tmp_dir=true`,
      `${outer}/./a state 100%`,
    ]) {
      assert.equal(of(`file://${path}`), one, path);
    }
    assert.equal(of("file://./x"), `file://${join(projectFolder, "x")}`);
    assert.equal(of("file://~"), of(`file://${process.env.HOME}`));
  });

  it("is the address of any other, without its password", () => {
    assert.equal(of("https://api.pulumi.com/"), "https://api.pulumi.com");
    assert.equal(of("s3://bucket/a@b:c@d?region=x"), "s3://bucket/a@b:c@d?region=x");
    const database = "postgres://kragle@db:5432/state?sslmode=disable";
    for (const password of ["first", "s%40e:c", "p@ss", ""]) {
      assert.equal(of(database.replace("@", `:${password}@`)), database, password);
    }
  });
});
