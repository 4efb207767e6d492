import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { readmeFor, readmeOf } from "../../infra/stackReadme";
import type { ImageOutputs } from "../../plan/outputs";
import { RELEASE_RESULT } from "../sampleCalls";

describe("a stack's page", () => {
  const web: ImageOutputs = {
    ...RELEASE_RESULT,
    imagePath: "/srv/a|b/output/web.qcow2",
    manifestPath: "/srv/a|b/output/manifest.json",
    conversions: { raw: { path: "/srv/web.raw", sha256: "0".repeat(64), bytes: 1 } },
  };

  it("has the facts of an image, whatever its path is made of", () => {
    const lines = readmeOf("dev", web).split("\n");
    assert.deepEqual(lines.slice(0, 5), ["# dev: golden images", "", "## dev", "", "| | |"]);
    assert.ok(lines.includes(`| SHA-256 | \`${web.imageSha256}\` |`));
    assert.ok(lines.includes("| size | 1 KiB file, 4.0 GiB disk |"));
    assert.ok(lines.includes("| proof | booted by qemu |"));
    assert.ok(lines.includes("| qcow2 | `/srv/a\\|b/output/web.qcow2` |"));
    assert.ok(lines.includes("| raw | `/srv/web.raw` |"));
    assert.ok(lines.includes("| verify | `./kragle verify /srv/a\\|b/output` |"));
  });

  it("has each image of several, also one that was never released", () => {
    const page = readmeOf("fleet", { images: { web, db: undefined } });
    assert.match(page, /\n## web\n[^]*\n## db\n\nNot released yet\.\n$/);
  });

  it("is an output where the backend has pages, and nowhere else", async () => {
    for (const backend of ["own", "file:///srv/pulumi", "s3://bucket"]) {
      assert.deepEqual(readmeFor(backend, web), {});
    }
    const { readme } = readmeFor("https://api.pulumi.com", web);
    const page = await new Promise<string>((resolve) => pulumi.output(readme!).apply(resolve));
    assert.match(page, /golden images/);
  });
});
