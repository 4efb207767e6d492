import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Docker from "dockerode";

import { networkObstacle } from "../../executors/network";
import { dockerEndpoint, otherDaemon } from "../../executors/dockerEndpoint";
import { answer, type DaemonKind, FakeDaemon } from "../fakeDaemon";
import { kragle } from "../kragle";
import { sha256 } from "../sha256";

describe("the Docker daemon that is asked", () => {
  let config: string;
  const context = (name: string, host: string) => {
    const id = sha256(name);
    const folder = join(config, "contexts/meta", id);
    mkdirSync(folder, { recursive: true });
    const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host } } };
    writeFileSync(join(folder, "meta.json"), JSON.stringify(meta));
  };
  beforeEach(() => (config = mkdtempSync(join(tmpdir(), "kragle docker ü "))));
  afterEach(() => rmSync(config, { recursive: true }));
  const at = (environment: Record<string, string>) =>
    dockerEndpoint({ DOCKER_CONFIG: config, ...environment });

  it("is the one that Docker's own client asks", () => {
    context("mine", "unix:///run/user/1000/docker.sock");
    context("far", "ssh://ann@builder");
    assert.equal(at({}).address, "unix:///var/run/docker.sock");
    writeFileSync(join(config, "config.json"), JSON.stringify({ currentContext: "mine" }));
    const { address, saidBy, undo } = at({});
    assert.equal(address, "unix:///run/user/1000/docker.sock");
    assert.equal(saidBy, 'the Docker context "mine"');
    assert.equal(undo, "docker context use default");
    assert.equal(at({ DOCKER_CONTEXT: "default" }).address, "unix:///var/run/docker.sock");
    assert.equal(at({ DOCKER_HOST: "tcp://h:1", DOCKER_CONTEXT: "mine" }).address, "tcp://h:1");
    assert.throws(() => at({ DOCKER_CONTEXT: "far" }), /"far" .* another machine \(ssh:/);
    assert.throws(() => at({ DOCKER_CONTEXT: "gone" }), /has no such context/);
    for (const junk of ["junk", "tcp://", "unix://relative", "npipe:////./pipe/x", "http:/x"]) {
      assert.throws(() => at({ DOCKER_HOST: junk }), /no address of a Docker daemon/, junk);
    }
    writeFileSync(join(config, "config.json"), "{ torn");
    assert.equal(at({}).saidBy, undefined);
  });

  it("has to be the one that Pulumi's Docker provider asks", () => {
    context("mine", "unix:///run/mine.sock");
    const other = (setting: string | undefined, environment: Record<string, string> = {}) =>
      otherDaemon(setting, { DOCKER_CONFIG: config, ...environment });
    assert.equal(other(undefined), undefined);
    assert.equal(other(undefined, { DOCKER_HOST: "tcp://h:1" }), undefined);
    assert.match(other("ssh://h")!, /docker:host is ssh:\/\/h, .* export DOCKER_HOST=ssh:\/\/h/);
    assert.equal(other("tcp://h:1", { DOCKER_HOST: "tcp://h:1" }), undefined);
    assert.match(
      other(undefined, { DOCKER_CONTEXT: "mine" })!,
      /context "mine" is in use, .* export DOCKER_HOST=unix:\/\/\/run\/mine\.sock/,
    );
    // two names of one socket
    const link = join(config, "link.sock");
    const socket = join(config, "docker.sock");
    writeFileSync(socket, "");
    symlinkSync(socket, link);
    assert.equal(other(`unix://${link}`, { DOCKER_HOST: `unix://${socket}` }), undefined);
  });
});

describe("a Docker daemon that kragle cannot work with", function () {
  this.timeout(60_000);
  let home: string;
  before(() => (home = mkdtempSync(join(tmpdir(), "kragle-daemons-"))));
  after(() => rmSync(home, { recursive: true }));

  const refused: Record<Exclude<DaemonKind, "docker">, RegExp> = {
    podman: /this is Podman 4\.3\.1 \(DOCKER_HOST, unix:.*kragle needs Docker's own engine/,
    rootless: /this Docker is rootless/,
    remapped: /has the setting userns-remap/,
    other: /is no Docker daemon: it tells no version/,
  };
  for (const [kind, words] of Object.entries(refused)) {
    it(`is named by preview and by doctor: ${kind}`, async () => {
      const daemon = await new FakeDaemon(kind as DaemonKind).open();
      try {
        const environment = { DOCKER_HOST: daemon.address };
        const [preview, doctor] = await Promise.all([
          kragle(home, ["preview", "-s", "dev"], { environment }),
          kragle(home, ["doctor", "-s", "dev"], { environment }),
        ]);
        assert.equal(preview.code, 3, preview.stderr);
        assert.match(preview.stderr, words);
        assert.match(preview.stderr, /\n {2}next: /);
        assert.equal(doctor.code, 3, doctor.stdout + doctor.stderr);
        assert.match(doctor.stdout, words);
        assert.match(doctor.stdout, /cannot be built here/);
        const changed = daemon.asked.filter((request) => !request.startsWith("GET "));
        assert.deepEqual(changed, []);
      } finally {
        await daemon.close();
      }
    });
  }

  it("is no address at all", async () => {
    for (const DOCKER_HOST of ["junk", "tcp://"]) {
      const environment = { DOCKER_HOST };
      const preview = await kragle(home, ["preview", "-s", "dev"], { environment });
      assert.equal(preview.code, 3, preview.stderr);
      assert.match(preview.stderr, /^DOCKER_HOST says ".*", which is no address of a Docker/);
      const doctor = await kragle(home, ["doctor", "-s", "dev"], { environment });
      assert.equal(doctor.code, 3, doctor.stderr);
      assert.match(doctor.stdout, /missing +Docker +DOCKER_HOST says/);
    }
  });

  it("has a network of which nothing is left", async () => {
    // Docker 20.10's own words where docker0 was deleted
    const message =
      "failed to create endpoint kragle on network bridge: adding interface veth0 to bridge docker0 failed: no such network interface";
    const daemon = await new FakeDaemon("docker", (path, response) => {
      if (path === "/containers/create") answer(response, 201, { Id: "c", Warnings: [] });
      else if (path === "/containers/c/attach") {
        response.socket!.write(
          "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        );
      } else if (path === "/containers/c/start") answer(response, 500, { message });
      else return false;
      return true;
    }).open();
    try {
      const docker = new Docker({ socketPath: daemon.socket });
      const found = await networkObstacle(docker, "debian");
      assert.match(found?.obstacle ?? "", /could not start the container: .*no such network/);
      assert.match(found?.next ?? "", /network on this machine is broken: restart Docker/);
    } finally {
      await daemon.close();
    }
  });
});

describe("the image for use by hand", function () {
  this.timeout(60_000);
  const question = { reference: "debian:bookworm-slim", packer: "auto" };
  const digest = "d".repeat(64);
  const own = {
    Id: "sha256:k",
    RepoTags: ["kragle:dddddddddddd"],
    Labels: { "kragle.context": digest },
  };
  const ofAnotherCheckout = { Id: "sha256:o", RepoTags: ["kragle:latest"], Labels: null };
  const ask = async (more: (path: string, response: ServerResponse) => boolean) => {
    const home = mkdtempSync(join(tmpdir(), "kragle-hand-"));
    const daemon = await new FakeDaemon("docker", more).open();
    try {
      const environment = { DOCKER_HOST: daemon.address };
      const input = JSON.stringify(question);
      const ended = await kragle(home, ["stage", "hand-image", digest], { environment, input });
      return { ...ended, asked: daemon.asked };
    } finally {
      await daemon.close();
      rmSync(home, { recursive: true });
    }
  };

  it("fails nothing where it cannot be built", async () => {
    const { code, stdout, stderr } = await ask((path, response) => {
      // where this machine has authorities of its own, also what is made of the base for them
      if (/^\/images\/(debian:bookworm-slim|kragle-base:trusting-\w+)\/json$/.test(path)) {
        answer(response, 200, { Id: "sha256:b" });
      } else if (path === "/images/json") answer(response, 200, []);
      else if (path === "/build" || path === "/session")
        answer(response, 500, { message: "no builder today" });
      else return false;
      return true;
    });
    assert.equal(code, 0, stderr);
    assert.match((JSON.parse(stdout) as { failed: string }).failed, /no builder today/);
    assert.match(stderr, /for use by hand could not be made, and nothing needs it: .*no builder/);
  });

  it("is not built where it is made of the same", async () => {
    const { stdout, asked } = await ask((path, response) => {
      if (path === "/images/json") answer(response, 200, [own, ofAnotherCheckout]);
      return path === "/images/json";
    });
    assert.deepEqual(JSON.parse(stdout), { failed: null });
    assert.deepEqual(asked, ["GET /images/json"]);
  });

  it("gets its plain name back where no image has that", async () => {
    const { stdout, asked } = await ask((path, response) => {
      if (path === "/images/json") answer(response, 200, [own]);
      else if (path.endsWith("/tag")) answer(response, 201, {});
      else return false;
      return true;
    });
    assert.deepEqual(JSON.parse(stdout), { failed: null });
    assert.deepEqual(asked, ["GET /images/json", "POST /images/sha256:k/tag"]);
  });
});

describe("doctor for settings that are wrong", function () {
  this.timeout(60_000);
  it("shows the table all the same, and ends as up would", async () => {
    const home = mkdtempSync(join(tmpdir(), "kragle-doctor-"));
    try {
      const { code, stdout, stderr } = await kragle(home, ["doctor", "-s", "rhel7"]);
      assert.equal(code, 2, stderr);
      assert.match(stdout, /missing +Settings +kragle:isoSha256: is missing; rhel7 is installed/);
      assert.match(stdout, /ok +Node /);
      assert.match(stdout, /missing +Docker /);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
