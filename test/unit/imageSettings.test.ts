import assert from "node:assert/strict";

import { readStackSettings } from "../../cli/stackSettings";
import { parallelStages } from "../../preview/parallel";
import { parseSettings, parseStack, SettingsError } from "../../settings/stack";
import { warningsOf } from "../../settings/warnings";
import type { StackSpec } from "../../plan/imageSpec";
import { imageOfRoot, pointsRoot, rootOf } from "../../plan/roots";

const flat = readStackSettings("dev").values;
const parse = (images: unknown, more: object = {}): StackSpec =>
  parseStack({ ...flat, ...more, images }, "dev");

function problems(images: unknown, more: object = {}): readonly string[] {
  try {
    parse(images, more);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String((error as Error).stack));
    return error.problems;
  }
  return [];
}

describe("the settings of several images", () => {
  it("are the flat ones, and over them each one's own", () => {
    const { images } = parse({ web: { diskSize: "6 GiB", imageId: "www" }, db: null });
    const [web, db] = images;
    const one = parseSettings(flat, "dev");
    assert.deepEqual(web, {
      ...{ ...one, name: "web", path: "build/dev/web", imageId: "www" },
      diskBytes: 6 * 2 ** 30,
    });
    assert.deepEqual(db, { ...one, name: "db", path: "build/dev/db", imageId: "db" });
  });

  it("may come as text, as Pulumi hands them over", () => {
    const images = { web: { cpus: 4 }, db: {} };
    assert.deepEqual(parse(JSON.stringify(images)), parse(images));
  });

  it("have folders of their own below the stack's", () => {
    const paths = ({ images }: StackSpec) => images.map(({ path }) => path);
    const images = { web: {}, db: { path: "elsewhere" } };
    assert.deepEqual(paths(parse(images, { path: "/srv/images" })), [
      "/srv/images/web",
      "elsewhere",
    ]);
  });

  it("are those of one image where there are none", () => {
    for (const none of ["", null, undefined]) {
      assert.deepEqual(parse(none).images, [parseSettings(flat, "dev")]);
    }
  });

  it("have the whole run's time from the stack", () => {
    const { images } = parse({ web: { timeouts: { image: 5 } } }, { timeouts: { whole: 600 } });
    assert.equal(images[0]!.timeouts.whole, 36_000);
    assert.equal(images[0]!.timeouts.image, 300);
  });

  const example = '{"web": {"diskSize": "6 GiB"}, "db": {}}';
  const noName = (name: string) =>
    `kragle:images.${name}: "${name}" is no name of an image; small letters, digits and "-" are allowed, a letter first, at most 40`;
  const wrong: [string, unknown, object, string[]][] = [
    [
      "no image",
      {},
      {},
      [
        `kragle:images: names no image; write names and settings, as in ${example}, or take it out for one image`,
      ],
    ],
    [
      "a list",
      ["web"],
      {},
      [`kragle:images: is no map; write names and settings, as in ${example}`],
    ],
    ["text", "web", {}, [`kragle:images: is no map; write names and settings, as in ${example}`]],
    ...["Web", "web.1", "1web", "-", "web/../x", "__proto__ ", "x".repeat(41)].map(
      (name): [string, unknown, object, string[]] => [name, { [name]: {} }, {}, [noName(name)]],
    ),
    [
      "the name output",
      { output: {} },
      {},
      ['kragle:images.output: "output" is the name of a folder of kragle\'s own'],
    ],
    [
      "no settings",
      { web: 5 },
      {},
      [`kragle:images.web: 5 is not allowed; write settings by name, as in ${example}`],
    ],
    [
      "settings of the stack",
      {
        web: { packer: "release", secrets: {}, baseImage: "x", timeouts: { whole: 1 }, images: {} },
      },
      {},
      [
        ...["packer", "secrets", "baseImage"].map(
          (name) =>
            `kragle:images.web.${name}: is one of the whole stack; write it outside of images`,
        ),
        "kragle:images.web.timeouts: whole is the time of a whole run; write it outside of images",
        "kragle:images.web.images: is one of the whole stack; write it outside of images",
      ],
    ],
    [
      "values, all at once and where they stand",
      { web: { diskSiz: "5 GiB", memory: "1 MiB", formats: ["foo"] }, db: { diskSize: "1 GiB" } },
      { cpus: 0 },
      [
        "kragle:images.web.diskSiz: is not a setting; did you mean kragle:images.web.diskSize",
        "kragle:images.web.memory: at least 256 MiB are needed",
        "kragle:cpus: 0 is not allowed; write a whole number from 1 to 64",
        'kragle:images.web.formats[0]: "foo" is not a known format; allowed are raw, raw.zst, qcow2, vmdk, vdi, vhdx, vpc, vhd',
        'kragle:images.db.diskSize: "1 GiB" is too small for debian12, which needs at least 2.0 GiB',
      ],
    ],
    [
      "one folder for two",
      { web: { path: "x" }, db: { path: "./x/" } },
      {},
      [
        "kragle:images.db.path: x/output has the releases of web already; give each a folder of its own",
      ],
    ],
    [
      "a folder in another's release",
      { web: { path: "x/output/y" }, db: { path: "x" } },
      {},
      ["kragle:images.web.path: x/output/y/output lies in the release of db at x/output"],
    ],
    [
      "copies in another's release",
      { web: { publish: [{ folder: "build/dev/db/output/copies" }] }, db: {} },
      {},
      [
        "kragle:images.web.publish[0]: build/dev/db/output/copies lies in the release of db at build/dev/db/output",
      ],
    ],
    [
      "one port for two screens",
      { web: {}, db: {} },
      { vnc: 5900 },
      [
        "kragle:images.db.vnc: the screen of web is at port 5900 already, and both may be built at one time",
      ],
    ],
  ];
  for (const [what, images, more, expected] of wrong) {
    it(`are refused: ${what}`, () => {
      assert.deepEqual([...problems(images, more)].sort(), [...expected].sort());
    });
  }

  it("warn of a flat setting that no image uses, and of an image's own that it does not", () => {
    const settings = {
      values: {
        ...flat,
        builderImage: "ready:1",
        packer: "release",
        images: { web: { libvirtUri: "qemu+ssh://root@host/system" }, db: {} },
      },
      project: "kragle",
      secretNames: [],
    };
    const spec = parseStack(settings.values, "dev");
    const unused = warningsOf(settings, spec, "dev").filter((text) => text.includes("not used"));
    assert.deepEqual(unused, [
      "kragle:images.web.libvirtUri is not used: smoke is qemu, and only libvirt needs it",
      "kragle:packer is not used: builderImage is ready as it is",
    ]);
  });

  it("warn of each image by its own settings, also where it comes before the one that it is made on", () => {
    const settings = {
      values: {
        ...flat,
        images: { web: { from: { image: "base" }, formats: ["qcow2"] }, base: {} },
      },
      project: "kragle",
      secretNames: [],
    };
    const found = warningsOf(settings, parseStack(settings.values, "dev"), "dev");
    assert.deepEqual(
      found.filter((text) => text.includes("second copy")).map((text) => text.split(": ")[0]),
      ["kragle:images.web.formats"],
    );
  });

  it("let as many stages run at a time as there are processors and memory", () => {
    const spec = parse({ web: { memory: "2 GiB" }, db: {}, proxy: {} });
    const on = (processors: number, gibibytes: number) =>
      parallelStages(spec, { processors, memoryBytes: gibibytes * 2 ** 30 });
    assert.deepEqual([on(2, 16), on(64, 16), on(4, 1), on(8, 8)], [2, 6, 1, 3]);
    assert.equal(parallelStages(parse(""), { processors: 2, memoryBytes: 2 ** 34 }), Infinity);
  });
});

describe("roots of several images", () => {
  it("have the image's name before the stage's, by which it is known again", () => {
    for (const root of [
      "base",
      "image",
      "check",
      "smoke",
      "release",
      "convert-raw.zst",
      "publish-x-1",
    ]) {
      assert.equal(rootOf(null, root), root);
      assert.equal(imageOfRoot(root), null, root);
      assert.equal(imageOfRoot(rootOf("base", root)), "base", root);
    }
    assert.equal(imageOfRoot("docker-base"), null);
    assert.deepEqual([pointsRoot("image"), pointsRoot("web.base")], ["points", "web.points"]);
  });
});
