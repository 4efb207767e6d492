import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

import { parseHTML } from "linkedom";

import { BuiltClones, type ReleasedImages } from "../builtClones";
import { type Clone, jsonOf } from "../clone";

/** As much of a stack's page as these tests look at: the files to which it leads, and its words. */
function readPage(file: string): { links: string[]; text: string } {
  const { document } = parseHTML(readFileSync(file, "utf8")) as unknown as {
    document: {
      querySelectorAll(selector: string): Iterable<{ getAttribute(name: string): string }>;
      body: { textContent: string };
    };
  };
  const links = [...document.querySelectorAll("a")].map((link) =>
    fileURLToPath(new URL(link.getAttribute("href"), pathToFileURL(file))),
  );
  return { links, text: document.body.textContent.replace(/\s+/g, " ") };
}

/** Real processes: a stack of several images, which are released one by one. */
describe("a stack of several images", function () {
  this.timeout(300_000);
  const built = new BuiltClones();
  let clone: Clone;
  before(() => built.open());
  after(() => built.close());
  beforeEach(() => {
    clone = built.make();
    built.addStack(clone, "roles", { images: { web: {}, db: { imageName: "db.qcow2" } } });
  });

  const run = (line: string) => built.kragle(clone, line.split(" "));
  const up = (line: string) => run(`up ${line}${line && " "}-s roles --engine embedded`);
  const succeeds = (line: string) => built.succeeds(clone, line);
  const outputs = async (words = "") =>
    JSON.parse(await succeeds(`outputs ${words}${words && " "}-s roles --json`)) as ReleasedImages;

  it("releases each under its name, and then there is nothing to do", async () => {
    const { code, stderr, stdout } = await up("--json");
    assert.equal(code, 0, stderr);
    const { images } = jsonOf<{ outputs: ReleasedImages }>({ code, stderr, stdout }).outputs;
    assert.deepEqual(Object.keys(images), ["web", "db"]);
    assert.equal(images.web!.imagePath, clone.path("build/roles/web/output/packer-kragle-qcow2"));
    assert.equal(images.db!.imagePath, clone.path("build/roles/db/output/db.qcow2"));
    assert.deepEqual((await outputs()).images, images);
    assert.deepEqual(await outputs("db"), images.db);
    assert.match(await succeeds("preview -s roles"), /^web +unchanged\n(?: .*\n)?db +unchanged$/m);
    assert.match(await succeeds("verify -s roles"), /^web\n[^]*^db\n/m);
    const page = "build/roles/db/output/report.html\n";
    assert.equal(await succeeds("report db -s roles"), page);
    // of all of them one page, which leads to theirs
    const all = (await succeeds("report -s roles")).trim();
    assert.match(all, /^\.kragle\/stacks\/roles\.[0-9a-f]{12}\.html$/);
    const { links, text } = readPage(clone.path(all));
    assert.deepEqual(links, [images.web!.reportPath, images.db!.reportPath]);
    assert.ok(text.includes(String(images.web!.imageSha256)), text);
    const told = jsonOf<{ reportPath: string; images: Record<string, { reportPath: string }> }>(
      await run("report -s roles --json"),
    );
    assert.equal(told.reportPath, clone.path(all));
    assert.equal(told.images.db!.reportPath, images.db!.reportPath);
    // made anew each time, of what is there
    rmSync(clone.path("build/roles/web/output/manifest.json"));
    await succeeds("report -s roles");
    const torn = readPage(clone.path(all));
    assert.deepEqual(torn.links, [images.db!.reportPath]);
    assert.match(torn.text, /web ?its files are gone, or cannot be read: \.\/kragle verify web/);
    rmSync(clone.path("build/roles/web/output/SHA256SUMS"));
    const verified = await run("verify -s roles");
    assert.equal(verified.code, 1, verified.stderr);
    assert.match(
      verified.stdout,
      /^web\n.* has no SHA256SUMS, so it is not a release\ndb\n[^]*^ok /m,
    );
    assert.match(await succeeds("logs db -s roles"), /^db\.release +finished/m);
    assert.doesNotMatch(await succeeds("logs db -s roles"), /^web\./m);
  });

  it("builds those that are named, and leaves the others as they are", async () => {
    const images = { web: { path: "odd #1?" }, db: { imageName: "db.qcow2" } };
    built.addStack(clone, "roles", { images });
    assert.equal((await up("db")).code, 0);
    assert.deepEqual(Object.keys((await outputs()).images), ["db"]);
    assert.ok(!existsSync(clone.path("odd #1?")));
    for (const verb of ["outputs", "verify"]) {
      const { stderr } = await run(`${verb} -s roles`);
      assert.match(stderr, /not released yet: web; \.\/kragle up web -s roles/);
    }
    const lacking = await run("outputs web -s roles");
    assert.match(lacking.stderr, /image web of stack roles has not been released yet/);
    const { text } = readPage(clone.path((await succeeds("report -s roles")).trim()));
    assert.match(text, /web ?not released yet: \.\/kragle up web -s roles/);
    assert.equal((await up("web")).code, 0);
    assert.deepEqual(Object.keys((await outputs()).images).sort(), ["db", "web"]);
    const page = clone.path((await succeeds("report -s roles")).trim());
    assert.ok(readPage(page).links.includes(clone.path("odd #1?/output/report.html")));
    const { deleted } = jsonOf<{ deleted: { name: string }[] }>(await run("gc --dry-run --json"));
    assert.deepEqual(
      deleted.filter(({ name }) => name.startsWith("store/")),
      [],
    );
    for (const verb of ["up", "preview", "outputs", "report"]) {
      const { code, stderr } = await run(`${verb} webb -s roles`);
      assert.match(
        stderr,
        /has no image "webb"\n {2}next: did you mean web\? its images are web, db/,
      );
      assert.equal(code, 2, verb);
    }
    const { code, stderr } = await run("write disk.img -s roles");
    assert.match(stderr, /stack roles has several images: /);
    assert.equal(code, 2);
  });

  it("of which one fails releases the others, and keeps what the failed one had", async () => {
    assert.equal((await up("db")).code, 0);
    const { images: before } = await outputs();
    const settings = { web: { version: "2" }, db: { imageName: "other.qcow2" } };
    built.addStack(clone, "roles", { images: settings });
    const folder = clone.path("build/roles/db/output");
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/other.qcow2`, "somebody's own");
    const failed = await up("");
    assert.equal(failed.code, 2, failed.stderr);
    assert.match(failed.stderr, /has files that a release would replace/);
    assert.match(
      failed.stderr,
      /released image of db is untouched: build\/roles\/db\/output\/db\.q/,
    );
    assert.match(failed.stderr, /^web is released all the same/m);
    const { images } = await outputs();
    assert.equal(images.web!.imagePath, clone.path("build/roles/web/output/packer-kragle-qcow2"));
    assert.deepEqual(images.db, before.db);
    const { stdout } = await run("stacks");
    assert.match(stdout, /^roles web +released /m);
    assert.match(stdout, /^roles db +failed: db\.release /m);
  });

  it("releases what is made on another image after that one, and not without it", async () => {
    await built.addImageOnIt();
    clone = built.make();
    const images = {
      web: { from: { image: "base" } },
      base: { imageName: "base.qcow2" },
      db: {},
    };
    built.addStack(clone, "roles", { images });
    const folder = clone.path("build/roles/base/output");
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/base.qcow2`, "somebody's own");
    const failed = await up("");
    assert.equal(failed.code, 2, failed.stderr);
    assert.match(failed.stderr, /^db is released all the same/m);
    assert.doesNotMatch(failed.stderr, /web\.release: starts|web is released/);
    assert.deepEqual(Object.keys((await outputs()).images), ["db"]);
    rmSync(`${folder}/base.qcow2`);
    const { code, stderr, stdout } = await up("web --json");
    assert.equal(code, 0, stderr);
    const { steps } = jsonOf<{ steps: object }>({ code, stderr, stdout });
    const done = Object.keys(steps);
    assert.ok(done.indexOf("base.release") < done.indexOf("web.release"), String(done));
    assert.ok(!done.includes("db.release"));
    assert.deepEqual(Object.keys((await outputs()).images).sort(), ["base", "db", "web"]);
    const { web, base } = (await outputs()).images;
    assert.notEqual(web!.imageSha256, base!.imageSha256);
    const provenance = readFileSync(clone.path("build/roles/web/output/provenance.json"), "utf8");
    assert.match(provenance, /"root": "image below 1"/);
    const out = await run("preview base -s roles");
    assert.match(out.stdout, /^base +unchanged\n/m);
    built.addStack(clone, "roles", { images: { web: images.web } });
    const gone = await run("preview -s roles");
    assert.match(gone.stderr, /kragle:images\.web\.from: there is no image "base" in this stack/);
    assert.equal(gone.code, 2);
  });

  it("lets go of images that are named, and of none on which others stand", async () => {
    await built.addImageOnIt();
    clone = built.make();
    const images = {
      base: {},
      web: { from: { image: "base" } },
      db: { imageName: "db.qcow2" },
    };
    built.addStack(clone, "roles", { images });
    assert.equal((await up("")).code, 0);
    const before = await outputs();
    const refused = await run("destroy base db -s roles");
    assert.equal(refused.code, 2);
    assert.equal(
      refused.stderr,
      "image base of stack roles is not let go of: web stands on it\n" +
        "  next: ./kragle destroy base db web -s roles lets go of all of them\n",
    );
    assert.deepEqual(await outputs(), before);
    const misspelt = await run("destroy bse -s roles");
    assert.equal(misspelt.code, 2);
    assert.match(misspelt.stderr, /has no image "bse"\n {2}next: did you mean base\?/);

    // what the settings say meanwhile does not change what stands on it
    built.addStack(clone, "roles", { images: { ...images, web: {} } });
    assert.equal((await run("destroy base -s roles")).code, 2);
    built.addStack(clone, "roles", { images });

    const owner = (name: string) =>
      existsSync(clone.path(`build/roles/${name}/output/.owner.json`));
    assert.match(
      await succeeds("destroy web -s roles"),
      /^Stack roles uses nothing of web any more\.\nReleased files were left/,
    );
    assert.deepEqual([owner("base"), owner("web"), owner("db")], [true, false, true]);
    assert.ok(existsSync(clone.path("build/roles/web/output/packer-kragle-qcow2")));
    assert.deepEqual(Object.keys((await outputs()).images).sort(), ["base", "db"]);
    assert.match(await succeeds("destroy web -s roles"), /^Stack roles used nothing of web; /);
    const json = jsonOf<{ dropped: string[] }>(await run("destroy base -s roles --json"));
    assert.ok(json.dropped.includes("base.image"), String(json.dropped));
    assert.ok(json.dropped.every((root) => root.startsWith("base.")));
    assert.equal(
      (await run("outputs base db web -s roles")).stderr,
      "images base, web of stack roles have not been released yet\n" +
        "  next: ./kragle up base web -s roles\n",
    );

    // everything is in the store still
    const again = jsonOf<{ outputs: ReleasedImages }>(await up("--json"));
    assert.deepEqual(again.outputs.images.web!.key, before.images.web!.key);
    await succeeds("destroy web base db -s roles");
    assert.match((await run("outputs -s roles")).stderr, /^stack roles was destroyed at /);
  });

  it("lets go of nothing else by an image's name: neither of what it had when it had one image", async () => {
    built.addStack(clone, "roles", {});
    assert.equal((await up("")).code, 0);
    const before = await succeeds("outputs -s roles --json");
    built.addStack(clone, "roles", { images: { web: {}, db: {} } });
    assert.match(
      await succeeds("destroy web db -s roles"),
      /^Stack roles used nothing of web, db; /,
    );
    assert.equal(await succeeds("outputs -s roles --json"), before);
    assert.ok(existsSync(clone.path("build/roles/output/.owner.json")));
    built.addStack(clone, "roles", {});
    assert.match(await succeeds("preview -s roles"), /^release +unchanged$/m);
  });

  it("lets go of an image that is taken out of it, and of all when it is destroyed", async () => {
    assert.equal((await up("")).code, 0);
    built.addStack(clone, "roles", { images: { web: {} } });
    assert.equal((await up("")).code, 0);
    assert.deepEqual(Object.keys((await outputs()).images), ["web"]);
    assert.ok(existsSync(clone.path("build/roles/db/output/db.qcow2")));
    assert.ok(!existsSync(clone.path("build/roles/db/output/.owner.json")));
    const page = clone.path((await succeeds("report -s roles")).trim());
    assert.ok(existsSync(page));
    await succeeds("destroy -s roles");
    assert.ok(!existsSync(page));
    assert.ok(!existsSync(clone.path("build/roles/web/output/.owner.json")));
    const gone = await run("outputs -s roles");
    assert.match(gone.stderr, /was destroyed at .*; its files lie in build\/roles\/web\/output/);
  });
});
