import assert from "node:assert/strict";
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type Docker from "dockerode";

import { runTool } from "../../disk/tools";
import { keyFilter, storeLabels } from "../../executors/labels";
import { claimHome } from "../../host/home";

/** By what a run tells containers that an ended run left from those of another run. */
describe("the labels of a container", () => {
  let folder: string;
  beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), "kragle läbels ")))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("are another store's where a copy has the same id, as in two containers with one path", () => {
    const [home, copy] = [join(folder, "home"), join(folder, "copy")];
    const id = claimHome(home);
    cpSync(home, copy, { recursive: true });
    assert.notDeepEqual(storeLabels(home, id), storeLabels(copy, id));
    assert.deepEqual(
      keyFilter(home, id, "k").filter((label) => keyFilter(copy, id, "k").includes(label)),
      [`kragle.store=${id}`, "kragle.key=k"],
    );
  });

  it("are those of the target: two writes of one image let each other's containers be", async () => {
    const asked: string[] = [];
    const docker = {
      listContainers: ({ filters }: { filters: { label: string[] } }) => {
        asked.push(...filters.label);
        return Promise.resolve([]);
      },
      createContainer: ({ Labels }: { Labels: Record<string, string> }) => {
        asked.push(...Object.entries(Labels).map(([name, value]) => `${name}=${value}`));
        return Promise.reject(new Error("no daemon"));
      },
      getContainer: () => ({
        remove: () => Promise.reject(Object.assign(new Error("none"), { statusCode: 404 })),
      }),
    } as unknown as Docker;
    const image = join(folder, "image");
    writeFileSync(image, "");
    for (const target of ["one", "two"]) {
      const claimed = join(folder, target);
      writeFileSync(claimed, "");
      const run = runTool({
        ...{ docker, toolsImage: "tools", image, claimed, usesTarget: false, command: ["true"] },
        ...{ onLine: () => undefined, signal: new AbortController().signal },
      });
      await assert.rejects(run);
    }
    const [leftOfOne, ofOne, leftOfTwo, ofTwo] = asked;
    assert.deepEqual([leftOfOne, leftOfTwo], [ofOne, ofTwo]);
    assert.notEqual(ofOne, ofTwo);
  });
});
