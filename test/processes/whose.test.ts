import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { ImageOutputs } from "../../plan/outputs";
import { BuiltClones } from "../builtClones";
import { type Clone, type Finished, jsonOf } from "../clone";
import { isFullTier } from "../fullTier";

type Environment = Readonly<Record<string, string>>;

/** What of a stack's runs, of a garbage collection and of its released files is looked at. */
interface Document {
  readonly outputs: ImageOutputs;
  readonly stages: readonly { readonly stage: string; readonly status: string }[];
  readonly deleted: readonly { readonly name: string }[];
  readonly unreadable: readonly string[];
}

/** Real processes: whose stacks, roots, records and released files are, when there are several of one name. */
describe("what several clones, backends and projects have", function () {
  this.timeout(300_000);
  const built = new BuiltClones();
  let one: Clone;
  before(() => built.open());
  after(() => built.close());
  beforeEach(() => {
    one = built.make();
  });

  const run = (clone: Clone, line: string, environment: Environment = {}) =>
    built.kragle(clone, line.split(" "), environment);

  async function succeeds(clone: Clone, line: string, environment?: Environment) {
    const finished = await run(clone, `${line} --json`, environment);
    assert.equal(finished.code, 0, `${line}\n${finished.stdout}\n${finished.stderr}`);
    return jsonOf<Document>(finished);
  }

  async function fails(clone: Clone, line: string, words: RegExp, environment?: Environment) {
    const { code, stdout, stderr } = await run(clone, line, environment);
    assert.match(stderr, words, stdout);
    assert.doesNotMatch(stderr, /\n +at /);
    return code;
  }

  const up = (clone: Clone, environment?: Environment) =>
    succeeds(clone, "up -s dev --engine embedded", environment);

  /** Fails unless the stack has what it released, nothing is to be done for it, and nothing of it would be deleted. */
  async function isWhole(clone: Clone, environment?: Environment): Promise<void> {
    const { stages } = await succeeds(clone, "preview -s dev --engine embedded", environment);
    const statuses = stages.map(({ stage, status }) => `${stage} ${status}`);
    assert.deepEqual(
      statuses.filter((status) => !status.endsWith(" unchanged")),
      [],
    );
    const { imagePath } = (await outputs(clone, environment))!;
    assert.equal(imagePath, clone.path("build/dev/output/packer-kragle-qcow2"));
    await succeeds(clone, "verify -s dev", environment);
    const { deleted, unreadable } = await succeeds(clone, "gc --dry-run", environment);
    const results = deleted.filter(({ name }) => name.startsWith("store/"));
    assert.deepEqual([results, unreadable], [[], []]);
  }

  async function outputs(clone: Clone, environment?: Environment) {
    const finished = await run(clone, "outputs -s dev --json", environment);
    return finished.code === 0 ? jsonOf<ImageOutputs>(finished) : undefined;
  }

  const stagesOf = ({ deleted }: Document) =>
    deleted.map(({ name }) => /^store\/(\w+)-/.exec(name)?.[1] ?? name).sort();

  /** Both homes are one folder: by KRAGLE_HOME, or by a link. */
  const sharing: Readonly<Record<string, (clones: Clone[]) => Environment>> = {
    KRAGLE_HOME: () => ({ KRAGLE_HOME: built.makeHome() }),
    "a link": (clones) => {
      const home = built.makeHome();
      for (const clone of clones) {
        rmSync(clone.path(".kragle"), { recursive: true });
        symlinkSync(home, clone.path(".kragle"));
      }
      return {};
    },
  };
  for (const [how, share] of Object.entries(sharing)) {
    it(`in one home by ${how} is each one's own, also in two runs at one time`, async function () {
      // two clones share a home by KRAGLE_HOME in a test below, too
      if (how === "KRAGLE_HOME" && !isFullTier) this.skip();
      const two = built.make();
      const shared = share([one, two]);
      const released = await Promise.all([up(one, shared), up(two, shared)]);
      assert.notEqual(released[0].outputs.key, released[1].outputs.key);
      await isWhole(one, shared);
      await isWhole(two, shared);
      await succeeds(two, "destroy -s dev", shared);
      assert.deepEqual(stagesOf(await succeeds(one, "gc", shared)), ["release"]);
      await isWhole(one, shared);
      await fails(two, "outputs -s dev", /was destroyed at .*; its files lie in/, shared);
      await succeeds(one, "destroy -s dev", shared);
    });
  }

  it("is the copy's own in a copy, which says that it is one", async () => {
    await up(one);
    const copy = built.keep(one.copy());
    for (const verb of ["outputs", "verify", "report", "write"]) {
      const words = /has not been released from here yet: this folder is a copy of /;
      const target = verb === "write" ? " disk.img --yes" : "";
      assert.equal(await fails(copy, `${verb} -s dev${target}`, words), 1, verb);
    }
    await Promise.all([up(one), up(copy)]);
    await isWhole(one);
    await isWhole(copy);
    await succeeds(copy, "destroy -s dev");
    await succeeds(copy, "gc");
    await isWhole(one);
  });

  it("follows a folder that is moved, before anything runs there", async () => {
    const before = (await up(one)).outputs;
    one = built.keep(one.move());
    const there = (await outputs(one))!;
    assert.equal(there.imagePath, one.path("build/dev/output/packer-kragle-qcow2"));
    assert.deepEqual(
      { ...there, imagePath: "", manifestPath: "", reportPath: "" },
      {
        ...before,
        ...{ imagePath: "", manifestPath: "", reportPath: "" },
      },
    );
    assert.deepEqual(stagesOf(await succeeds(one, "gc")), []);
    assert.deepEqual((await up(one)).outputs, there);
    await isWhole(one);
    // a copy whose original is deleted is a folder that was moved
    const copy = built.keep(one.copy());
    rmSync(one.folder, { recursive: true });
    assert.equal((await outputs(copy))!.key, there.key);
    await up(copy);
    await isWhole(copy);
  });

  it("is each backend's, of stacks of one name", async () => {
    const other = { PULUMI_BACKEND_URL: `file://${encodeURI(one.path("state"))}` };
    mkdirSync(one.path("state"));
    await up(one);
    assert.equal(await outputs(one, other), undefined);
    await up(one, other);
    await isWhole(one, other);
    await succeeds(one, "destroy -s dev", other);
    await succeeds(one, "gc", other);
    await isWhole(one);
    // the folder is still that stack's
    built.addStack(one, "prod", { path: "build/dev" });
    const words = /build\/dev\/output belongs to stack dev; two stacks cannot release there/;
    assert.equal(await fails(one, "up -s prod", words), 2);
    await up(one, other);
    await succeeds(one, "destroy -s dev");
    await isWhole(one, other);
  });

  it("is each project's, and a project with a new name finds the way out that it is told", async () => {
    await up(one);
    for (const name of ["Pulumi.yaml", "Pulumi.dev.yaml"]) {
      const text = readFileSync(one.path(name), "utf8");
      const renamed = text
        .replace(/^name: kragle$/m, "name: images")
        .replaceAll("kragle:", "images:");
      writeFileSync(one.path(name), renamed);
    }
    assert.equal(await outputs(one), undefined);
    const words =
      /belongs to stack dev of project kragle; [^]*has only got another name, delete (\S+owner\.json)/;
    const refused = await run(one, "up -s dev");
    assert.equal(refused.code, 2);
    assert.deepEqual(stagesOf(await succeeds(one, "gc")), []);
    const [, mark] = words.exec(refused.stderr)!;
    rmSync(one.path(mark!));
    await fails(one, "up -s dev", /of project kragle/);
  });

  it("comes back after its roots were lost, and until then nothing is deleted", async () => {
    await up(one);
    const [stack] = readdirSync(one.path(".kragle/roots"));
    for (const lost of ["release", ".", ".."]) {
      rmSync(one.path(".kragle/roots", stack!, lost), { recursive: true });
      const { deleted, unreadable } = await succeeds(one, "gc");
      assert.deepEqual([deleted, unreadable.length], [[], 1], lost);
      await up(one);
      await isWhole(one);
    }
    rmSync(one.path(".kragle/roots", stack!, "image"));
    await up(one);
    await isWhole(one);
  });

  it("is taken over from an earlier version, and when the clone has lost its id", async () => {
    await up(one);
    const [stack] = readdirSync(one.path(".kragle/roots"));
    const [roots, records] = ["roots", "stacks"].map((part) => one.path(".kragle", part));
    const record = JSON.parse(readFileSync(join(records!, `${stack}.json`), "utf8")) as {
      owner?: object;
      outputs: Record<string, string>;
    };
    delete record.owner;
    record.outputs.imagePath = one.path(record.outputs.imagePath!);
    rmSync(join(records!, `${stack}.json`));
    writeFileSync(join(records!, "dev.json"), JSON.stringify(record));
    renameSync(join(roots!, stack!), join(roots!, "dev"));
    rmSync(join(roots!, "dev/.owner.json"));
    rmSync(one.path("build/dev/output/.owner.json"));
    // another clone that shares the home has no part in it
    const two = built.make();
    const shared = { KRAGLE_HOME: one.path(".kragle") };
    assert.equal(await outputs(two, shared), undefined);
    await up(two, shared);
    assert.ok(existsSync(join(roots!, "dev/image")));
    assert.ok(await outputs(one));
    assert.deepEqual(stagesOf(await succeeds(one, "gc")), []);
    await up(one);
    await isWhole(one);
    assert.equal(readdirSync(roots!).length, 2);
    assert.deepEqual(
      readdirSync(records!).sort(),
      readdirSync(roots!)
        .map((x) => `${x}.json`)
        .sort(),
    );
    rmSync(one.path(".kragle/clone"));
    assert.deepEqual(stagesOf(await succeeds(one, "gc")), []);
    await up(one);
    await isWhole(one);
    assert.equal(readdirSync(roots!).length, 2);
  });

  it("is one of them's where two stacks release into one folder at one time; two runs of one share it", async () => {
    for (const stack of ["a", "b"]) built.addStack(one, stack, { path: "build/same" });
    const both = await Promise.all(["a", "b"].map((stack) => run(one, `up -s ${stack}`)));
    assertOneRefused(both);
    const winner = both[0]!.code === 0 ? "a" : "b";
    assert.equal((await run(one, `verify -s ${winner}`)).code, 0);
    const again = await Promise.all([run(one, "up -s dev"), run(one, "up -s dev")]);
    for (const { code, stderr } of again) assert.equal(code, 0, stderr);
    await isWhole(one);
  });

  function assertOneRefused(both: readonly Finished[]): void {
    assert.deepEqual(both.map(({ code }) => `${code}`).sort(), ["0", "2"], JSON.stringify(both));
    const refused = both.find(({ code }) => code === 2)!;
    assert.match(refused.stderr, /build\/same\/output belongs to stack [ab]; two stacks cannot/);
    assert.doesNotMatch(refused.stderr, /\n +at /);
  }
});
