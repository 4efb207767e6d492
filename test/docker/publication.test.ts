import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { PublicationDestination } from "../../plan/publication";
import type { publish as contract } from "../../plan/stages/publish";
import { publish } from "../../stages/publish/publish";
import type { StageAnswer } from "../../plan/stages/call";
import { runStage } from "../../run/runStage";
import { fakeVirsh } from "../fakeVirsh";
import { publishCall, RELEASE_RESULT } from "../sampleCalls";
import { rootsOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { restorePath } from "../firstOnPath";
import { executor } from "../site";

describe("the publish stage", () => {
  let at: TemporaryStore;
  let outer: string;
  let output: string;

  beforeEach(() => {
    at = new TemporaryStore();
    outer = mkdtempSync(join(tmpdir(), "kragle püblish "));
    output = join(outer, "output");
    mkdirSync(join(output, "evidence"), { recursive: true });
  });
  afterEach(() => {
    restorePath();
    at.remove();
    rmSync(outer, { recursive: true });
  });

  /** Makes a release whose image holds this text. @returns its key */
  async function release(content: string): Promise<string> {
    const files: Record<string, string> = {
      "packer-kragle-qcow2": content,
      "kragle.raw": `raw ${content}`,
      "evidence/facts.json": "{}",
      "manifest.json": "{}",
      SHA256SUMS: "sums\n",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(output, name), text);
    const description = at.describe(content, "release");
    at.work({}, description);
    const manifest = {
      ...at.manifest(description),
      result: { ...RELEASE_RESULT, manifestPath: join(output, "manifest.json") },
    };
    const external = Object.keys(files).map((name) => ({
      path: join(output, name),
      name: join(output, name),
    }));
    const { manifest: published } = await at.store.publish("release", manifest.key, {
      manifest,
      external,
    });
    return published.key;
  }

  interface Options {
    readonly stack?: string;
    readonly files?: string[];
    readonly keep?: number;
    readonly destination?: PublicationDestination;
  }

  async function run(
    releaseKey: string,
    options: Options = {},
  ): Promise<StageAnswer<typeof contract>> {
    const { stack = "dev", files = [], keep = 1 } = options;
    const { destination = { folder: join(outer, "to publish") } } = options;
    return runStage(publish, {
      executor,
      store: at.store,
      call: {
        ...publishCall(
          ...([releaseKey, "publish-nightly"] as const),
          { files, destination },
          { series: "dev-nightly", keep },
        ),
        stack,
      },
      marker: undefined,
      secrets: {},
      print: () => undefined,
      signal: new AbortController().signal,
    });
  }

  const there = () => readdirSync(join(outer, "to publish"));
  const versionOf = ({ result }: StageAnswer<typeof contract>) => result.version;

  describe("to a folder", () => {
    it("copies the whole release, in a folder of its own", async () => {
      const answer = await run(await release("first"));
      const folder = join(outer, "to publish", versionOf(answer));
      assert.deepEqual(readdirSync(folder), [
        ...["SHA256SUMS", "evidence", "kragle.raw", "manifest.json", "packer-kragle-qcow2"],
        "publication.json",
      ]);
      assert.equal(readFileSync(join(folder, "packer-kragle-qcow2"), "utf8"), "first");
      assert.equal(readFileSync(join(folder, "SHA256SUMS"), "utf8"), "sums\n");
      const { files } = answer.result;
      assert.deepEqual(
        [files["kragle.raw"]!.path, files["kragle.raw"]!.bytes],
        [join(folder, "kragle.raw"), 9],
      );
    });

    it("copies only the files that are wanted, and names those that there are", async () => {
      const key = await release("first");
      const answer = await run(key, { files: ["kragle.raw"] });
      assert.deepEqual(Object.keys(answer.result.files), ["kragle.raw"]);
      const folder = join(outer, "to publish", versionOf(answer));
      assert.ok(existsSync(join(folder, "manifest.json")));
      assert.ok(!existsSync(join(folder, "packer-kragle-qcow2")));
      await assert.rejects(
        run(key, { files: ["kragle.vdi"] }),
        /the release has no kragle.vdi; it has packer-kragle-qcow2, kragle.raw/,
      );
    });

    it("keeps what the stack used until now, and deletes what nobody uses any more", async () => {
      const versions: string[] = [];
      for (const content of ["first", "second", "third"]) {
        versions.push(versionOf(await run(await release(content))));
      }
      assert.deepEqual(there().sort(), versions.slice(1).sort());
    });

    it("keeps what another stack uses", async () => {
      const first = await release("first");
      const shared = versionOf(await run(first));
      await run(first, { stack: "prod" });
      for (const content of ["second", "third"]) await run(await release(content));
      assert.ok(there().includes(shared));
      await rootsOf(at.home, "prod").dropAll();
      await run(await release("fourth"));
      assert.ok(!there().includes(shared));
    });

    it("is a hit when nothing has changed, and publishes again what was deleted by hand", async () => {
      const key = await release("first");
      const first = await run(key);
      assert.equal((await run(key)).publishedAt, first.publishedAt);
      rmSync(join(outer, "to publish", versionOf(first)), { recursive: true });
      const again = await run(key);
      assert.notEqual(again.publishedAt, first.publishedAt);
      assert.deepEqual(there(), [versionOf(first)]);
    });

    it("leaves nothing where the release is damaged", async () => {
      const key = await release("first");
      writeFileSync(join(output, "kragle.raw"), "RAW first");
      await assert.rejects(run(key), /kragle.raw is missing or altered/);
      assert.ok(!existsSync(join(outer, "to publish")));
    });
  });

  describe("to a libvirt pool", () => {
    const destination = { pool: "images", uri: "qemu+ssh://host/system" };

    it("uploads each file as a volume and reads it back", async () => {
      const pool = fakeVirsh(outer);
      const answer = await run(await release("first"), { destination });
      const version = versionOf(answer);
      const names = ["SHA256SUMS", "kragle.raw", "manifest.json", "packer-kragle-qcow2"];
      assert.deepEqual(
        readdirSync(pool),
        [...names, "publication.json"].map((name) => `${version}.${name}`),
      );
      assert.match(
        readFileSync(join(outer, "calls"), "utf8"),
        /^--quiet --connect qemu\+ssh:\/\/host\/system vol-upload/m,
      );
      const { files } = answer.result;
      assert.equal(files["kragle.raw"]!.path, join(pool, `${version}.kragle.raw`));
    });

    it("deletes old versions as in a folder", async () => {
      const pool = fakeVirsh(outer);
      for (const content of ["first", "second", "third"]) {
        await run(await release(content), { destination, files: ["kragle.raw"] });
      }
      assert.equal(readdirSync(pool).filter((name) => name.endsWith(".kragle.raw")).length, 2);
    });

    it("takes back what arrived altered", async () => {
      const pool = fakeVirsh(outer, "echo altered");
      await assert.rejects(
        run(await release("first"), { destination }),
        /volume .*packer-kragle-qcow2 is not what was released/,
      );
      assert.deepEqual(readdirSync(pool), []);
    });

    it("passes virsh's words on", async () => {
      fakeVirsh(outer);
      await assert.rejects(
        run(await release("first"), { destination: { ...destination, pool: "none" } }),
        /virsh vol-list failed: no pool none/,
      );
    });
  });
});
