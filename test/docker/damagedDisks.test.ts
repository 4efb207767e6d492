import assert from "node:assert/strict";

import { RULES } from "../../rules/catalogue";
import { type Facts, facts as factsSchema } from "../../rules/facts";
import { judge } from "../../rules/judge";
import { runBesideInspector } from "./tinyDisk";
import { toolsImage } from "./toolsImage";

interface Tried {
  what: string;
  seconds: number;
  code: number;
  words: string;
  facts: unknown;
}

describe("the inspector, on disks that nobody would write", function () {
  this.timeout(120_000);
  const tried = new Map<string, Tried & { facts: Facts }>();

  before(async function () {
    const image = await toolsImage(this);
    const disks = await runBesideInspector(["python3", "/test/damagedDisks.py"], "tried.json", {
      image,
    });
    for (const one of disks as Tried[]) {
      assert.equal(one.code, 0, `${one.what}: ${one.words}`);
      tried.set(one.what, { ...one, facts: factsSchema.parse(one.facts) });
    }
  });

  const broken = (what: string) =>
    judge(RULES, tried.get(what)!.facts).filter(
      ({ area, status }) => area === "disk" && ["failed", "not checked"].includes(status),
    );
  const told = (what: string) => broken(what).map(({ id, detail }) => `${id}: ${detail}`);

  it("finds nothing wrong with the one that they are made of, and reads owners beyond 16 bits", () => {
    assert.deepEqual(told("good"), []);
    const { facts } = tried.get("good")!;
    assert.equal(facts.tree.find(([path]) => path === "/etc/fstab")![2], 165_537);
  });

  it("comes to an end, and no rule about the disk holds by mistake", () => {
    for (const { what, seconds } of tried.values()) {
      assert.ok(seconds < 30, `${what}: ${seconds} s`);
      assert.ok(what === "good" || broken(what).length > 0, `${what}: all rules hold`);
    }
  });

  it("opens no other file that a qcow2 names", () => {
    for (const what of tried.keys()) {
      if (!what.startsWith("backing ") && what !== "external data") continue;
      assert.match(told(what)[0]!, /^disk\.standalone: it needs the file /);
      assert.ok(told(what).every((line) => /standalone|the qcow2 needs another file$/.test(line)));
    }
  });

  it("says what is wrong", () => {
    const says = {
      dirty: /disk\.consistent: it was not closed/,
      corrupt: /disk\.consistent: QEMU has marked it as corrupt/,
      "partition over the table": /partition 2 begins in the table itself/,
      "partition smaller than its file system": /it has \d+ bytes, and its partition \d+/,
      "MBR partition without size": /partition 1 is empty/,
      "FAT without sectors": /no reader for unknown on partition 1/,
      "ext of unknown features": /no reader for jbd on partition 2/,
    };
    for (const [what, words] of Object.entries(says)) assert.match(told(what).join("\n"), words);
  });
});
