import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { trustingBase } from "../../executors/trustingBase";
import { hostTrust } from "../../host/certificates";
import { docker } from "../site";
import { toolsImage } from "./toolsImage";

/** A company's own authority, and a mirror that it certifies. */
describe("the base of the builder image, where only the host knows whose a mirror is", function () {
  this.timeout(180_000);
  let base: string;
  let folder: string;
  let mirror: Server;
  let image: string | undefined;
  before(async function () {
    base = await toolsImage(this);
    folder = mkdtempSync(join(tmpdir(), "kragle authority "));
    const ssl = (...args: string[]) =>
      execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    ssl(
      "req",
      "-x509",
      ...key,
      "-subj",
      "/CN=Acme",
      "-days",
      "2",
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
    );
    ssl("req", ...key, "-subj", "/CN=localhost", "-keyout", "key", "-out", "request");
    writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost");
    ssl(
      ...["x509", "-req", "-in", "request", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-days", "2", "-extfile", "names", "-out", "crt"],
    );
    const [own, certificate] = ["key", "crt"].map((name) => readFileSync(join(folder, name)));
    mirror = createServer({ key: own, cert: certificate }, (request, response) => {
      response.writeHead(request.url?.endsWith("/Packages") ? 200 : 404).end();
    });
    await once(mirror.listen(0, "127.0.0.1"), "listening");
  });
  after(async () => {
    if (image) await docker.getImage(image).remove();
    mirror?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  /** What the host would hand over whose bundle has this authority. */
  function trust(): ReadonlyMap<string, Buffer> {
    const root = join(folder, "host");
    for (const path of ["etc/ssl/certs", "usr/local/share/ca-certificates/acme"]) {
      mkdirSync(join(root, path), { recursive: true });
    }
    const ca = readFileSync(join(folder, "ca.crt"));
    writeFileSync(join(root, "etc/ssl/certs/ca-certificates.crt"), ca);
    writeFileSync(join(root, "usr/local/share/ca-certificates/acme/root.crt"), ca);
    writeFileSync(join(root, "usr/local/share/ca-certificates/README"), "no certificate");
    return hostTrust(root);
  }

  async function update(of: string, before = "true") {
    const { port } = mirror.address() as AddressInfo;
    const script = `${before} && echo 'deb [trusted=yes] https://localhost:${port}/ ./' >/tmp/a.list &&
      apt-get -o Dir::Etc::SourceList=/tmp/a.list -o Dir::Etc::SourceParts=/dev/null -o APT::Update::Error-Mode=any update`;
    const args = ["run", "--rm", "--network", "host", "--entrypoint", "sh", of, "-c", script];
    // not synchronously: the mirror is this process
    return promisify(execFile)("docker", args).then(
      ({ stdout, stderr }) => ({ passed: true, said: stdout + stderr }),
      ({ stdout, stderr }: { stdout: string; stderr: string }) => ({
        ...{ passed: false, said: stdout + stderr },
      }),
    );
  }

  it("trusts the host's bundle, and its own authorities also when the package is installed that makes one", async () => {
    const files = trust();
    assert.deepEqual(
      [...files.keys()],
      ["etc/ssl/certs/ca-certificates.crt", "usr/local/share/ca-certificates/host-1-root.crt"],
    );
    const refused = await update(base);
    assert.equal(refused.passed, false);
    assert.match(refused.said, /[Cc]ertificate verification failed/);
    image = await trustingBase(docker, base, files);
    for (const before of ["true", "update-ca-certificates"]) {
      const { passed, said } = await update(image, before);
      assert.ok(passed, said);
    }
    const modes = spawnSync("docker", [
      ...["run", "--rm", "--network", "none", "--entrypoint", "stat", image],
      ...["-c", "%a %u:%g %n", "/", "/etc", "/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt"],
    ]);
    assert.match(modes.stdout.toString(), /^(755 0:0 .*\n){3}644 0:0 .*\n$/);
  });

  it("is made once", async () => {
    const { Id } = await docker.getImage(image!).inspect();
    assert.equal(await trustingBase(docker, base, trust()), image);
    assert.equal((await docker.getImage(image!).inspect()).Id, Id);
  });
});
