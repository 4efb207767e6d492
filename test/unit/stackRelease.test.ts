import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { StageFailure } from "../../host/failure";
import { explain } from "../../preview/explain";
import { requireReleases } from "../../preview/releasesBelow";
import { parseSettings, parseStack, SettingsError } from "../../settings/stack";
import { findTemplate } from "../../settings/template";
import { settingWarnings } from "../../settings/warnings";
import { findRelease } from "../../preview/stackRelease";
import { stageKey } from "../../plan/description";
import { type ImagePlan, planImage, planOn } from "../../plan/imagePlan";
import type { ImageSpec, StackRelease } from "../../plan/imageSpec";
import { pointsOf } from "../../plan/stages/point";
import { claimResult } from "../../run/answer";
import { collectGarbage } from "../../store/gc";
import { stackFileName } from "../../store/names";
import { RootFolder } from "../../store/rootFolder";
import { markDestroyed, writeStackRecord } from "../../store/stackRecord";
import { ReleasePlace } from "../releasePlace";
import { digest, sampleFiles, sampleSpec } from "../samples";
import { sha256 } from "../sha256";
import { ownerOf, rootsOf } from "../stacks";

const DEV: StackRelease = { kind: "release", stack: "dev", image: null };

describe("an image on the release of another stack", () => {
  describe("in the settings", () => {
    const parse = (from: unknown, change: object = {}) =>
      parseSettings({ ...change, from }, "web").onRelease;

    function problems(read: () => unknown): readonly string[] {
      try {
        read();
      } catch (error) {
        assert.ok(error instanceof SettingsError, String((error as Error).stack));
        return error.problems;
      }
      return [];
    }

    it("is named by the stack, and by its image where that has several", () => {
      assert.deepEqual(parse({ stack: "dev" }), DEV);
      assert.deepEqual(parse('{"stack": 2024, "image": "db"}'), {
        ...{ kind: "release", stack: "2024", image: "db" },
      });
      const spec = parseSettings({ from: { stack: "dev" }, template: "rhel7" }, "web");
      assert.deepEqual([spec.iso, spec.on, spec.from], [null, null, null]);
    });

    it("is refused where it cannot be, with all that is wrong", () => {
      const wrong = (from: unknown, change?: object) => problems(() => parse(from, change));
      assert.deepEqual(wrong({ stack: "web" }), [
        "kragle:from: stack web is this one, which cannot begin with what it makes itself; name another stack, or with {image: NAME} an image of this one",
      ]);
      assert.deepEqual(wrong({ stack: "org/p/dev", image: 1, sha256: "x" }), [
        'kragle:from.stack: "org/p/dev" is no name of a stack; write the plain one of a stack of this project',
        'kragle:from.image: 1 is not text; write it as in "web"',
        "kragle:from: sha256 is unknown; allowed are stack, image",
      ]);
      const set = { kernel: "generic", snapshot: "2026-11-01", cpus: 4, diskSize: "9 GiB" };
      assert.deepEqual(wrong({ stack: "dev" }, set), [
        "kragle:kernel: it is made on the release of stack dev, which brings the system; set it there",
        "kragle:snapshot: it is made on the release of stack dev, which brings the system; set it there",
      ]);
      const both = { template: "debian1", kernel: "generic", from: { stack: "dev" } };
      assert.deepEqual(
        wrong(both.from, both).map((line) => line.slice(0, 40)),
        ['kragle:template: "debian1" is not a temp', "kragle:kernel: it is made on the release"],
      );
      const images = {
        web: { from: { stack: "dev", image: "web" }, suite: "sid" },
        db: { from: { image: "web" } },
      };
      assert.deepEqual(
        problems(() => parseStack({ images }, "roles")),
        [
          "kragle:images.web.suite: it is made on the release of image web of stack dev, which brings the system; set it there",
        ],
      );
    });

    it("has a kernel and steps of which nothing is known here, also for what is made on it", () => {
      const settings = { project: "kragle", values: {}, secretNames: [] };
      const warnings = (given: object) => {
        const images = { web: given, db: { from: { image: "web" } } };
        const stack = parseStack({ images, runsOn: ["vmware"], formats: ["vmdk"] }, "web");
        return stack.images.flatMap((spec) => settingWarnings(settings, spec, "web", stack.images));
      };
      assert.match(warnings({}).join(), /does not drive.*no step brings its agent along/s);
      assert.deepEqual(warnings({ from: { stack: "dev" } }), []);
      const onMetal = { runsOn: ["metal"], formats: ["raw"], from: { stack: "dev" } };
      assert.deepEqual(
        problems(() => parseSettings(onMetal, "web")),
        [],
      );
    });
  });

  describe("in keys and reasons", () => {
    const { image } = planImage(sampleSpec, sampleFiles, null);
    const on = (releasedSha256: string, key = image.key) =>
      planOn(sampleSpec, sampleFiles, [sampleSpec], { image: key, releasedSha256 });

    it("has its digest and its image's key", () => {
      assert.equal(
        on(digest("a")).image.key,
        "d60424d159d94b9a9aea69b20d75b27e195e275b18a65484e16ea64b93aded55",
      );
      assert.notEqual(on(digest("b")).image.key, on(digest("a")).image.key);
      assert.equal(on(digest("a")).base, undefined);
      const [first] = pointsOf(on(digest("a")).image.description);
      assert.equal(first!.description.upstream.before, image.key);
    });

    it("tells another release by its digests, and not by the key besides", () => {
      const spec = { ...sampleSpec, onRelease: DEV };
      const told = (before: ImagePlan, after: ImagePlan, of: ImageSpec = spec) => {
        const { description, key } = before.image;
        const publishedAt = "2026-11-01T00:00:00Z";
        const root = { stage: "image", key, publishedAt, description };
        return explain(root, after.image.description, of);
      };
      const [a, b] = [digest("a"), digest("b")].map((one) => one.slice(0, 12));
      const input = "release of stack dev";
      assert.deepEqual(told(on(digest("a")), on(digest("b"), digest("k"))), [
        { input, before: a, after: b, text: `release of stack dev changed: ${a} → ${b}` },
      ]);
      const texts = (...given: Parameters<typeof told>) => told(...given).map(({ text }) => text);
      const based = planImage(sampleSpec, sampleFiles, null);
      assert.deepEqual(texts(based, on(digest("a"))), [
        "base is no longer made",
        "release of stack dev is new",
      ]);
      assert.deepEqual(texts(on(digest("a")), based, sampleSpec), [
        "base is new",
        "release of another stack is not used any more",
      ]);
    });
  });

  describe("is found in the store", () => {
    let place: ReleasePlace;
    beforeEach(async () => {
      place = new ReleasePlace();
      await place.open();
      await place.release("an image", []);
    });
    afterEach(() => place.close());

    const owner = () => ownerOf(place.at.home, "web");
    const find = (from: Partial<StackRelease> = {}) =>
      findRelease(place.at.store, owner(), { ...DEV, ...from });

    /** Message, next step and exit code. */
    async function refusal(look: () => Promise<unknown> = find): Promise<string> {
      const error = await look().then(
        () => assert.fail("was found"),
        (failure: Error) => failure,
      );
      assert.ok(error instanceof StageFailure, error.stack);
      return `${error.message} | ${error.details.hint} | ${error.details.exitCode}`;
    }

    it("as it was released, with the image of that content", async () => {
      const found = await find();
      assert.equal(found.sha256, sha256("an image"));
      assert.equal(found.image.key, stageKey(place.at.describe("an image")));
      assert.equal(found.virtualBytes, 2 ** 32);
      assert.match(
        found.note,
        /^made on the release of stack dev: [\da-f]{12}, of \d{4}-\d\d-\d\dT\d\d:\d\dZ$/,
      );
    });

    it("unless a file of it was altered or is gone", async () => {
      const image = place.inOutput("packer-kragle-qcow2");
      const why = / \| \.\/kragle up -s dev makes it whole \| 3$/;
      writeFileSync(image, "another image");
      assert.match(await refusal(), /^the release of stack dev is damaged: .*qcow2 is missing or/);
      assert.match(await refusal(), why);
      rmSync(image);
      assert.match(await refusal(), why);
    });

    it("unless the store has lost its image, or the release itself", async () => {
      const built = place.at.store.folder("image", (await find()).image.key);
      rmSync(`${built}/image.qcow2`, { force: true });
      assert.match(
        await refusal(),
        /^the release of stack dev cannot be built on: its image in the store is damaged: image\.q/,
      );
      rmSync(built, { recursive: true });
      assert.match(await refusal(), /cannot be built on: its image is gone from the store \|/);
      const { key } = (await rootsOf(place.at.home, "dev").list()).get("release")!;
      rmSync(place.at.store.folder("release", key), { recursive: true });
      assert.match(await refusal(), /^the release of stack dev is gone from the store \|/);
    });

    it("unless there is none of this stack, or this image", async () => {
      const { home } = place.at;
      assert.match(
        await refusal(() => find({ stack: "rhel7" })),
        /^stack rhel7 was never released \| \.\/kragle up -s rhel7 releases it here; .* \| 3$/,
      );
      assert.equal(
        await refusal(() => find({ stack: "devv" })),
        "there is no stack devv here, and no Pulumi.devv.yaml | did you mean dev? | 2",
      );
      assert.match(
        await refusal(() => find({ stack: "rhle7" })),
        /^there is no stack rhle7 here, and no Pulumi\.rhle7\.yaml \| did you mean rhel7\? \| 2$/,
      );
      assert.match(
        await refusal(() => find({ stack: "nothing" })),
        / \| there are .*dev.*rhel7.* \| 2$/,
      );
      assert.equal(
        await refusal(() => find({ image: "web" })),
        "stack dev has one image, which has no name | leave image out: from: {stack: dev} | 2",
      );
      const roots = rootsOf(home, "dev");
      const root = (await roots.list()).get("release")!;
      await roots.drop("release");
      await roots.set("web.release", root);
      assert.equal((await find()).sha256, sha256("an image"));
      await roots.set("db.release", root);
      assert.equal((await find({ image: "web" })).sha256, sha256("an image"));
      assert.equal(
        await refusal(),
        "stack dev has several images: db, web | name the one that is meant, as in from: {stack: dev, image: db} | 2",
      );
      assert.match(
        await refusal(() => find({ image: "webb" })),
        /^stack dev has released no image "webb"; it has db, web \| did you mean web\? .* \| 2$/,
      );
      await writeStackRecord(home, ownerOf(home, "dev"), {
        ...{ engine: "embedded", outputs: {}, finishedAt: "2026-11-01T00:00:00Z" },
      });
      await roots.dropAll();
      await markDestroyed(home, ownerOf(home, "dev"));
      assert.match(await refusal(), /^stack dev was destroyed at \d.*Z \| .* it here again \| 3$/);
    });

    it("and is not that of the same name on another backend, or of another clone or project", async () => {
      const { home } = place.at;
      const dev = ownerOf(home, "dev");
      const root = (await rootsOf(home, "dev").list()).get("release")!;
      await rootsOf(home, "dev").dropAll();
      const others = [
        [{ backend: "file:///srv/state" }, "on the backend file:///srv/state"],
        [{ project: "fleet" }, "in the project fleet"],
        [{ clone: "another" }, "in the clone /clones/another"],
      ] as const;
      for (const [other, words] of others) {
        const whose = { ...dev, ...other };
        const roots = new RootFolder(join(home, "roots", stackFileName(whose)));
        await roots.setOwner({ ...whose, path: "/clones/another" });
        await roots.set("release", root);
        const told = await refusal();
        assert.ok(told.includes(`the one of that name ${words} is another stack | `), told);
        await roots.dropAll();
      }
    });

    it("and is compared with what is made on it, all images at once", async () => {
      const spec = { ...sampleSpec, template: findTemplate("debian12"), onRelease: DEV };
      await requireReleases([spec, sampleSpec], find);
      const small = { ...spec, name: "web", diskBytes: 2 ** 31 };
      const template = { ...spec.template, name: "mine", folder: "my/template" };
      const none = { ...spec, name: "db", onRelease: { ...DEV, stack: "rhel7" } };
      const { image, ...released } = await find();
      const result = { ...image.result, wayIn: ["permitrootlogin no"] };
      const shut = () => Promise.resolve({ ...released, image: { ...image, result } });
      assert.equal(
        await refusal(() => requireReleases([spec], shut)),
        "nothing can be built on the release of stack dev: its SSH daemon lets no build in, which comes as root, by a key: PermitRootLogin is no | take what shuts root out, such as sshd's PermitRootLogin no, from there into the last step of each image that is made on it | 2",
      );
      const told = await refusal(() => requireReleases([{ ...small, template }, none], find));
      assert.deepEqual(told.split(/\n| \| |; (?=set|\.)/), [
        "image web: its template is mine, and that of the release of stack dev, on which it is made, is debian12",
        "image web: diskSize: 2.0 GiB is less than the disk of the release of stack dev, on which it is made, has: 4.0 GiB",
        "image db: stack rhel7 was never released",
        "set template: debian12",
        "set diskSize: 4096 MiB or more",
        "./kragle up -s rhel7 releases it here; then run the same command again",
        "2",
      ]);
    });

    it("and is kept for what is made on it, when its own stack lets go of it", async () => {
      const { home, store } = place.at;
      const { image, sha256: releasedSha256 } = await find();
      const upstream = { image: image.key, releasedSha256 };
      const { description } = planOn(sampleSpec, sampleFiles, [sampleSpec], upstream).image;
      const { manifest } = await place.at.publish({ "image.qcow2": "on it" }, description);
      await claimResult(rootsOf(home, "web"), "image", manifest);
      await rootsOf(home, "dev").dropAll();
      await collectGarbage(store, false);
      assert.equal((await store.lookup("image", image.key)).state, "present");
      assert.equal((await store.lookup("image", manifest.key)).state, "present");
      await rootsOf(home, "web").dropAll();
      await collectGarbage(store, false);
      assert.equal((await store.lookup("image", image.key)).state, "missing");
    });
  });
});
