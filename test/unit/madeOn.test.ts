import assert from "node:assert/strict";

import { wantedImages } from "../../cli/imageNames";
import { readStackSettings } from "../../cli/stackSettings";
import { planRows } from "../../preview/planReport";
import { parseStack, SettingsError } from "../../settings/stack";
import { makePlan } from "../../preview/stackPlan";
import { planImage, planOn } from "../../plan/imagePlan";
import { pointsOf } from "../../plan/stages/point";
import { claimResult } from "../../run/answer";
import { pointsPassed } from "../../store/pointChain";
import { IMAGE_RESULT } from "../sampleCalls";
import { sampleFiles, sampleSpec } from "../samples";
import { siteWithoutDocker } from "../site";
import { ownerOf, rootsOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";

const flat = readStackSettings("dev").values;
const parse = (images: object, outside: object = {}) =>
  parseStack({ ...flat, ...outside, formats: [], images }, "dev");
const on = (image: string) => ({ from: { image } });

describe("an image that is made on another one", () => {
  it("has the other's key in its own, and in those of its points", () => {
    const { base, image } = planImage(sampleSpec, sampleFiles, null);
    const upper = planOn(sampleSpec, sampleFiles, [sampleSpec], { image: image.key });
    assert.equal(upper.base, undefined);
    assert.deepEqual(upper.builder, planImage(sampleSpec, sampleFiles, null).builder);
    assert.equal(
      upper.image.key,
      "8c6f0b1c9b05b0ef4caa5bdf05157a1a1a72bc1e124ff22367bd97dd833836a1",
    );
    const points = pointsOf(upper.image.description);
    assert.equal(points[0]!.description.upstream.before, image.key);
    assert.deepEqual(pointsPassed(upper.image.description), points);
    assert.notEqual(base.key, points[0]!.description.upstream.before);
  });

  it("comes after that one, and has its system", () => {
    const { images } = parse({
      top: on("web"),
      web: { ...on("base"), diskSize: "5 GiB", template: "debian12" },
      base: { kernel: "generic" },
    });
    assert.deepEqual(
      images.map(({ name, on: below, kernel, diskBytes }) => [
        ...[name, below, kernel],
        `${diskBytes / 2 ** 30} GiB`,
      ]),
      [
        ["base", null, "generic", "4 GiB"],
        ["web", "base", "generic", "5 GiB"],
        ["top", "web", "generic", "5 GiB"],
      ],
    );
  });

  it("has the template of that one, where it does not say one itself", () => {
    const { images } = parse({
      base: { template: "debian13" },
      web: on("base"),
      top: { from: JSON.stringify({ image: "web" }) },
      db: {},
    });
    assert.deepEqual(
      images.map(({ name, template }) => [name, template.name]),
      [
        ["base", "debian13"],
        ["web", "debian13"],
        ["top", "debian13"],
        ["db", "debian12"],
      ],
    );
  });

  const wrong: [string, object, string[], object?][] = [
    [
      "a circle",
      { a: on("b"), b: on("a"), c: on("c") },
      [
        "kragle:images.a.from: a on b on a is a circle; one of them has to begin with something else",
        "kragle:images.b.from: b on a on b is a circle; one of them has to begin with something else",
        "kragle:images.c.from: c on c is a circle; one of them has to begin with something else",
      ],
    ],
    [
      "a circle by what stands outside of images",
      { base: {}, web: {} },
      [
        'kragle:images.base.from: base on base is a circle, by the from outside of images; write "from: {}" in base for the template\'s own installation',
      ],
      on("base"),
    ],
    [
      "an image that is not there",
      { web: on("bse"), db: on("nothing"), base: {} },
      [
        'kragle:images.web.from: there is no image "bse" in this stack; did you mean base',
        'kragle:images.db.from: there is no image "nothing" in this stack; there are web, base',
      ],
    ],
    [
      "a smaller disk, another template, and what is the other's to say",
      {
        base: { diskSize: "5 GiB" },
        web: {
          ...on("base"),
          diskSize: "4 GiB",
          kernel: "generic",
          template: "./builder/templates/debian12",
        },
      },
      [
        "kragle:images.web.template: it is made on base, so its template is debian12",
        "kragle:images.web.diskSize: 4.0 GiB is less than the disk of base, on which it is made, has: 5.0 GiB",
        "kragle:images.web.kernel: it is made on base, which brings the system; set it there",
      ],
    ],
    [
      "more than the name",
      { base: {}, web: { from: { image: "base", sha256: "x" } } },
      ["kragle:images.web.from: sha256 is unknown; allowed is image"],
    ],
    [
      "a template that there is not, told where it stands",
      { base: { template: "debian1" }, web: on("base") },
      [
        'kragle:images.base.template: "debian1" is not a template; allowed are centos7, cloud, debian12, debian13, rhel7, or the path of a folder such as ./my-template',
      ],
    ],
    [
      "one whose own settings are wrong is told once",
      { base: { cpus: 0 }, web: on("base") },
      ["kragle:images.base.cpus: 0 is not allowed; write a whole number from 1 to 64"],
    ],
  ];
  for (const [what, images, expected, outside] of wrong) {
    it(`is refused: ${what}`, () => {
      try {
        parse(images, outside);
        assert.fail("accepted");
      } catch (error) {
        assert.ok(error instanceof SettingsError, String((error as Error).stack));
        assert.deepEqual([...error.problems].sort(), [...expected].sort());
      }
    });
  }

  it("may begin otherwise than it stands outside of images", () => {
    const { images } = parse({ base: { from: {} }, web: {} }, on("base"));
    assert.deepEqual(
      images.map((image) => [image.name, image.on]),
      [
        ["base", null],
        ["web", "base"],
      ],
    );
  });

  it("is refused where a stack has one image", () => {
    assert.throws(
      () => parseStack({ ...flat, from: { image: "base" } }, "dev"),
      /kragle:from: \{image: base\} is for a stack of several images \(setting images\)/,
    );
  });

  it("is wanted with all that it is made on", () => {
    const spec = parse({ base: {}, web: on("base"), top: on("web"), db: {} });
    assert.deepEqual([...wantedImages(spec, "dev", ["top"])!].sort(), ["base", "top", "web"]);
    assert.deepEqual([...wantedImages(spec, "dev", ["db"])!], ["db"]);
    assert.equal(wantedImages(spec, "dev", []), undefined);
  });

  describe("in a plan", () => {
    const at = new TemporaryStore();
    after(() => at.remove());

    const plan = (images: object, wanted?: ReadonlySet<string>) =>
      makePlan(siteWithoutDocker(at.home), parse(images), ownerOf(at.home, "dev"), [], wanted);

    it("does not go by an image that is not made in this run", async () => {
      const rows = planRows(await plan({ web: {}, db: {} }, new Set(["db"])));
      const [first] = rows.filter(({ image }) => image !== undefined);
      assert.deepEqual(
        [first!.stage, first!.status, first!.reasons],
        ["db.base", "will run", ["never built in this store"]],
      );
    });

    it("waits for it, and is made anew when it changes", async () => {
      const images = { base: {}, web: on("base"), db: {} };
      const first = await plan(images);
      const rows = new Map(planRows(first).map((row) => [row.stage, row]));
      assert.ok(!rows.has("web.base"));
      assert.deepEqual(rows.get("web.image")!.after, ["builder", "base.image"]);
      assert.ok(rows.get("web.release")!.after.includes("base.release"));
      assert.equal(rows.get("web.check")!.on, "base");
      for (const stage of ["base", "image", "check", "smoke"]) {
        const { status, reasons, after } = rows.get(`db.${stage}`)!;
        assert.deepEqual([status, reasons], ["from store", [`base.${stage} makes the same`]]);
        assert.equal(after.at(-1), `base.${stage}`);
      }
      assert.equal(rows.get("db.release")!.status, "runs after image");
      assert.equal(rows.get("web.check")!.status, "runs after image");
      for (const { spec, plan: made } of first.images) {
        const { description } = made.image;
        const { manifest } = await at.publish({ "image.qcow2": "x" }, description);
        await claimResult(rootsOf(at.home, "dev"), `${spec.name}.image`, manifest);
      }
      const changed = planRows(await plan({ ...images, base: { cpus: 3 } }));
      const status = (stage: string) => changed.find((row) => row.stage === stage)!;
      assert.equal(status("base.image").status, "will run");
      assert.match(status("web.image").reasons.join(), /^image of base changed: key /);
      assert.equal(status("db.image").status, "unchanged");
    });

    it("is refused where that one is there, and lets no build in", async () => {
      const images = { base: { cpus: 4 }, web: on("base"), top: on("web"), db: {} };
      const [base] = (await plan(images)).images;
      const wayIn = ["came-by 22", "permitrootlogin no", "listenaddress 0.0.0.0:2222"];
      const result = { ...IMAGE_RESULT, wayIn };
      await at.publish({ "image.qcow2": "y" }, base!.plan.image.description, { result });
      await assert.rejects(plan(images), {
        message:
          "image web: nothing can be built on image base: its SSH daemon lets no build in, which comes as root, by a key: PermitRootLogin is no; it listens on port 2222, not on 22",
      });
      await plan(images, new Set(["base"]));
    });
  });
});
