import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { planImage } from "../../plan/imagePlan";
import type { check as contract, Finding } from "../../plan/stages/check";
import { pointsOf } from "../../plan/stages/point";
import { check } from "../../stages/check/check";
import { formsOf, type SecretSearch } from "../../host/secretForms";
import { contentDigest, readContent } from "../../host/fileDigest";
import { namedHostSecrets } from "../../host/secrets";
import { searchedSecrets } from "../../run/searchedSecrets";
import { StageFailure } from "../../host/failure";
import type { StageContext } from "../../run/stage";
import { IMAGE_RESULT } from "../sampleCalls";
import { digest, sampleFiles, sampleSpec } from "../samples";
import { TemporaryStore } from "../temporaryStore";
import { SampleImage } from "./checkSamples";

type Context = Parameters<typeof check.run>[0];
type Container = Parameters<StageContext<typeof contract>["container"]>[0];

const planned = planImage(sampleSpec, sampleFiles, null);

describe("the check stage", () => {
  let work: string;
  beforeEach(() => (work = mkdtempSync(join(tmpdir(), "kragle-check-"))));
  afterEach(() => rmSync(work, { recursive: true }));

  /** Runs the stage; the inspector, which needs a container, has found this image. */
  async function run(
    image: SampleImage,
    waive: Record<string, string> = {},
    own: { digests?: Record<string, string>; rules?: string[] } = {},
    filled?: TemporaryStore,
  ) {
    const lines: string[] = [];
    const started: Container[] = [];
    const context = {
      inputs: { programs: {}, rules: digest("8"), ownRules: own.digests, waive },
      upstream: { imageSha256: digest("a") },
      request: {
        ...{ toolsImage: "tools", imageKey: planned.image.key, timeoutSeconds: 60 },
        rules: own.rules ?? [],
      },
      secrets: { rhsmPassword: "correct horse" },
      work,
      store: filled?.store ?? {
        artifact: () =>
          Promise.resolve({ folder: "/the/store/image-k", manifest: { result: IMAGE_RESULT } }),
      },
      phase: () => undefined,
      detail: (line: string) => lines.push(line),
      container: (options: Container) => {
        started.push(options);
        mkdirSync(join(work, "scratch"));
        writeFileSync(join(work, "scratch/facts.json"), JSON.stringify(image.facts));
        return Promise.resolve({ exitCode: 0, tail: [] });
      },
    } as unknown as Context;
    const outcome = await check.run(context);
    return { ...outcome, lines, started };
  }

  const checked = () =>
    JSON.parse(readFileSync(join(work, "check.json"), "utf8")) as { rules: Finding[] };

  it("leaves findings with the words of their rules, and the packages", async () => {
    const { result, lines } = await run(new SampleImage());
    assert.equal(result.passed, true);
    const [first] = checked().rules;
    assert.deepEqual(first, {
      id: "disk.consistent",
      area: "disk",
      asserts: "the qcow2 is whole and without leaked clusters",
      reason: "qemu-img convert fills what a damaged file lacks with zeroes, and succeeds",
      source: "qemu-img(1), check",
      status: "passed",
    });
    assert.equal(readFileSync(join(work, "packages.tsv"), "utf8"), "bash\t5\t\n");
    assert.match(lines.at(-1)!, /^\d+ rules hold, 0 do not apply$/);
  });

  it("fails with rule, file and where the image is kept", async () => {
    const image = new SampleImage()
      .file("/root/.bash_history", "x")
      .file("/etc/ssh/ssh_host_a_key", "x");
    const error = await run(image).then(
      () => assert.fail("it did not fail"),
      (thrown: unknown) => thrown as StageFailure,
    );
    assert.ok(error instanceof StageFailure);
    assert.equal(
      error.message,
      [
        "the image breaks 2 rules:",
        "- ssh.host-keys: /etc/ssh/ssh_host_a_key exists",
        "  should be: there are no SSH host keys; who has the image could pose as every machine that was made of it (AWS Marketplace, AMI-based product policies)",
        "- logs.history: /root/.bash_history exists",
        "  should be: no account has a command history; it shows what was typed, passwords included (AWS Marketplace, AMI-based product policies)",
        "the image is kept for inspection: /the/store/image-k/image.qcow2",
      ].join("\n"),
    );
    assert.match(error.details.hint!, /waive/);
    assert.ok(error.details.evidence!.includes("check.json"));
  });

  it("leaves no point of an image in which it finds a secret, and those of all others", async () => {
    const at = new TemporaryStore();
    try {
      const { description } = planned.image;
      // that of its build, which this run has under another name, if at all
      const result = { ...IMAGE_RESULT, secrets: ["secrets.OTHER"] };
      const { folder } = await at.publish({ "image.qcow2": "x" }, description, { result });
      const mode = () => statSync(folder).mode & 0o777;
      const taken = pointsOf(description);
      assert.ok(taken.length > 0);
      for (const one of taken) await at.publish({ "disk.qcow2": "x" }, one.description);
      await at.publish({ "disk.qcow2": "x" }, at.describe("another", "point"));
      const found = (where: string) => {
        const image = new SampleImage();
        image.facts.secrets!.hits.push({ secret: "secrets.TOKEN", form: "plain", where });
        return image;
      };
      await run(found("/etc/app"), { "payload.secrets": "a demo" }, {}, at);
      const waived = { "payload.secrets": "a demo" };
      const other = new SampleImage().file("/root/.bash_history", "x");
      await assert.rejects(run(other, waived, {}, at));
      assert.equal(mode(), 0o755);
      assert.equal((await at.store.manifests("point")).length, taken.length + 1);
      await assert.rejects(
        run(found("/etc/app"), {}, {}, at),
        /breaks 1 rule:\n- payload\.secrets: secrets\.TOKEN \(plain\) is in \/etc\/app; secrets\.OTHER, with the value that it had when the image was built, is in it\n[^]*\nits points may have the secret, too, and are deleted: the next build begins with its first step$/,
      );
      assert.equal((await at.store.manifests("point")).length, 1);
      assert.equal(mode(), 0o700);
      // whatever this run's own secrets are
      await assert.rejects(
        run(new SampleImage(), {}, {}, at),
        /- payload\.secrets: secrets\.OTHER, /,
      );
    } finally {
      at.remove();
    }
  });

  it("tells what is waived, and goes on", async () => {
    const image = new SampleImage().file("/root/.bash_history", "x");
    const { result, lines } = await run(image, { "logs.history": "a demo" });
    assert.equal(result.passed, true);
    assert.ok(lines.includes("waived: logs.history: /root/.bash_history exists (a demo)"));
    assert.equal(checked().rules.find(({ id }) => id === "logs.history")!.waiver, "a demo");
  });

  it("judges by the user's rules as they were planned, or not at all", async () => {
    const file = join(work, "site.yaml");
    const write = (path: string) =>
      writeFileSync(
        file,
        `rules: [{id: site.a, asserts: a, reason: a, assertion: {absent: [${path}]}}]`,
      );
    write("/etc/motd");
    const own = { digests: { "1-site.yaml": contentDigest(readContent(file)) }, rules: [file] };
    const { result } = await run(new SampleImage(), {}, own);
    assert.equal(result.rules.at(-1)!.id, "site.a");
    write("/etc/issue");
    const changed = /site\.yaml was changed after this run had been planned$/;
    await assert.rejects(run(new SampleImage(), {}, own), changed);
    // a key that knows nothing of them
    await assert.rejects(run(new SampleImage(), {}, { rules: [file] }), changed);
    rmSync(file);
    await assert.rejects(run(new SampleImage(), {}, own), /site\.yaml was deleted after/);
  });

  it("has not passed where something could not be checked", async () => {
    const image = new SampleImage();
    image.facts.fileSystems[1]!.checked = false;
    const { result, lines } = await run(image);
    assert.equal(result.passed, false);
    assert.ok(lines.some((line) => line.startsWith("not checked: logs.files: ")));
  });

  it("has the run's secrets looked for", async () => {
    const { started } = await run(new SampleImage());
    const { patterns, tooShort } = JSON.parse(started[0]!.secrets!.search!) as SecretSearch;
    const own = patterns.filter(({ secret }) => secret === "rhsmPassword");
    const expected = formsOf("correct horse", "bytes");
    assert.deepEqual(
      own,
      expected.map((form) => ({ secret: "rhsmPassword", ...form })),
    );
    assert.deepEqual(tooShort, []);
    assert.equal(started[0]!.network, "none");
  });
});

describe("secrets that an image is searched for", () => {
  it("have one name each: the setting's, also where the environment has the value", () => {
    const ofSteps = { step_TOKEN: "from the environment", step_KEY: "from the stack's file" };
    const inherited = { TOKEN: "from the environment", KEY: "another", OTHER: "of no step" };
    assert.deepEqual(searchedSecrets({ ...inherited, ...ofSteps, rhsmPassword: "p" }), {
      ...namedHostSecrets(),
      "secrets.TOKEN": "from the environment",
      "secrets.KEY": "from the stack's file",
      KEY: "another",
      OTHER: "of no step",
      rhsmPassword: "p",
    });
  });
});

describe("secrets that a build takes from its host", () => {
  it("are the passwords of proxies and mirrors", () => {
    const proxies = { http_proxy: "http://me:p%40ss%20word@proxy:3128", no_proxy: "localhost" };
    const apt = [
      "https://me:s3cret-1@mirror.example/debian",
      'Acquire::http::Proxy "http://u:100%secret@proxy:3128";',
      'Acquire::Retries "3";',
    ].join("\n");
    assert.deepEqual(namedHostSecrets({ ...proxies, HTTP_PROXY: proxies.http_proxy }, apt), {
      "password in http_proxy, form 1": "me:p%40ss%20word@",
      "password in http_proxy, form 2": "p%40ss%20word",
      "password in http_proxy, form 3": "p@ss word",
      "password in the host's apt configuration, form 1": "me:s3cret-1@",
      "password in the host's apt configuration, form 2": "s3cret-1",
      "password in the host's apt configuration, form 4": "u:100%secret@",
      "password in the host's apt configuration, form 5": "100%secret",
    });
    assert.deepEqual(namedHostSecrets({ http_proxy: "http://u:pin@proxy" }, ""), {
      "password in http_proxy, form 1": "u:pin@",
    });
  });
});
