import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { check } from "../../plan/stages/check";
import { smoke } from "../../plan/stages/smoke";
import { interruption } from "../../host/interrupt";
import { besideOthers } from "../../run/refusal";

const [IMAGE, OTHER] = ["a".repeat(64), "b".repeat(64)];

describe("stages about one image, side by side", function () {
  this.timeout(20_000);
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), "kragle-refusal-"))));
  afterEach(() => rmSync(home, { recursive: true }));

  const begun: { stop(): void }[] = [];
  afterEach(() => begun.splice(0).forEach((stage) => stage.stop()));
  const begin = async (which: typeof check | typeof smoke, image: string, differing = {}) => {
    const description = {
      stage: which.stage,
      version: 1,
      inputs: {},
      upstream: { imageSha256: image },
    };
    const stage = (await besideOthers(
      home,
      which,
      { clone: "a", backend: "own", project: "kragle", stack: "dev", ...differing },
      { root: which.stage, description },
    ))!;
    begun.push(stage);
    return stage;
  };

  it("end when one of them refuses it, and say which", async () => {
    const boot = await begin(smoke, IMAGE);
    const judge = await begin(check, IMAGE);
    await judge.tell();
    await once(boot.signal, "abort");
    assert.equal(interruption(boot.signal).message, "ended, since check has refused this image");
    assert.equal(judge.signal.aborted, false);
  });

  it("go on where another image, or another stack's, is refused", async () => {
    const others = [{ stack: "prod" }, { clone: "b" }, { project: "x" }, { backend: "file:///x" }];
    const boots = [await begin(smoke, OTHER)];
    for (const other of others) boots.push(await begin(smoke, IMAGE, other));
    await (await begin(check, IMAGE)).tell();
    await sleep(2500);
    assert.deepEqual(
      boots.map(({ signal }) => signal.aborted),
      boots.map(() => false),
    );
  });

  it("begin anew with an image that was refused before, and end when it is again", async () => {
    await (await begin(check, IMAGE)).tell();
    const boot = await begin(smoke, IMAGE);
    await sleep(2500);
    assert.equal(boot.signal.aborted, false);
    await (await begin(check, IMAGE)).tell();
    await once(boot.signal, "abort");
  });

  it("of which check is never ended: it says what else is wrong", async () => {
    const judge = await begin(check, IMAGE);
    await (await begin(smoke, IMAGE)).tell();
    await sleep(2500);
    assert.equal(judge.signal.aborted, false);
  });
});
