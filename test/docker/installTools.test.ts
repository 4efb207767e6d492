import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { builderFolder } from "../../host/project";
import { toolsImage } from "./toolsImage";

describe("the script that installs the builder's tools", function () {
  this.timeout(120_000);
  let image: string;
  before(async function () {
    image = await toolsImage(this);
  });

  /**
   * Runs it with this package source, in a container without network, in which nobody is trusted as in Debian's own image. Between its
   * tries apt does not wait, which would take half a minute.
   */
  function install(source: string) {
    const script = `rm -rf /etc/ssl/certs; sh /install-tools.sh; code=$?; cat /tmp/host-apt.conf; exit $code`;
    const encoded = Buffer.from(`${source}\n`).toString("base64");
    const conf = Buffer.from('Acquire::Retries::Delay "false";\n').toString("base64");
    const done = spawnSync(
      "docker",
      [
        ...["run", "--rm", "--network", "none", "--entrypoint", "sh"],
        ...["--env", `APT_SOURCES_B64=${encoded}`, "--env", `APT_CONF_B64=${conf}`],
        ...["--volume", `${join(builderFolder, "install-tools.sh")}:/install-tools.sh:ro`],
        ...[image, "-c", script],
      ],
      { encoding: "utf8" },
    );
    return { code: done.status, said: done.stdout + done.stderr };
  }

  it("ends with the cause where a package list cannot be fetched", () => {
    const { code, said } = install("deb http://127.0.0.1:9/debian bookworm main");
    assert.equal(code, 100, said);
    assert.match(said, /E: Failed to fetch http:\/\/127\.0\.0\.1:9\/.*Connection refused/);
    assert.doesNotMatch(said, /Unable to locate package|Verify-Peer/);
  });

  it("takes packages by https, which it verifies by signatures, where the image has no certificates", () => {
    const { said } = install("deb https://127.0.0.1:9/debian bookworm main");
    assert.match(said, /Acquire::https::Verify-Peer "false"/);
  });

  it("but gives no password to a server that it does not know", () => {
    const { code, said } = install("deb https://me:secret@127.0.0.1:9/debian bookworm main");
    assert.equal(code, 1, said);
    assert.match(said, /set baseImage to one that has the package ca-certificates/);
    assert.doesNotMatch(said, /Failed to fetch|secret/);
  });
});
