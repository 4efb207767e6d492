import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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
import { requireOwnFolder } from "../../release/owner";
import { verifyRelease } from "../../release/verify/release";
import { BUILDER_ID, LISTED, type ReleaseExtras, ReleasePlace } from "../releasePlace";
import { IMAGE_IDENTITY } from "../sampleCalls";
import { ownerOf, rootsOf } from "../stacks";
import { sha256 } from "../sha256";

/** What is under PATH/output after the first release of these tests. */
const FIRST = [
  ...[".owner.json", "SHA256SUMS", ...LISTED],
  ...["evidence", "evidence/check", "evidence/check/deep", "evidence/image", "evidence/smoke"],
].sort();

describe("the release stage", () => {
  let place: ReleasePlace;
  beforeEach(async () => {
    place = new ReleasePlace();
    await place.open();
  });
  afterEach(() => place.close());

  const inOutput = (name: string) => join(place.output, name);

  it("lays image, conversions and evidence out, with their digests", async () => {
    const answer = await place.release("an image");
    assert.deepEqual(place.names(), FIRST);
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
    assert.equal(place.read("kragle.raw"), "an image as raw");
    const digests = LISTED.map((name): [string, string] => [name, sha256(place.read(name))]);
    assert.equal(
      place.read("SHA256SUMS"),
      digests.map(([name, digest]) => `${digest} *${name}\n`).join(""),
    );
    const described = digests.filter(([name]) => name !== "manifest.json");
    const { releasedAt, ...facts } = answer.result as { releasedAt: string };
    assert.ok(Math.abs(Date.now() - Date.parse(releasedAt)) < 600_000);
    assert.deepEqual(facts, {
      imagePath: inOutput("packer-kragle-qcow2"),
      imageSha256: sha256("an image"),
      imageBytes: 8,
      imageVirtualBytes: 4_294_967_296,
      conversions: {
        raw: { path: inOutput("kragle.raw"), sha256: sha256("an image as raw"), bytes: 15 },
      },
      smoke: { passed: true, driver: "qemu", seconds: { login: 38.2 } },
      accelerator: "tcg",
      builderImageId: BUILDER_ID,
      manifestPath: inOutput("manifest.json"),
      reportPath: inOutput("report.html"),
      key: answer.key,
      signer: null,
      packages: 1,
      tools: {
        ...{ image: "image.qcow2", packages: 1, packer: "1.6.6", qemu: "7.2.22", removed: 1 },
        accelerator: "tcg",
      },
      ...IMAGE_IDENTITY,
      files: Object.fromEntries(described),
      sizes: Object.fromEntries(
        described.map(([name]) => [name, statSync(join(place.output, name)).size]),
      ),
    });
    assert.deepEqual(JSON.parse(place.read("manifest.json")), answer.result);
  });

  it("gives copies that can be written without touching the store", async () => {
    await place.release("an image");
    const image = inOutput("packer-kragle-qcow2");
    assert.deepEqual([statSync(image).mode & 0o777, statSync(image).nlink], [0o644, 1]);
    writeFileSync(image, "scribbled over");
    const { files: records, key } = (await place.at.store.manifests("image"))[0]!;
    assert.equal(place.read("packer-kragle-qcow2"), "scribbled over");
    assert.equal((await place.at.store.lookup("image", key)).state, "present");
    assert.ok(records.length > 0);
  });

  it("is done again where a released file was altered or deleted", async () => {
    const first = await place.release("an image");
    assert.deepEqual(await place.release("an image"), first);
    for (const damage of [
      () => writeFileSync(inOutput("kragle.raw"), "x"),
      () => rmSync(inOutput("SHA256SUMS")),
      () => rmSync(place.output, { recursive: true }),
    ]) {
      damage();
      await place.release("an image");
      assert.deepEqual(place.names(), FIRST);
      assert.equal(place.read("kragle.raw"), "an image as raw");
    }
  });

  it("replaces the release before, deletes what that had more, and nothing of the user's own", async () => {
    await place.release("an image", ["raw", "vmdk"]);
    writeFileSync(inOutput("notes.txt"), "mine");
    await place.release("another image", ["raw"], false);
    assert.equal(place.read("packer-kragle-qcow2"), "another image");
    const names = place.names().filter((name) => statSync(inOutput(name)).isFile());
    const left = LISTED.filter((name) => !name.startsWith("evidence/smoke/"));
    assert.deepEqual(names, [".owner.json", "SHA256SUMS", "notes.txt", ...left].sort());
    assert.equal(place.read("notes.txt"), "mine");
  });

  it("goes by the names of the settings, and leaves none of earlier ones", async () => {
    const formats = ["raw", "raw.zst"];
    await place.release("an image", formats);
    assert.equal(place.read("kragle.raw.bmap"), "<bmap/>");
    const { result } = await place.release("an image", formats, true, { imageName: "web.qcow2" });
    const images = ["web.qcow2", "web.raw", "web.raw.bmap", "web.raw.zst"];
    const names = place.names().filter((name) => /web|kragle/.test(name));
    assert.deepEqual(names, images);
    assert.equal(place.read("web.qcow2"), "an image");
    assert.equal(place.read("web.raw"), "an image as raw");
    assert.equal(result.imagePath, inOutput("web.qcow2"));
    assert.deepEqual(
      Object.values(result.conversions as Record<string, { path: string }>).map(({ path }) => path),
      ["web.raw", "web.raw.zst"].map(inOutput),
    );
    const { subject } = JSON.parse(place.read("provenance.json")) as {
      subject: { name: string }[];
    };
    assert.deepEqual(subject.map(({ name }) => name).sort(), images);
    const { checks, files } = await verifyRelease(place.output, undefined);
    const failed = [...checks, ...files].filter(({ state }) => !["ok", "warning"].includes(state));
    assert.deepEqual(failed, []);
  });

  it("replaces no file of the user's own by a name of the settings", async () => {
    await place.release("an image");
    writeFileSync(inOutput("web.qcow2"), "mine");
    const named = { imageName: "web.qcow2" };
    await assert.rejects(place.release("an image", ["raw"], true, named), (error: StageFailure) => {
      assert.match(error.message, /has files that a release would replace .*: web\.qcow2$/m);
      return error.details.exitCode === 2;
    });
    assert.equal(place.read("web.qcow2"), "mine");
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
    // as a run leaves it that was killed while it moved the files
    writeFileSync(inOutput("web.qcow2"), "an image");
    await place.release("an image", ["raw"], true, named);
    assert.ok(!place.names().includes("packer-kragle-qcow2"));
  });

  it("names the builder in which the image was made, whichever one there is now", async () => {
    const other = `sha256:${sha256("another builder")}`;
    place.builderOf = (stage) => (stage === "convert" ? other : BUILDER_ID);
    const { result } = await place.release("an image", ["raw"]);
    assert.equal(result.builderImageId, BUILDER_ID);
    assert.equal(JSON.parse(place.read("manifest.json")).builderImageId, BUILDER_ID);
    const { predicate } = JSON.parse(place.read("provenance.json"));
    const builders = predicate.buildDefinition.resolvedDependencies
      .filter(({ name }: { name: string }) => name === "builder image")
      .map((one: { digest: object; annotations: object }) => [one.digest, one.annotations]);
    const id = (text: string) => ({ sha256: text.replace("sha256:", "") });
    assert.deepEqual(builders, [
      [id(BUILDER_ID), { stages: ["image", "check", "smoke"] }],
      [id(other), { stages: ["convert-raw"] }],
    ]);
    assert.equal(predicate.runDetails.builder.version.kragle, "0.0.9");
  });

  it("says so where nobody noted the builder", async () => {
    place.builderOf = () => undefined;
    const { result } = await place.release("an image");
    assert.equal(result.builderImageId, "unknown");
  });

  it("follows no link in the folder, neither to delete nor to write", async () => {
    const victim = join(place.at.home, "../victim");
    mkdirSync(victim);
    writeFileSync(join(victim, "important.conf"), "x");
    mkdirSync(place.output, { recursive: true });
    symlinkSync(victim, inOutput("link"));
    const forged = { "link/important.conf": sha256("x") };
    const facts = { files: forged, imageSha256: sha256("y"), releasedAt: "2026-11-01" };
    writeFileSync(inOutput("manifest.json"), JSON.stringify(facts));
    await place.release("an image");
    assert.deepEqual(readdirSync(victim), ["important.conf"]);
    assert.equal(readlinkSync(inOutput("link")), victim);
    rmSync(inOutput("evidence"), { recursive: true });
    symlinkSync(victim, inOutput("evidence"));
    await assert.rejects(place.release("another image"), /evidence is a link; nothing is written/);
    assert.deepEqual(readdirSync(victim), ["important.conf"]);
    // nothing half: what was released before still is
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
  });

  it("refuses to replace files that are nobody's release, and a folder, while all is as it was", async () => {
    mkdirSync(join(place.output, "evidence/check"), { recursive: true });
    writeFileSync(inOutput("report.html"), "mine");
    writeFileSync(inOutput("evidence/check/check.json"), "mine");
    await assert.rejects(place.release("an image"), (error: StageFailure) => {
      assert.match(error.message, /not of one: evidence\/check\/check.json, report.html\n/);
      assert.equal(error.details.exitCode, 2);
      return true;
    });
    assert.deepEqual(
      place.names().filter((name) => statSync(inOutput(name)).isFile()),
      ["evidence/check/check.json", "report.html"],
    );
    assert.equal(place.read("report.html"), "mine");
    rmSync(place.output, { recursive: true });
    await place.release("an image");
    rmSync(inOutput("report.html"));
    mkdirSync(inOutput("report.html"));
    await assert.rejects(place.release("another image"), /report.html is a folder; nothing is/);
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
  });

  it("clears away only what a release left, not a folder that begins in the same way", async () => {
    const left = `.incoming-${randomUUID()}`;
    for (const name of [left, ".incoming-photos", `${left}.bak`]) {
      mkdirSync(inOutput(name), { recursive: true });
      writeFileSync(join(inOutput(name), "x"), "mine");
    }
    await place.release("an image");
    const folders = place.names().filter((name) => name.startsWith(".incoming"));
    assert.deepEqual(folders.sort(), [
      ...[".incoming-photos", ".incoming-photos/x", `${left}.bak`, `${left}.bak/x`].sort(),
    ]);
  });

  it("leaves alone what another stack is about to release there", async () => {
    await place.release("an image");
    const mark = JSON.parse(place.read(".owner.json")) as Record<string, string>;
    writeFileSync(inOutput(".owner.json"), JSON.stringify({ ...mark, stack: "prod" }));
    const incoming = inOutput(`.incoming-${randomUUID()}`);
    mkdirSync(incoming);
    await assert.rejects(place.release("another image"), /belongs to stack prod/);
    assert.ok(existsSync(incoming));
  });

  it("tells the way out where the mark is of a container that there is no more", async () => {
    await place.release("an image");
    const mark = JSON.parse(place.read(".owner.json")) as Record<string, string>;
    const gone = { ...mark, clone: randomUUID(), host: "3f2a9c0d1e4b" };
    writeFileSync(inOutput(".owner.json"), JSON.stringify(gone));
    await assert.rejects(place.release("another image"), (error: StageFailure) => {
      assert.match(error.message, /belongs to stack dev on 3f2a9c0d1e4b/);
      assert.match(error.text, /next: .* is gone for good, delete .*output\/\.owner\.json$/);
      return true;
    });
    rmSync(inOutput(".owner.json"));
    await place.release("another image");
  });

  it("is this stack's own after the folder with the clone's id was deleted", async () => {
    await place.release("an image");
    const mark = JSON.parse(place.read(".owner.json")) as Record<string, string>;
    writeFileSync(inOutput(".owner.json"), JSON.stringify({ ...mark, clone: randomUUID() }));
    await place.release("another image");
    assert.equal(place.read("packer-kragle-qcow2"), "another image");
    assert.deepEqual(JSON.parse(place.read(".owner.json")), mark);
  });

  it("belongs to one stack, until that lets go of it", async () => {
    const asked = (stack: string) =>
      requireOwnFolder(place.at.home, place.output, ownerOf(place.at.home, stack));
    await place.release("an image");
    await asked("dev");
    await assert.rejects(asked("prod"), /belongs to stack dev; two stacks cannot release there/);
    // as an earlier version left it: told by what the stack keeps
    rmSync(inOutput(".owner.json"));
    await assert.rejects(asked("prod"), /belongs to stack dev; two stacks cannot release there/);
    await rootsOf(place.at.home, "dev").dropAll();
    await asked("prod");
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
    const before = place.names().map((name) => [name, statSync(inOutput(name)).ino]);
    try {
      execFileSync("chattr", ["+i", inOutput("report.html")], { stdio: "ignore" });
    } catch {
      return this.skip(); // the file system has no such flag, or this user may not set it
    }
    try {
      await assert.rejects(place.release("another image"), /report\.html is immutable \(lsattr\)/);
      assert.deepEqual(
        place.names().map((name) => [name, statSync(inOutput(name)).ino]),
        before,
      );
    } finally {
      execFileSync("chattr", ["-i", inOutput("report.html")]);
    }
    await place.release("another image");
  });

  it("says openly that nothing was booted", async () => {
    const { result } = await place.release("an image", [], false);
    assert.deepEqual(result.smoke, { passed: false, driver: "none", seconds: {} });
  });

  it("tells the seconds of every boot of a full proof", async () => {
    const seconds = { kernel: 2.1, login: 38.2 };
    const facts = { complaints: [], screenshot: "login.png" };
    const boots: ReleaseExtras["boots"] = {
      first: { ...facts, firmware: "uefi", seconds, serialLog: "serial.log" },
      second: {
        ...{ ...facts, firmware: "bios", seconds: { login: 30 } },
        serialLog: "second-serial.log",
      },
    };
    const { result } = await place.release("an image", [], true, { boots });
    assert.deepEqual(result.smoke, {
      ...{ passed: true, driver: "qemu", seconds },
      boots: { first: seconds, second: { login: 30 } },
    });
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
    assert.deepEqual(place.names(), FIRST);
  });

  it("clears away what an interrupted release of another image left", async () => {
    mkdirSync(inOutput(".incoming-01234567-89ab-4cde-8f01-23456789abcd"), { recursive: true });
    writeFileSync(
      inOutput(".incoming-01234567-89ab-4cde-8f01-23456789abcd/packer-kragle-qcow2"),
      "gigabytes",
    );
    await place.release("an image");
    assert.deepEqual(place.names(), FIRST);
  });

  it("does not need the manifest of the release before to be whole", async () => {
    await place.release("an image");
    for (const text of ["", '{"files": {"half', "null", "5"]) {
      writeFileSync(inOutput("manifest.json"), text);
      await place.release("an image");
      assert.deepEqual(place.names(), FIRST);
    }
  });

  it("deletes nothing outside of PATH/output, whatever a manifest there says", async () => {
    const files = { "../precious": "", "/etc/hostname": "", "kragle.raw/../../precious": "" };
    mkdirSync(place.output, { recursive: true });
    writeFileSync(join(place.path, "precious"), "mine");
    writeFileSync(
      inOutput("manifest.json"),
      JSON.stringify({ files, imageSha256: "", releasedAt: "" }),
    );
    await place.release("an image");
    assert.ok(statSync(join(place.path, "precious")).isFile());
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
