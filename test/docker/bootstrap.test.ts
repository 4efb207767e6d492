import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { bootstrapImage } from "../../executors/bootstrapDebian";
import { isFullTier } from "../fullTier";
import { docker } from "../site";
import { StageFailure } from "../../host/failure";
import { hostAptConfiguration } from "../../host/packageMirror";
import { projectFolder } from "../../host/project";
import { firstOnPath, restorePath } from "../firstOnPath";

const IMAGE = `kragle-base-test:p${process.pid}`;

describe("a bootstrapped base image", function () {
  this.timeout(isFullTier ? 300_000 : 20_000);
  let outer: string;
  let folder: string;
  const lines: string[] = [];
  beforeEach(() => {
    outer = mkdtempSync(join(tmpdir(), "kragle bootstrap ü "));
    folder = join(outer, "base-image");
    lines.length = 0;
  });
  afterEach(() => {
    restorePath();
    rmSync(outer, { recursive: true });
  });
  after(() =>
    docker
      .getImage(IMAGE)
      .remove({ force: true })
      .catch(() => undefined),
  );

  const bootstrap = () =>
    bootstrapImage({
      docker,
      release: "bookworm",
      image: IMAGE,
      folder,
      print: (line) => lines.push(line),
    });

  /** A program that comes first on PATH; `$out` is the file that mmdebstrap would write. */
  const fake = (script: string) => {
    const find = "for word; do case $word in */root.tar) out=$word ;; esac; done";
    firstOnPath(outer, "mmdebstrap", `[ "$1" = --version ] && exit\n${find}\n${script}`);
  };

  it("is made from the host's mirror and handed to Docker", async () => {
    fake(
      `cat > "${outer}/sources"; echo "I: at work" >&2; echo chatter; head -c 1024 /dev/zero > "$out"`,
    );
    await bootstrap();
    assert.equal(
      readFileSync(join(outer, "sources"), "utf8"),
      hostAptConfiguration("bookworm").sources,
    );
    assert.deepEqual(lines, ["I: at work", "import it into Docker"]);
    await docker.getImage(IMAGE).inspect();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("fails with mmdebstrap's own words, and leaves nothing behind", async () => {
    fake('echo half > "$out"; echo "E: no mirror" >&2; exit 25');
    await assert.rejects(bootstrap(), (error: unknown) => {
      assert.ok(error instanceof StageFailure);
      assert.match(error.message, /exit code 25\nE: no mirror$/);
      assert.equal(error.details.exitCode, 3);
      return true;
    });
    assert.deepEqual(readdirSync(folder), []);
  });

  it("says what to do where there is no mmdebstrap", async () => {
    process.env.PATH = outer;
    await assert.rejects(bootstrap(), (error: unknown) => {
      assert.ok(error instanceof StageFailure);
      assert.match(error.message, /mmdebstrap.* is not installed/);
      assert.match(error.details.hint!, /kragle setup/);
      return true;
    });
  });

  it("ends with the process that wanted it, even when that is killed", async () => {
    fake(`echo $$ > "${outer}/pid"; exec sleep 60`);
    const script = join(outer, "run.ts");
    writeFileSync(
      script,
      `import { bootstrapImage } from ${JSON.stringify(join(projectFolder, "executors/bootstrapDebian"))};
       import { thisSite } from ${JSON.stringify(join(projectFolder, "executors/site"))};
       const { docker } = thisSite();
       void bootstrapImage({ docker, release: "bookworm", image: "x:y", folder: ${JSON.stringify(folder)}, print() {} });`,
    );
    const child = spawn(process.execPath, ["--import", "tsx", script], { cwd: projectFolder });
    const pidFile = join(outer, "pid");
    while (!existsSync(pidFile) || !readFileSync(pidFile, "utf8")) await sleep(50);
    const pid = Number(readFileSync(pidFile, "utf8"));
    child.kill("SIGKILL");
    await once(child, "close");
    await sleep(300);
    // gone, or waiting for the system's first process to take note of it
    const status = `/proc/${pid}/status`;
    assert.ok(!existsSync(status) || /^State:\s+Z/m.test(readFileSync(status, "utf8")));
  });

  it("is a Debian that can install packages", async function () {
    if (!isFullTier) this.skip();
    await bootstrap();
    const [{ StatusCode }] = (await docker.run(
      IMAGE,
      [
        "sh",
        "-c",
        ". /etc/os-release && [ $VERSION_CODENAME = bookworm ] && apt-get -qq update && ls /etc/ssl/certs/ca-certificates.crt",
      ],
      process.stderr,
      { HostConfig: { AutoRemove: true } },
    )) as [{ StatusCode: number }];
    assert.equal(StatusCode, 0);
  });
});
