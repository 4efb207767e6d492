import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";

import { Copy, project } from "./setupCopy";

describe("set-up's first part", () => {
  let copy: Copy;
  beforeEach(() => (copy = new Copy()));
  afterEach(() => rmSync(copy.outer, { recursive: true }));

  const NPM_MAKES_MODULES = `
    echo "npm $* in $PWD" >> "${"$LOG"}"
    mkdir -p node_modules/.bin
    echo '{}' > node_modules/.package-lock.json`;

  /** An npm that notes its call, and links what the loader needs. */
  const withNpm = (extra = "") => {
    const log = join(copy.outer, "npm.log");
    const links = ["esbuild", "@esbuild"]
      .map(
        (name) =>
          `[ -e node_modules/${name} ] || ln -s ${project}/node_modules/${name} node_modules/${name}`,
      )
      .join("\n");
    copy.program("npm", `LOG=${log}${NPM_MAKES_MODULES}\n${links}\n${extra}`);
    symlinkSync("/bin/ln", join(copy.programs, "ln"));
    return () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
  };

  it("does nothing where nothing is lacking", () => {
    copy.withNode().withDependencies();
    const calls = withNpm();
    const { status, stdout } = copy.run(["setup", "--yes"]);
    assert.equal(status, 0);
    assert.equal(stdout, "docker part --yes\n");
    assert.deepEqual(calls(), []);
  });

  it("installs the dependencies where there are none, or other ones are asked for, without their scripts", () => {
    copy.withNode();
    const calls = withNpm();
    assert.match(
      copy.run(["setup"]).stdout,
      /» install the Node dependencies[^]*docker part --did-something\n$/,
    );
    const lock = join(copy.root, "package-lock.json");
    utimesSync(lock, new Date(), new Date(Date.now() + 5000));
    copy.run(["setup"]);
    assert.equal(calls().length, 2);
    assert.match(calls()[0]!, /^npm ci --ignore-scripts .* in .*my copy ü$/);
  });

  it("gets a Node from npm where the machine's is too old", () => {
    copy.program("node", 'echo "v20.20.2"');
    const node = process.execPath;
    const calls = withNpm(`[ "\${PWD##*/}" = node ] && ln -s ${node} node_modules/.bin/node; true`);
    const { status, stdout, stderr } = copy.run(["setup"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /the machine's: v20\.20\.2/);
    assert.deepEqual(
      calls().map((call) => call.replace(/.* in .*my copy ü/, "")),
      ["/.kragle/node", ""],
    );
  });

  it("ends with exit code 3 and npm's own words where npm fails or is not there", () => {
    copy.withNode();
    assert.match(
      copy.run(["setup"]).stderr,
      /npm is not installed\n {2}next: .*apt-get install nodejs npm/,
    );
    copy.program("npm", "echo 'npm error network' >&2; exit 7");
    const { status, stderr } = copy.run(["setup"]);
    assert.equal(status, 3);
    assert.match(
      stderr,
      /npm error network\nset-up: npm ci failed with exit code 7 .*\n {2}next: /,
    );
  });

  it("refuses arguments that it does not know, and explains itself", () => {
    const { status, stderr } = copy.run(["setup", "--force"]);
    assert.equal(status, 2);
    assert.match(stderr, /"--force" .* allowed are --yes, --json, --help/);
    assert.match(copy.run(["setup", "--help"]).stdout, /^Usage: \.\/kragle setup/);
  });
});
