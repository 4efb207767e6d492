import assert from "node:assert/strict";

import { readStackSettings } from "../../cli/stackSettings";
import { parseSettings } from "../../settings/stack";
import { base } from "../../stages/base/base";
import { runStage } from "../../run/runStage";
import { describeInFullTier } from "../fullTier";
import { baseCall } from "../sampleCalls";
import { TemporaryStore } from "../temporaryStore";
import { toolsImage } from "./toolsImage";
import { executor } from "../site";

const MINUTES = 60_000;

// two installations, minutes each
describeInFullTier("an installed disk that is made twice of the same inputs", function () {
  this.timeout(30 * MINUTES);
  const stores: TemporaryStore[] = [];
  after(() => stores.forEach((store) => store.remove()));

  let image: string;
  before(async function () {
    image = await toolsImage(this);
  });

  /** Installs the disk in a store of its own: another folder, another container, another time of day. */
  async function install() {
    const store = new TemporaryStore();
    stores.push(store);
    const { template, diskBytes, kernel, timeouts } = parseSettings(
      readStackSettings("dev").values,
      "dev",
    );
    const lines: string[] = [];
    const answer = await runStage(base, {
      executor,
      store: store.store,
      call: baseCall(
        {
          ...{ toolsImage: image, templateFolder: template.folder },
          ...{ timeoutSeconds: timeouts.base, silenceSeconds: timeouts.base },
        },
        { diskBytes, kernel: kernel! },
      ),
      marker: undefined,
      secrets: {},
      print: (line) => lines.push(line),
      signal: new AbortController().signal,
    }).catch((error: Error) => assert.fail(`${error.message}\n${lines.slice(-20).join("\n")}`));
    return answer.files;
  }

  it("is the same, byte for byte", async () => {
    const day = new Date().getUTCDate();
    const [first, second] = [await install(), await install()];
    // without a snapshot, the day dates the files, and the mirror may move on at any time
    if (new Date().getUTCDate() !== day) return;
    assert.deepEqual(second["packages.tsv"], first["packages.tsv"]);
    assert.deepEqual(second["disk.qcow2"], first["disk.qcow2"]);
  });
});
