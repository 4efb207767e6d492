import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stackNames } from "../../host/project";
import { projectFolder } from "../../host/project";
import { kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";

describe("completion in a shell", function () {
  this.timeout(60_000);
  const scripts: Record<string, string> = {};
  before(async () => {
    const at = new TemporaryStore();
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout, stderr } = await kragle(at.home, ["completion", shell]);
      assert.deepEqual([code, stderr], [0, ""]);
      scripts[shell] = stdout;
    }
    at.remove();
  });
  const isInstalled = (shell: string) => !spawnSync(shell, ["-c", "true"]).error;

  const offered: [string, string][] = [
    ["u", "up"],
    ["up -s ", stackNames().join(" ")],
    ["up --rebuild im", "image"],
    ["up --engine ", "pulumi embedded"],
    ["up --re", "--rebuild"],
    ["up ", "--stack --json --engine --rebuild --keep --help"],
    ["completion ba", "bash"],
    ["verify READ", "README.md"],
    ["boot READ", "README.md"],
    ["debug READ", ""],
    ["verify --allowed-signers package-l", "package-lock.json"],
    ["write --verify ", "quick full"],
  ];
  for (const [line, words] of offered) {
    it(`bash, "kragle ${line}": ${words}`, () => {
      const call = `COMP_WORDS=(./kragle "$@"); COMP_CWORD=$#; _kragle; echo "\${COMPREPLY[*]}"`;
      const said = execFileSync(
        "bash",
        ["-c", `${scripts.bash}\n${call}`, "bash", ...line.split(" ")],
        { cwd: projectFolder, encoding: "utf8" },
      );
      assert.equal(said, `${words}\n`);
    });
  }

  it("bash runs nothing that stands in the name of a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "kragle stacks "));
    for (const name of ["$(touch${IFS}ran)", "`touch${IFS}ran`", "prod"]) {
      writeFileSync(join(folder, `Pulumi.${name}.yaml`), "");
    }
    const call = `COMP_WORDS=(./kragle up -s ""); COMP_CWORD=3; _kragle; echo "\${COMPREPLY[*]}"`;
    const said = execFileSync("bash", ["-c", `${scripts.bash}\n${call}`], {
      ...{ cwd: folder, encoding: "utf8" },
    });
    assert.equal(said, "prod\n");
    assert.ok(!existsSync(join(folder, "ran")));
    rmSync(folder, { recursive: true });
  });

  it("zsh takes the same function", function () {
    if (!isInstalled("zsh")) this.skip();
    const said = execFileSync("zsh", ["-fc", `${scripts.zsh}\necho "$_comps[kragle]"`], {
      encoding: "utf8",
    });
    assert.equal(said, "_bash_complete -F _kragle\n");
  });

  it("fish knows verbs, stacks and choices", function () {
    if (!isInstalled("fish")) this.skip();
    const complete = (line: string) =>
      execFileSync("fish", ["--no-config", "-c", `${scripts.fish}\ncomplete -C '${line}'`], {
        ...{ cwd: projectFolder, encoding: "utf8" },
      })
        .trim()
        .split("\n")
        .map((found) => found.split("\t")[0]);
    assert.deepEqual(complete("./kragle ou"), ["outputs"]);
    assert.deepEqual(complete("./kragle up -s "), stackNames());
    assert.deepEqual(complete("./kragle up --re"), ["--rebuild"]);
    assert.deepEqual(complete("./kragle write --verify q"), ["quick"]);
    assert.deepEqual(complete("./kragle verify READ"), ["README.md"]);
  });
});
