import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { parse } from "yaml";

import { sha256File } from "../../host/files";
import { type Clone, jsonOf } from "../clone";
import { itInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";

interface UpDocument {
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imagePath: string;
    readonly imageSha256: string;
    readonly reportPath: string;
    readonly smoke: { readonly tests?: string[]; readonly seconds: Record<string, number> };
  };
}

const MINUTES = 60_000;

/** Looks at the system as it runs, changes it, and says so. */
const GOOD = `#!/bin/sh -e
systemctl is-active --quiet "$1.service"
grep -q ^ID=debian /etc/os-release
touch /etc/changed-by-a-test
echo "$1 runs as $(id -un)"
printf '\\033[31mred\\033[0m\\n'
`;
const BAD = "#!/bin/bash\necho looking for the application\nexec /opt/app/check\n";

describe("the user's own tests of the dev image", function () {
  this.timeout(20 * MINUTES);
  inSequence();

  let clone: Clone;
  let dev: UpDocument["outputs"];
  const up = (stack: string) => clone.kragle(["up", "-s", stack, "--engine", "embedded", "--json"]);

  before(async () => {
    clone = sharedClone();
    const finished = await up("dev");
    assert.equal(finished.code, 0, finished.stderr);
    dev = jsonOf<UpDocument>(finished).outputs;
    const { config } = parse(readFileSync(clone.path("Pulumi.dev.yaml"), "utf8")) as {
      config: Record<string, unknown>;
    };
    const settings = Object.entries(config).map(([k, v]) => [k.replace("kragle:", ""), v] as const);
    mkdirSync(clone.path("tests"));
    writeFileSync(clone.path("tests/unit active.sh"), GOOD);
    writeFileSync(clone.path("tests/app.sh"), BAD);
    clone.addStack("tested", {
      ...Object.fromEntries(settings),
      tests: [{ script: "tests/unit active.sh", args: ["ssh"] }, "tests/app.sh"],
    });
  });

  it("fail the release where one fails, with its name and what it printed last", async () => {
    const finished = await up("tested");
    assert.equal(finished.code, 1, finished.stderr);
    const { stderr } = finished;
    assert.match(stderr, /did not pass its boot \(BIOS\): 1 of 2 of the user's tests did not pass/);
    assert.match(stderr, /test 2, tests\/app\.sh: failed with exit code 127 after .*; it printed:/);
    assert.match(stderr, / {4}looking for the application\n.*\/opt\/app\/check/);
    assert.match(stderr, /test 1, tests\/unit active\.sh: passed after /);
    const logs = /logs: (.*)$/m.exec(stderr)![1]!;
    assert.match(readFileSync(clone.path(logs, "test-1.log"), "utf8"), /^ssh runs as root\n/);
  });

  itInFullTier("release the image when they pass, which none of them has touched", async () => {
    writeFileSync(clone.path("tests/app.sh"), "#!/bin/sh\ntest -e /etc/changed-by-a-test\n");
    const finished = await up("tested");
    assert.equal(finished.code, 0, finished.stderr);
    const { outputs, steps } = jsonOf<UpDocument>(finished);
    assert.equal(steps.image, "store");
    assert.equal(steps.smoke, "run");
    assert.deepEqual(outputs.smoke.tests, ["tests/unit active.sh", "tests/app.sh"]);
    assert.ok(outputs.smoke.seconds.running! <= outputs.smoke.seconds.tests!);
    assert.equal(outputs.imageSha256, dev.imageSha256);
    assert.equal(await sha256File(outputs.imagePath), dev.imageSha256);
    const evidence = join(dirname(outputs.imagePath), "evidence/smoke");
    assert.equal(
      readFileSync(join(evidence, "test-1.log"), "utf8"),
      "ssh runs as root\n\\u{1b}[31mred\\u{1b}[0m\n",
    );
    assert.match(readFileSync(outputs.reportPath, "utf8"), /ssh runs as root/);
    const verified = await clone.kragle(["verify", "-s", "tested"]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });

  itInFullTier("are not run again while nothing changes", async () => {
    const { steps } = jsonOf<UpDocument>(await up("tested"));
    assert.equal(steps.smoke, "store");
  });
});
