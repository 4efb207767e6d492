import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { isAlive } from "../../host/alive";
import type { InputsOf, RequestOf } from "../../plan/stages/contract";
import type { PassedTest, smoke } from "../../plan/stages/smoke";
import { readContent, contentDigest } from "../../host/fileDigest";
import type { Channel, Executed } from "../../stages/smoke/guest";
import { UserTests } from "../../stages/smoke/userTests";
import { programs } from "../sampleCalls";

const { signal } = new AbortController();

interface OwnTest {
  readonly content: string | Buffer;
  readonly args?: readonly string[];
  readonly seconds?: number;
}

describe("the user's tests", function () {
  this.timeout(30_000);
  let folder: string;
  let told: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle tests "));
    told = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** This machine in the place of a guest; all that is written goes into the test's folder. */
  const here: Channel = {
    reach: () => Promise.resolve(),
    async execute([program, ...args], limit, input): Promise<Executed> {
      if (args[3] === "folder") return { exitCode: 0, stdout: `${folder}\n`, stderr: "" };
      const child = spawn(program!, args, { signal: limit });
      let [stdout, stderr] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      child.stdin.end(input);
      const [code] = (await once(child, "close")) as [number | null];
      return { exitCode: code ?? 128, stdout, stderr };
    },
  };

  function tests(own: Readonly<Record<string, OwnTest>>): UserTests {
    const names = Object.entries(own);
    for (const [name, { content }] of names) writeFileSync(join(folder, name), content);
    const digest = (name: string) => contentDigest(readContent(join(folder, name)));
    const inputs = {
      programs: programs("tests"),
      tests: Object.fromEntries(names.map(([name]) => [name, digest(name)])),
      testArguments: Object.fromEntries(names.map(([name, { args = [] }]) => [name, [...args]])),
    } as unknown as InputsOf<typeof smoke>;
    const request = {
      tests: Object.fromEntries(
        names.map(([name, { seconds = 20 }]) => [
          name,
          { script: join(folder, name), timeoutSeconds: seconds },
        ]),
      ),
    } as unknown as RequestOf<typeof smoke>;
    const detail = (line: string) => told.push(line.replaceAll(`${folder}/`, ""));
    return new UserTests({ inputs, request }, "kvm", { logs: folder, detail });
  }
  const run = (own: Readonly<Record<string, OwnTest>>): Promise<PassedTest[]> =>
    tests(own).run(here, signal);
  const failure = async (own: Readonly<Record<string, OwnTest>>): Promise<string> => {
    const error: Error = await run(own).then(
      () => assert.fail(),
      (e: Error) => e,
    );
    return error.message.replaceAll(`${folder}/`, "").replace(/after [\d.]+ s/g, "after N s");
  };
  const log = (number: number) => readFileSync(join(folder, `test-${number}.log`), "utf8");

  it("run in their order, by their first line, with their arguments as they are", async () => {
    const passed = await run({
      "1-b.sh": { content: '#!/bin/sh\nfor a; do echo "<$a>"; done\n', args: ["a b", "$HOME", ""] },
      "2-a.py": {
        content:
          "#!/usr/bin/env python3\nimport sys, os\nprint(os.getcwd(), sys.stdin.read() == '')\n",
      },
    });
    assert.deepEqual(
      passed.map(({ script, args, log: file }) => [script, args, file]),
      [
        [join(folder, "1-b.sh"), ["a b", "$HOME", ""], "test-1.log"],
        [join(folder, "2-a.py"), [], "test-2.log"],
      ],
    );
    assert.equal(log(1), "<a b>\n<$HOME>\n<>\n");
    assert.equal(log(2), "/ True\n");
    assert.match(
      told.join("\n"),
      /^test 1, 1-b\.sh: passed after .*\ntest 2, 2-a\.py: passed after /,
    );
  });

  it("that fail are all named, with the last lines that they printed, and none keeps another from running", async () => {
    const noisy = "#!/bin/sh\nfor i in $(seq 20); do echo line $i; done; echo wrong >&2; exit 3\n";
    assert.equal(
      await failure({
        "1-web.sh": { content: noisy },
        "2-good.sh": { content: "#!/bin/sh\necho good\n" },
        "3-mute.sh": { content: "#!/bin/sh\nkill -TERM $$\n" },
      }),
      [
        "2 of 3 of the user's tests did not pass",
        "test 1, 1-web.sh: failed with exit code 3 after N s; the last lines of logs/test-1.log:",
        ...Array.from({ length: 9 }, (_, i) => `    line ${i + 12}`),
        "    wrong",
        "test 3, 3-mute.sh: failed with exit code 143 after N s; it printed nothing",
      ].join("\n"),
    );
    assert.equal(log(2), "good\n");
  });

  it("that do not end are killed with all that they have started", async () => {
    const content = `#!/bin/sh\nsleep 1000 &\necho $!\nwait\n`;
    assert.equal(
      await failure({ "1-slow.sh": { content, seconds: 1 } }),
      [
        "1 of 1 of the user's tests did not pass",
        `test 1, 1-slow.sh: did not end in time and was killed after N s; it printed:`,
        `    ${log(1).trim()}`,
      ].join("\n"),
    );
    for (let tries = 0; isAlive(Number(log(1))) && tries < 50; tries++) await sleep(100);
    assert.equal(isAlive(Number(log(1))), false);
  });

  it("may leave something running that holds their output", async () => {
    const began = performance.now();
    await run({ "1-daemon.sh": { content: "#!/bin/sh\nsleep 15 &\necho started\n" } });
    assert.ok(performance.now() - began < 10_000);
    assert.equal(log(1), "started\n");
  });

  it("may take as long as the setting allows, which is more than a timer takes", async () => {
    const content = "#!/bin/sh\nsleep 1\n";
    assert.equal((await run({ "1-long.sh": { content, seconds: 6_000_000 } })).length, 1);
  });

  it("whose interpreter the image lacks are told so", async () => {
    assert.match(
      await failure({ "1-x.rb": { content: "#!/opt/no-ruby -w\n" } }),
      /failed with exit code 127 .*\n {4}the image has no \/opt\/no-ruby, by which its first line says that it is run$/,
    );
  });

  it("may print as much as they like, and whatever a terminal would obey", async () => {
    await run({
      "1-long.sh": {
        content: "#!/bin/sh\necho begin; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end\n",
      },
      "2-evil.sh": { content: "#!/bin/sh\nprintf '\\033[2J\\007ok\\n\\tü'\n" },
    });
    assert.ok(log(1).length < 70_000, String(log(1).length));
    assert.match(log(1), /^begin\nx+\n\[2934475 bytes are left out here\]\nx+\nend\n$/);
    assert.equal(log(2), "\\u{1b}[2J\\u{7}ok\n\tü");
  });

  it("arrive whole, of whatever length and content", async () => {
    const head = '#!/bin/sh\nsha256sum <"$0"\nexit 0\n';
    const junk = Buffer.from(Array.from({ length: 150_001 }, (_, i) => (i * 7919) % 256));
    const content = Buffer.concat([Buffer.from(head), junk]);
    const file = join(folder, "1-big.sh");
    await run({ "1-big.sh": { content } });
    const { createHash } = await import("node:crypto");
    assert.match(log(1), new RegExp(`^${createHash("sha256").update(content).digest("hex")} `));
    assert.equal(readFileSync(file).length, content.length);
  });

  it("are those that were planned", () => {
    const file = join(folder, "1-a.sh");
    const planned = tests({ "1-a.sh": { content: "#!/bin/sh\n" } });
    assert.equal(planned.count, 1);
    chmodSync(file, 0o755);
    assert.doesNotThrow(() => tests({ "1-a.sh": { content: "#!/bin/sh\n" } }));
    const inputs = { programs: programs("tests"), tests: { "1-a.sh": "0".repeat(64) } };
    const request = { tests: { "1-a.sh": { script: file, timeoutSeconds: 1 } } };
    assert.throws(
      () =>
        new UserTests({ inputs, request } as never, "kvm", {
          ...{ logs: folder, detail: () => undefined },
        }),
      /1-a\.sh was changed after this run had been planned/,
    );
  });

  it("have time of their own, ten times as long under emulation", () => {
    const own = { "1-a.sh": { content: "#!/bin/sh\n", seconds: 60 } };
    assert.equal(tests(own).seconds, 80);
  });
});
