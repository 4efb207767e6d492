import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { packerParts } from "./packerParts";
import { programs } from "./programs";
import { toolsImage } from "./toolsImage";
import { sha256 } from "../sha256";

const project = resolve(__dirname, "../..");
const ISO = "rhel-server-7.1-x86_64-dvd.iso";
const INSTALLED = `printf 'kragle: the installation is complete\\n' >>"$serial"`;
/** The installation works, the machine of the image does not come up. */
const NO_SECOND_BOOT = `case "$*" in *-kernel*) ${INSTALLED} ;; *) echo "no second boot" >&2; exit 3 ;; esac`;

describe("the image by hand, by the original's command line", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  let name: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle hand ü "));
    name = `kragle-hand-${process.pid}-${Date.now()}`;
    const kragle = join(folder, "kragle");
    for (const part of ["templates", "provision"]) {
      cpSync(join(project, "builder", part), join(kragle, part), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
    // as the Dockerfile has them
    for (const [path, name] of packerParts) symlinkSync(path, join(kragle, `${name}.json`));
    mkdirSync(join(folder, "path/os"), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const start = (args: readonly string[], qemu = "", options: readonly string[] = []) => {
    writeFileSync(join(folder, "qemu"), qemu);
    const bind = (source: string, target: string) => ["-v", `${source}:${target}`];
    return spawn("docker", [
      ...["run", "--rm", "--name", name, "-e", "HOME=/", "-e", "FAKE=/fake"],
      ...bind(programs(), "/usr/local/lib/kragle:ro"),
      ...bind(
        join(project, "builder/docker-entrypoint.py"),
        "/usr/local/bin/docker-entrypoint.py:ro",
      ),
      ...bind(join(__dirname, "fakeQemu.sh"), "/usr/local/sbin/qemu-system-x86_64:ro"),
      ...bind(join(folder, "qemu"), "/fake:ro"),
      ...bind(join(folder, "kragle"), "/opt/kragle:ro"),
      ...bind(join(folder, "path"), "/build"),
      ...options,
      ...["--entrypoint", "python3", image, "/usr/local/bin/docker-entrypoint.py", ...args],
    ]);
  };

  async function finish(child: ReturnType<typeof start>) {
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (more: string) => (text += more));
    }
    const [code] = (await once(child, "close")) as [number | null];
    return { code, text };
  }
  const run = (...args: Parameters<typeof start>) => finish(start(...args));
  // no guest, no screen for Packer to connect to
  const build = (template: string, qemu = "", options: readonly string[] = []) =>
    run(
      [
        "--username",
        "U",
        "--password",
        "P",
        "--packer",
        `build -var disable_vnc=true /opt/kragle/${template}.json`,
      ],
      qemu,
      options,
    );

  /** A volume with files where the DVD has its installer's. */
  async function makeIso(label = "RHEL-7.1 Server.x86_64") {
    const make =
      "mkdir -p /tmp/dvd/isolinux && cd /tmp/dvd && touch isolinux/vmlinuz isolinux/initrd.img";
    const pack = `xorriso -as mkisofs -quiet -V "${label}" -R -o /build/os/${ISO} .`;
    const child = spawn("docker", [
      ...["run", "--rm", "-v", `${join(folder, "path")}:/build`, "--entrypoint", "sh"],
      ...[image, "-c", `${make} && ${pack} 2>/dev/null`],
    ]);
    assert.equal((await finish(child)).code, 0);
    return join(folder, "path/os", ISO);
  }
  const earlierImage = () => {
    mkdirSync(join(folder, "path/output"));
    const file = join(folder, "path/output/packer-kragle-qcow2");
    writeFileSync(file, "an earlier image");
    return file;
  };
  const privateFolders = () =>
    readdirSync(join(folder, "path")).filter((entry) => entry.startsWith(".kragle-"));

  it("passes other commands on to Packer, with its exit code", async () => {
    const version = await run(["--packer", "version"]);
    assert.equal(version.code, 0, version.text);
    assert.match(version.text, /Packer v/);
    const unknown = await run(["--packer", "no-such-command"]);
    assert.equal(unknown.code, 127, unknown.text);
  });

  for (const [, template] of packerParts) {
    it(`finds the template ${template} valid`, async () => {
      const { code, text } = await run(["--packer", `validate /opt/kragle/${template}.json`]);
      assert.equal(code, 0, text);
    });
  }

  it("explains itself, and says what is wrong with a command", async () => {
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    assert.match(help.text, /--username.*\n[^]*--packer COMMAND/);
    assert.equal((await run([])).code, 2);
    const quote = await run(["--packer", `build "x`]);
    assert.equal(quote.code, 1);
    assert.match(quote.text, /^kragle: --packer .* cannot be read: .*\n$/);
  });

  it("says in one line which ISO is missing, and which other is there", async () => {
    writeFileSync(join(folder, "path/os/other.iso"), "");
    const { code, text } = await build("rhel7");
    assert.equal(code, 1);
    assert.match(
      text,
      /\nkragle: PATH\/os\/rhel-server-7\.1-x86_64-dvd\.iso is missing: .*; there is other\.iso\n$/,
    );
    const centos = await build("centos7");
    assert.match(centos.text, /PATH\/os\/CentOS-7-x86_64-DVD-2009\.iso is missing/);
  });

  it("says in one line that KVM is absent or false, and that PATH cannot be written", async () => {
    const absent = await build("rhel7");
    assert.match(
      absent.text,
      /^kragle: building without KVM, .* was not given to the container\)\n/,
    );
    mkdirSync(join(folder, "no-device"));
    const options = ["-v", `${join(folder, "no-device")}:/dev/kvm`];
    assert.match((await build("rhel7", "", options)).text, /\/dev\/kvm is no device/);
    const user = await build("rhel7", "", ["--user", "12345:12345"]);
    assert.equal(user.code, 1);
    assert.match(
      user.text,
      /^kragle: uid 12345 may not write to the folder mounted at \/build.*\n$/,
    );
  });

  it("refuses an ISO that is none, and one that its checksum does not fit", async () => {
    const file = join(folder, "path/os", ISO);
    writeFileSync(file, "x");
    assert.match((await build("rhel7")).text, /is no ISO 9660 image/);
    writeFileSync(`${file}.sha256`, `${"0".repeat(64)}  ${ISO}\n`);
    const { code, text } = await build("rhel7");
    assert.equal(code, 1);
    const digest = sha256("x");
    assert.match(
      text,
      new RegExp(`\\(1 bytes\\) has the SHA-256 ${digest}, but .*\\.sha256 says 0{64}`),
    );
    writeFileSync(`${file}.sha256`, "nothing");
    assert.match((await build("rhel7")).text, /\.sha256 holds no SHA-256/);
  });

  it("installs first, and leaves the earlier image whole when the build fails afterwards", async () => {
    const file = await makeIso();
    const earlier = earlierImage();
    const unverified = await build("rhel7", NO_SECOND_BOOT);
    const digest = sha256(readFileSync(file));
    assert.match(unverified.text, new RegExp(`warning: .* its SHA-256 is ${digest}`));
    assert.match(unverified.text, /port 5900 shows the guest's screen; look whenever you like/);
    assert.match(unverified.text, /kragle: building the image: /);
    assert.match(
      unverified.text,
      /QEMU ended with exit code 3; its own words:\n {2}no second boot/,
    );
    assert.equal(unverified.code, 1);
    writeFileSync(`${file}.sha256`, digest.toUpperCase());
    const verified = await build("rhel7", NO_SECOND_BOOT);
    assert.doesNotMatch(verified.text, /warning: nothing says/);
    assert.equal(readFileSync(earlier, "utf8"), "an earlier image");
    assert.deepEqual(privateFolders(), []);
  });

  it("fails when the installer does not come to its end, whatever QEMU says", async () => {
    await makeIso();
    const { code, text } = await build(
      "rhel7",
      `printf 'Installing bash (7/300)\\r\\n' >>"$serial"`,
    );
    assert.equal(code, 1);
    assert.match(text, /kragle: the installer did not come to its end/);
    assert.doesNotMatch(text, /building the image/);
    assert.ok(existsSync(join(folder, "path/logs/install-serial.log")));
  });

  it("gives the user's -var to both builds", async () => {
    await makeIso();
    const { text } = await run(
      [
        "--packer",
        "build -var disable_vnc=true -var disk_bytes=6442450944 -var=memory=777 /opt/kragle/rhel7.json",
      ],
      `printf '%s\\n' "$@" >>/build/arguments; qemu-img info "$(ls -d /build/.kragle-*/install/*)" >>/build/arguments; ${NO_SECOND_BOOT}`,
    );
    const seen = readFileSync(join(folder, "path/arguments"), "utf8");
    assert.match(seen, /virtual size: 6 GiB/, text);
    assert.match(seen, /^777M$/m);
  });

  it("leaves the earlier image whole, and nothing else, when it is interrupted", async () => {
    await makeIso();
    const earlier = earlierImage();
    const child = start(["--packer", "build /opt/kragle/rhel7.json"], "exec sleep 100");
    const ended = finish(child);
    const file = join(folder, "path/logs/qemu.log");
    for (let waited = 0; !existsSync(file) && waited < 60_000; waited += 200) await sleep(200);
    spawn("docker", ["kill", "--signal", "TERM", name], { stdio: "ignore" });
    const { code, text } = await ended;
    assert.notEqual(code, 0, text);
    assert.equal(readFileSync(earlier, "utf8"), "an earlier image");
    assert.deepEqual(privateFolders(), []);
  });
});
