import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { docker } from "../site";
import { listFiles } from "../../host/files";
import type { Clone } from "../clone";
import { sharedCloneInFullTier } from "../sharedClone";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, evidenceFolder } from "./invariants";
import { Run } from "./run";

/** A secret of this run alone, with characters that every escaping changes. */
const CANARY = `c4n/${randomBytes(8).toString("hex")}+& ü`;
const PROXY_PASSWORD = `pr0xy${randomBytes(8).toString("hex")}`;

/** What must be found nowhere: the secret in each form. */
const FORMS = [CANARY, PROXY_PASSWORD].flatMap((secret) => {
  const base64 = (before: string) =>
    Buffer.from(before + secret)
      .toString("base64")
      .slice(4, -6);
  return [
    ...[secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)],
    ...["", "u", "uv"].map(base64),
  ];
});

describe("a secret of a build", function () {
  this.timeout(20 * 60_000);
  let clone: Clone;
  countFaults();

  before(function () {
    clone = sharedCloneInFullTier(this);
  });

  /** What anybody on the host, and whoever may ask Docker, can see while a command runs. */
  async function watch(run: Run): Promise<string[]> {
    const seen: string[] = [];
    while (!run.isOver) {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        try {
          seen.push(`arguments of ${pid}: ${readFileSync(`/proc/${pid}/cmdline`, "utf8")}`);
        } catch {
          // it ended meanwhile
        }
      }
      const label = ["kragle.store"];
      for (const { Id } of await docker.listContainers({ all: true, filters: { label } })) {
        const facts = await docker
          .getContainer(Id)
          .inspect()
          .catch(() => undefined);
        if (facts) seen.push(`docker inspect: ${JSON.stringify(facts)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return seen;
  }

  const assertHidden = (text: string, where: string) => {
    for (const form of FORMS) assert.ok(!text.includes(form), `${where} shows ${form}`);
  };

  it("is seen nowhere: arguments, docker inspect, output, logs, store, release", async () => {
    // a script that asks for it gets its proxy, and tells it in every form
    const script = `set -e
printf '%s\\n' "$https_proxy"
printf '%s' "$https_proxy" | base64 -w0; echo
printf '%s' "$https_proxy" > /dev/ttyS0
exit 3
`;
    writeFileSync(clone.path("tell.sh"), script);
    // the point after the first step is in the store too
    clone.addStack("secrets", { provision: [{ run: 'test -n "$https_proxy"' }, "tell.sh"] });
    const run = Run.up(clone, "secrets", {
      environment: {
        KRAGLE_SECRET_canary: CANARY,
        // nothing of the build goes to it: the mirror is reached as before
        https_proxy: `http://u:${PROXY_PASSWORD}@127.0.0.1:9`,
        no_proxy: "*",
      },
    });
    const seen = await watch(run);
    const { code, stdout, stderr } = await run.ended;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /tell\.sh/);
    assert.match(stderr, /http:\/\/u?:?\*\*\*/);
    assertHidden(stdout + stderr, "the output");
    assert.ok(seen.some((text) => text.startsWith("docker inspect")));
    for (const text of new Set(seen)) assertHidden(text, text.slice(0, 60));
    for (const folder of [clone.path(".kragle"), clone.path("build")]) {
      if (!existsSync(folder)) continue;
      for (const name of await listFiles(folder)) {
        const file = join(folder, name);
        if (statSync(file).size < 64 * 2 ** 20) assertHidden(readFileSync(file, "latin1"), file);
      }
    }
    assert.ok(readdirSync(clone.path(".kragle/store")).some((name) => name.startsWith("point-")));
    const serial = join(evidenceFolder(stderr, clone.folder), "serial.log");
    assert.match(readFileSync(serial, "latin1"), /\*{8}/);
    await assertNothingLeaked(clone.path(".kragle"), { project: clone.folder });
    survived({ fault: "script tells its secrets", where: "image" });
  });
});
