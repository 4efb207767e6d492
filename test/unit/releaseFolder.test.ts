import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { StageFailure } from "../../host/failure";
import { stageKey } from "../../plan/description";
import { releaseAround } from "../../release/apart";
import { letGoOfFolder, requireOwnFolder } from "../../release/owner";
import { LAID_OUT, LISTED, ReleasePlace } from "../releasePlace";
import { sha256 } from "../sha256";
import { ownerOf, rootsOf } from "../stacks";

/** What a release may do in PATH/output: whose it is, what is replaced or deleted, and what stays where it fails. */
describe("the folder of a release", () => {
  let place: ReleasePlace;
  beforeEach(async () => {
    place = new ReleasePlace();
    await place.open();
  });
  afterEach(() => place.close());

  it("belongs to one stack, until that lets go of it", async () => {
    const asked = (stack: string) =>
      requireOwnFolder(place.at.home, place.output, ownerOf(place.at.home, stack));
    await place.release("an image");
    await asked("dev");
    await assert.rejects(asked("prod"), /belongs to stack dev; two stacks cannot release there/);
    // as an earlier version left it: told by what the stack keeps
    rmSync(place.inOutput(".owner.json"));
    await assert.rejects(asked("prod"), /belongs to stack dev; two stacks cannot release there/);
    await rootsOf(place.at.home, "dev").dropAll();
    await asked("prod");
  });

  it("stays a stack's that cannot delete its mark, which says so", async function () {
    await place.release("an image");
    const mark = place.inOutput(".owner.json");
    if (spawnSync("chattr", ["+i", mark]).status !== 0) return this.skip();
    try {
      const letGo = letGoOfFolder(place.at.home, place.output, ownerOf(place.at.home, "dev"));
      await assert.rejects(letGo, /cannot be let go of: .*owner\.json cannot be deleted \(EPERM\)/);
    } finally {
      spawnSync("chattr", ["-i", mark]);
    }
    await letGoOfFolder(place.at.home, place.output, ownerOf(place.at.home, "dev"));
    assert.ok(!existsSync(mark));
  });

  it("is a release for whoever writes elsewhere, also when its stack let go of it", async () => {
    await place.release("an image");
    rmSync(place.inOutput(".owner.json"));
    const around = await releaseAround(place.inOutput("evidence/check"));
    assert.match(around!, /^the release at .*output$/);
    assert.equal(await releaseAround(place.path), undefined);
  });

  it("is this stack's own after the folder with the clone's id was deleted", async () => {
    await place.release("an image");
    const mark = JSON.parse(place.read(".owner.json")) as Record<string, string>;
    writeFileSync(place.inOutput(".owner.json"), JSON.stringify({ ...mark, clone: randomUUID() }));
    await place.release("another image");
    assert.equal(place.read("packer-kragle-qcow2"), "another image");
    assert.deepEqual(JSON.parse(place.read(".owner.json")), mark);
  });

  it("tells the way out where the mark is of a container that there is no more", async () => {
    await place.release("an image");
    const mark = JSON.parse(place.read(".owner.json")) as Record<string, string>;
    const gone = { ...mark, clone: randomUUID(), host: "3f2a9c0d1e4b" };
    writeFileSync(place.inOutput(".owner.json"), JSON.stringify(gone));
    await assert.rejects(place.release("another image"), (error: StageFailure) => {
      assert.match(error.message, /belongs to stack dev on 3f2a9c0d1e4b/);
      assert.match(error.text, /next: .* is gone for good, delete .*output\/\.owner\.json$/);
      return true;
    });
    rmSync(place.inOutput(".owner.json"));
    await place.release("another image");
  });

  it("leaves alone what another stack is about to release there", async () => {
    await place.release("an image");
    const mark = JSON.parse(place.read(".owner.json")) as Record<string, string>;
    writeFileSync(place.inOutput(".owner.json"), JSON.stringify({ ...mark, stack: "prod" }));
    const incoming = place.inOutput(`.incoming-${randomUUID()}`);
    mkdirSync(incoming);
    await assert.rejects(place.release("another image"), /belongs to stack prod/);
    assert.ok(existsSync(incoming));
  });

  it("replaces the release before, deletes what that had more, and nothing of the user's own", async () => {
    await place.release("an image", ["raw", "vmdk"]);
    writeFileSync(place.inOutput("notes.txt"), "mine");
    await place.release("another image", ["raw"], false);
    assert.equal(place.read("packer-kragle-qcow2"), "another image");
    const names = place.names().filter((name) => statSync(place.inOutput(name)).isFile());
    const left = LISTED.filter((name) => !name.startsWith("evidence/smoke/"));
    assert.deepEqual(names, [".owner.json", "SHA256SUMS", "notes.txt", ...left].sort());
    assert.equal(place.read("notes.txt"), "mine");
  });

  it("replaces no file of the user's own by a name of the settings", async () => {
    await place.release("an image");
    writeFileSync(place.inOutput("web.qcow2"), "mine");
    const named = { imageName: "web.qcow2" };
    await assert.rejects(place.release("an image", ["raw"], true, named), (error: StageFailure) => {
      assert.match(error.message, /has files that a release would replace .*: web\.qcow2$/m);
      return error.details.exitCode === 2;
    });
    assert.equal(place.read("web.qcow2"), "mine");
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
    // as a run leaves it that was killed while it moved the files
    writeFileSync(place.inOutput("web.qcow2"), "an image");
    await place.release("an image", ["raw"], true, named);
    assert.ok(!place.names().includes("packer-kragle-qcow2"));
  });

  it("refuses to replace files that are nobody's release, and a folder, while all is as it was", async () => {
    mkdirSync(join(place.output, "evidence/check"), { recursive: true });
    writeFileSync(place.inOutput("report.html"), "mine");
    writeFileSync(place.inOutput("evidence/check/check.json"), "mine");
    await assert.rejects(place.release("an image"), (error: StageFailure) => {
      assert.match(error.message, /not of one: evidence\/check\/check.json, report.html\n/);
      assert.equal(error.details.exitCode, 2);
      return true;
    });
    assert.deepEqual(
      place.names().filter((name) => statSync(place.inOutput(name)).isFile()),
      ["evidence/check/check.json", "report.html"],
    );
    assert.equal(place.read("report.html"), "mine");
    rmSync(place.output, { recursive: true });
    await place.release("an image");
    rmSync(place.inOutput("report.html"));
    mkdirSync(place.inOutput("report.html"));
    await assert.rejects(place.release("another image"), /report.html is a folder; nothing is/);
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
  });

  it("clears away only what a release left, not a folder that begins in the same way", async () => {
    const left = `.incoming-${randomUUID()}`;
    for (const name of [left, ".incoming-photos", `${left}.bak`]) {
      mkdirSync(place.inOutput(name), { recursive: true });
      writeFileSync(join(place.inOutput(name), "x"), "mine");
    }
    await place.release("an image");
    const folders = place.names().filter((name) => name.startsWith(".incoming"));
    assert.deepEqual(folders.sort(), [
      ...[".incoming-photos", ".incoming-photos/x", `${left}.bak`, `${left}.bak/x`].sort(),
    ]);
  });

  it("clears away what an interrupted release of another image left", async () => {
    mkdirSync(place.inOutput(".incoming-01234567-89ab-4cde-8f01-23456789abcd"), {
      recursive: true,
    });
    writeFileSync(
      place.inOutput(".incoming-01234567-89ab-4cde-8f01-23456789abcd/packer-kragle-qcow2"),
      "gigabytes",
    );
    await place.release("an image");
    assert.deepEqual(place.names(), LAID_OUT);
  });

  it("follows no link in the folder, neither to delete nor to write", async () => {
    const victim = join(place.at.home, "../victim");
    mkdirSync(victim);
    writeFileSync(join(victim, "important.conf"), "x");
    mkdirSync(place.output, { recursive: true });
    symlinkSync(victim, place.inOutput("link"));
    const forged = { "link/important.conf": sha256("x") };
    const facts = { files: forged, imageSha256: sha256("y"), releasedAt: "2026-11-01" };
    writeFileSync(place.inOutput("manifest.json"), JSON.stringify(facts));
    await place.release("an image");
    assert.deepEqual(readdirSync(victim), ["important.conf"]);
    assert.equal(readlinkSync(place.inOutput("link")), victim);
    rmSync(place.inOutput("evidence"), { recursive: true });
    symlinkSync(victim, place.inOutput("evidence"));
    await assert.rejects(place.release("another image"), /evidence is a link; nothing is written/);
    assert.deepEqual(readdirSync(victim), ["important.conf"]);
    // nothing half: what was released before still is
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
  });

  it("deletes nothing outside of PATH/output, whatever a manifest there says", async () => {
    const files = { "../precious": "", "/etc/hostname": "", "kragle.raw/../../precious": "" };
    mkdirSync(place.output, { recursive: true });
    writeFileSync(join(place.path, "precious"), "mine");
    writeFileSync(
      place.inOutput("manifest.json"),
      JSON.stringify({ files, imageSha256: "", releasedAt: "" }),
    );
    await place.release("an image");
    assert.ok(statSync(join(place.path, "precious")).isFile());
  });

  it("does not need the manifest of the release before to be whole", async () => {
    await place.release("an image");
    for (const text of ["", '{"files": {"half', "null", "5"]) {
      writeFileSync(place.inOutput("manifest.json"), text);
      await place.release("an image");
      assert.deepEqual(place.names(), LAID_OUT);
    }
  });

  it("leaves the release before untouched when anything that it needs is not there", async () => {
    await place.release("an image");
    const before = ["SHA256SUMS", "manifest.json", "packer-kragle-qcow2"].map((n) => place.read(n));
    const image = place.at.describe("broken");
    const broken = place.at.store.folder("image", stageKey(image));
    const publish = place.at.publish.bind(place.at);
    place.at.publish = async (files, description, extra) => {
      const artifact = await publish(files, description, extra);
      rmSync(broken, { recursive: true, force: true });
      return artifact;
    };
    await assert.rejects(place.release("broken"), {
      message: /^release: the result of stage image is not in the store/,
    });
    const after = ["SHA256SUMS", "manifest.json", "packer-kragle-qcow2"].map((n) => place.read(n));
    assert.deepEqual(after, before);
    assert.deepEqual(place.names(), LAID_OUT);
  });

  it("leaves a new folder nobody's where it fails before anything is in place", async () => {
    const unsigned = { signKey: join(place.at.home, "no key"), signer: "SHA256:none" };
    const attempt = () => place.release("an image", ["raw"], true, unsigned);
    await assert.rejects(attempt(), /no key/);
    assert.deepEqual(place.names(), []);
    // one that has a release stays whose it is
    await place.release("an image", ["raw"]);
    const before = place.names();
    await assert.rejects(attempt(), /no key/);
    assert.deepEqual(place.names(), before);
  });

  it("is refused as a whole where one of its files may not be replaced", async function () {
    await place.release("an image");
    const before = place.names().map((name) => [name, statSync(place.inOutput(name)).ino]);
    try {
      execFileSync("chattr", ["+i", place.inOutput("report.html")], { stdio: "ignore" });
    } catch {
      return this.skip(); // the file system has no such flag, or this user may not set it
    }
    try {
      await assert.rejects(place.release("another image"), /report\.html is immutable \(lsattr\)/);
      assert.deepEqual(
        place.names().map((name) => [name, statSync(place.inOutput(name)).ino]),
        before,
      );
    } finally {
      execFileSync("chattr", ["-i", place.inOutput("report.html")]);
    }
    await place.release("another image");
  });

  it("says that PATH cannot be written, and that this is the machine's lack", async () => {
    mkdirSync(place.path, { recursive: true });
    writeFileSync(place.output, "a file");
    await assert.rejects(
      place.release("an image"),
      (error: Error & { details?: { exitCode?: number } }) => {
        assert.match(error.message, /PATH of tests\/output: E\w+: /);
        assert.match(
          error.message,
          /next: the setting "path" must name a folder that can be written/,
        );
        assert.equal(error.details?.exitCode, 3);
        return true;
      },
    );
  });
});
