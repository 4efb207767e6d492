import assert from "node:assert/strict";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { projectFolder } from "../../host/project";
import { givenArguments, withSecrets } from "../../infra/givenArguments";
import { GoldenImage } from "../../infra/goldenImage";
import type { GoldenImageArgs } from "../../infra/goldenImageArgs";
import { invocationOf } from "../../plan/invocation";
import { answer, RELEASED } from "../devProgram";
import { FakeDaemon } from "../fakeDaemon";
import { type MockOptions, type Registered, requestOf, valueOf, withMocks } from "../mocks";
import { TemporaryStore } from "../temporaryStore";

/** What an image called web consists of, sorted. */
const WEB = [
  "command:local:Command web.base < web.build",
  "command:local:Command web.check < web.qcow2",
  "command:local:Command web.convert-raw < web.convert-raw",
  "command:local:Command web.docker-base < web.builder",
  "command:local:Command web.image < web.build",
  "command:local:Command web.release < web.release",
  "command:local:Command web.smoke < web.smoke",
  "docker:index/image:Image web.builder < web.builder",
  "kragle:index:BuildRun web.build < web",
  "kragle:index:BuilderImage web.builder < web",
  "kragle:index:Conversion web.convert-raw < web",
  "kragle:index:GoldenImage web < ",
  "kragle:index:Qcow2Artifact web.qcow2 < web",
  "kragle:index:Release web.release < web",
  "kragle:index:SmokeDomain web.smoke < web",
];

/** The failure of an image, for whoever hosts the component as a plugin. */
const failureOf = (image: GoldenImage): Promise<Error> =>
  (image as unknown as { getData(): Promise<unknown> }).getData().then(
    () => assert.fail("the image is right"),
    (error: Error) => error,
  );

const keyOf = ({ inputs }: Registered) => invocationOf(String(inputs.create))!.key;

describe("GoldenImage in somebody's program", function () {
  this.timeout(120_000);
  const daemon = new FakeDaemon("docker");
  const { KRAGLE_HOME, DOCKER_HOST } = process.env;
  let at: TemporaryStore;
  before(async () => void (await daemon.open()));
  after(async () => {
    await daemon.close();
    // each by itself: an object in the place of process.env would reach neither Node nor other programs
    for (const [name, value] of Object.entries({ KRAGLE_HOME, DOCKER_HOST })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  beforeEach(() => {
    at = new TemporaryStore();
    Object.assign(process.env, { KRAGLE_HOME: at.home, DOCKER_HOST: daemon.address });
  });
  afterEach(() => at.remove());

  const declare = <T>(create: () => T | Promise<T>, options: MockOptions = {}) =>
    withMocks(create, { outputs: options.preview ? () => ({}) : answer, ...options });
  const one = (args: GoldenImageArgs, options?: MockOptions) =>
    declare(async () => {
      const image = new GoldenImage("web", args);
      return {
        sha256: await valueOf(image.imageSha256),
        key: await valueOf(image.key),
        isSecret: await pulumi.isSecret(image.imageSha256),
        path: await valueOf(image.imagePath),
      };
    }, options);

  it("is what an image of a stack is, with a builder of its own", async () => {
    const { resources, value, find } = await one({ formats: ["raw"], cpus: 4 });
    assert.deepEqual(
      resources.map(({ type, name, parent }) => `${type} ${name} < ${parent}`).toSorted(),
      WEB,
    );
    assert.equal(value.path, join(projectFolder, RELEASED.imagePath));
    const { root, project, stack, request } = requestOf(find("web.release"));
    assert.deepEqual(
      { root, project, stack },
      { root: "web.release", project: "kragle", stack: "dev" },
    );
    const { parameters, changed } = request as { parameters: object; changed: string[] };
    assert.deepEqual(parameters, { cpus: 4, formats: ["raw"] });
    assert.deepEqual(changed, ["cpus", "formats"]);
  });

  it("registers its arguments as they are, and secrets as secrets, which make nothing else one", async () => {
    const args: GoldenImageArgs = {
      formats: [],
      provision: [{ run: "true", secrets: ["TOKEN"] }],
      secrets: { TOKEN: pulumi.secret("hunter22") },
      diskSize: pulumi.output("5 GiB"),
    };
    const { resources, find, value } = await one(args);
    const { inputs, secrets } = resources.find(({ name }) => name === "web")!;
    assert.deepEqual(inputs, {
      ...{ formats: [], provision: [{ run: "true", secrets: ["TOKEN"] }] },
      ...{ secrets: { TOKEN: "hunter22" }, diskSize: "5 GiB" },
    });
    assert.deepEqual(secrets, ["secrets"]);
    const image = find("web.image");
    assert.deepEqual(image.secrets, ["environment.KRAGLE_SECRET_step_TOKEN"]);
    assert.ok(!String(image.inputs.stdin).includes("hunter22"));
    assert.equal(value.isSecret, false);
  });

  it("takes for not given what has no value, secrets too", async () => {
    const none = pulumi.output(undefined) as unknown as pulumi.Output<string>;
    const given = await givenArguments(
      withSecrets({ rhsmUsername: none, rhsmPassword: pulumi.secret(none), diskSize: undefined }),
    );
    assert.deepEqual(given, { values: {}, unknown: [], secret: [] });
  });

  it("has every wrong argument told at once, by its property, and nothing started", async () => {
    const wrong = {
      diskSize: "lots",
      kernel: "huge",
      provision: [{ script: "no/such.sh" }, { packages: ["nginx"], run: "true" }],
      timeouts: { image: 0 },
      colour: "red",
    } as unknown as GoldenImageArgs;
    const { resources, value } = await declare(
      () => failureOf(new GoldenImage("Web", wrong)) as Promise<pulumi.InputPropertiesError>,
    );
    assert.ok(pulumi.InputPropertiesError.isInstance(value), String(value));
    assert.deepEqual(value.errors.map(({ propertyPath }) => propertyPath).toSorted(), [
      ...["colour", "diskSize", "kernel", "name"],
      ...["provision[0].script", "provision[1]", "timeouts.image"],
    ]);
    assert.equal(resources.length, 1);
  });

  it("plans nothing in a preview while an argument is not known, and what it gives is not known either", async () => {
    const { resources, value } = await one(
      { formats: pulumi.output([pulumi.unknown]) as never },
      { preview: true },
    );
    assert.deepEqual(
      resources.map(({ name }) => name),
      ["web"],
    );
    assert.deepEqual(value, {
      sha256: undefined,
      key: undefined,
      isSecret: false,
      path: undefined,
    });
  });

  it("shares what it has in common with another image, which is built once", async () => {
    const { find } = await declare(async () => {
      const images = ["web", "db"].map((name) => new GoldenImage(name, { formats: [] }));
      await Promise.all(images.map(({ key }) => valueOf(key)));
    });
    assert.equal(keyOf(find("db.base")), keyOf(find("web.base")));
    assert.deepEqual(find("db.base").dependsOn, ["web.base"]);
    assert.equal(find("db.builder").inputs.imageName, find("web.builder").inputs.imageName);
    const places = ["web", "db"].map((name) => {
      const { description } = requestOf(find(`${name}.release`)) as {
        description: { inputs: { path: string } };
      };
      return description.inputs.path;
    });
    assert.deepEqual(places, ["build/dev/web", "build/dev/db"]);
  });

  it("is made on another image of the program, whichever comes first", async () => {
    const { find } = await declare(async () => {
      const web = new GoldenImage("web", { formats: [], from: { image: "base" } });
      const base = new GoldenImage("base", { formats: [], diskSize: "5 GiB" });
      const db = new GoldenImage("db", { formats: [], from: { image: base.name } });
      await Promise.all([web, base, db].map(({ key }) => valueOf(key)));
    });
    const { upstream } = (requestOf(find("web.image")) as { description: { upstream: object } })
      .description;
    assert.deepEqual(upstream, { image: keyOf(find("base.image")) });
    assert.equal(keyOf(find("db.image")), keyOf(find("web.image")));
    assert.ok(find("web.release").dependsOn.includes("base.release"));
  });

  it("says which images there are where it is made on none of them, and tells a circle", async () => {
    const { value } = await declare(() => {
      const lost = new GoldenImage("lost", { from: { image: "bse" } });
      const web = new GoldenImage("web", { from: { image: "db" } });
      const db = new GoldenImage("db", { from: { image: "web" } });
      return Promise.all([lost, web, db].map(failureOf));
    });
    const [lost, ...circle] = value.map(({ message }) => message);
    assert.match(lost!, /there is no image "bse" in this program; there are web, db/);
    assert.match(circle.join("\n"), /db on web on db is a circle/);
  });

  it("tells a second image of one name, and a daemon that does not answer", async () => {
    const twice = await declare(() => {
      new GoldenImage("web", { formats: [] });
      return failureOf(new GoldenImage("web", { formats: [] }));
    });
    assert.match(twice.value.message, /two images called web/);
    process.env.DOCKER_HOST = "unix:///nowhere/docker.sock";
    const alone = await declare(() => failureOf(new GoldenImage("web", {})));
    assert.match(alone.value.message, /nowhere/);
  });
});
