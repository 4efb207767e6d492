import assert from "node:assert/strict";

import { summary } from "../../cli/summary";

describe("what is said at the end of a run", () => {
  const image = (name: string, imageVersion: string) => ({
    ...{ imageVersion, imageBytes: 2 ** 20 },
    imagePath: `/images/${name}/output/image.qcow2`,
  });

  it("has a line for each of several images, and below them what there is to know of one", () => {
    const outputs = { images: { web: image("web", "1.4"), cache: image("cache", "20261129") } };
    const note = "cache: imageId: the image stays web";
    assert.deepEqual(summary("fleet", outputs, 61, true, [note]), [
      ...["", "Done in 1 min 01 s.", ""],
      "  web    1.4       1 MiB  /images/web/output/image.qcow2",
      "  cache  20261129  1 MiB  /images/cache/output/image.qcow2",
      "  cache: imageId: the image stays web",
      ...["", "Next:"],
      "  ./kragle outputs -s fleet --json     the same for other programs",
      "  ./kragle verify -s fleet             check the released files",
      "  ./kragle report web -s fleet     all that there is to know of an image",
    ]);
  });
});
