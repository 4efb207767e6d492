import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

import { isFullTier } from "../fullTier";
import { docker } from "../site";
import { Clone } from "../clone";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { MINUTES, needPulumi, PulumiProject } from "./pulumiProject";

/** Ways in which a file is no longer what was published. */
const LOSSES: Readonly<Record<string, (file: string) => void>> = {
  deleted: (file) => rmSync(dirname(file), { recursive: true }),
  truncated: (file) => {
    chmodSync(file, 0o644);
    truncateSync(file, 10);
  },
  "altered, with the same size": (file) => {
    const content = readFileSync(file);
    content[0] = content[0]! ^ 1;
    chmodSync(file, 0o644);
    writeFileSync(file, content);
  },
};

describe("drift, with the real Pulumi CLI", function () {
  this.timeout(20 * MINUTES);
  inSequence();

  let clone: Clone;
  let project: PulumiProject;
  let own: Clone | undefined;
  /** The artifacts of base and image, whatever the shared clone's store has besides. */
  let built: readonly string[];

  before(async function () {
    await needPulumi(this);
    clone = sharedClone();
    const dev = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(dev.code, 0, dev.stderr);
    project = new PulumiProject(clone, clone.path("drift state"));
    project.addLeanStack("drift");
    await project.up("drift");
    built = ["base", "image"].map((root) => project.artifactOf("drift", root));
    own = new Clone();
  });
  after(() => own?.remove());

  for (const [loss, lose] of Object.entries(LOSSES)) {
    it(`an artifact that was ${loss}: shown, made again, no further diff`, async () => {
      lose(join(project.artifactOf("drift", "check"), "check.json"));
      const shown = await project.preview("drift");
      assert.match(
        shown,
        /^ +check +will run.*\n +its artifact is (gone from the store|damaged: check\.json is missing or altered)$/m,
      );
      assert.match(shown, /^ +image +unchanged$/m);
      assert.match(shown, /check update/);
      const { steps } = await project.up("drift");
      assert.equal(steps.check, "run");
      assert.equal(steps.image, "unchanged");
      await project.isUnchanged("drift");
    });
  }

  it("a released file that was deleted or altered comes back", async () => {
    for (const change of [rmSync, (file: string) => appendFileSync(file, "x")]) {
      const { imagePath } = (await project.up("drift")).outputs;
      chmodSync(imagePath, 0o644);
      change(imagePath);
      assert.match(await project.preview("drift"), /^ +release +will run/m);
      const { steps } = await project.up("drift");
      assert.equal(steps.release, "run");
      const verified = await clone.kragle(["verify", "-s", "drift"], project.environment());
      assert.equal(verified.code, 0, verified.stderr);
      await project.isUnchanged("drift");
    }
    await project.succeeds(["destroy", "-s", "drift", "--yes", "--skip-preview"]);
  });

  it("a tools image that was removed from Docker is built again, each time", async () => {
    // a builder of its own, so that no image goes that somebody else uses
    appendFileSync(own!.path("builder/tools.Dockerfile"), `# ${own!.folder}\n`);
    const alone = new PulumiProject(own!, own!.path("state"));
    alone.addLeanStack("tools");
    await alone.succeeds(["stack", "init", "tools"]);
    const names = ["builder", "docker-base"];
    const target = names.flatMap((name) => ["--target", `**::${name}`]);
    await alone.update("tools", ...target);
    const { inputs } = (await alone.resources("tools")).find(({ urn }) =>
      /docker:index\/image:Image::builder$/.test(urn),
    )!;
    const { imageName } = inputs as { imageName: string };
    try {
      for (const loss of ["first", "second"]) {
        await docker.getImage(imageName).remove({ force: true });
        const shown = await alone.preview("tools");
        assert.match(shown, /^ +builder +will run.*\n +Docker has no image kragle-tools:/m, loss);
        assert.match(shown, /builder (update|replace)/, loss);
        await alone.update("tools", ...target);
        await docker.getImage(imageName).inspect();
        const after = await alone.preview("tools");
        assert.match(after, /^ +builder +unchanged$/m, loss);
        assert.doesNotMatch(after, /builder (update|replace|create)/, loss);
      }
    } finally {
      await docker
        .getImage(imageName)
        .remove({ force: true })
        .catch(() => undefined);
    }
    await alone.succeeds(["destroy", "-s", "tools", "--yes", "--skip-preview"]);
  });

  it("an altered image is built again on the base that is still good", async function () {
    if (!isFullTier) {
      console.log("      skipped: builds an image; npm run test:full does it");
      return this.skip();
    }
    const alone = new PulumiProject(own!, own!.path("image state"));
    cpSync(clone.path("builder/tools.Dockerfile"), own!.path("builder/tools.Dockerfile"));
    alone.addLeanStack("image");
    mkdirSync(own!.path(".kragle/store"), { recursive: true });
    for (const from of built) {
      cpSync(from, own!.path(".kragle/store", basename(from)), {
        recursive: true,
        preserveTimestamps: true,
      });
    }
    const first = await alone.up("image");
    const image = join(alone.artifactOf("image", "image"), "image.qcow2");
    LOSSES["altered, with the same size"]!(image);
    const shown = await alone.preview("image");
    assert.match(shown, /^ +base +unchanged$/m);
    assert.match(shown, /^ +image +will run.*\n +its artifact is damaged: image\.qcow2/m);
    for (const after of ["check", "release"]) {
      assert.match(shown, new RegExp(`^ +${after} +runs after image`, "m"));
    }
    const { steps, outputs } = await alone.up("image");
    assert.equal(steps.base, "unchanged");
    assert.deepEqual([steps.image, steps.check, steps.release], ["run", "run", "run"]);
    assert.notEqual(outputs.imageSha256, first.outputs.imageSha256);
    assert.ok(existsSync(outputs.imagePath));
    await alone.isUnchanged("image");
  });
});
