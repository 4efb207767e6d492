import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programsFolder } from "../../host/project";

interface Provisioner {
  readonly type: string;
  readonly script?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly timeout?: string;
  readonly execute_command?: string | readonly string[];
}

const SECRET = "tok'en $x";

/** A step as the stage tells it. */
const step = (kind: string, more: object = {}) => ({
  ...{ kind, name: `50-1-${kind}`, title: kind, timeout: 90, variables: {}, secrets: [] },
  ...more,
});

describe("a step's provisioners", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle-steps-"));
    for (const name of ["scripts", "private"]) mkdirSync(join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What the program in the container makes of a step; `bin` has programs that it finds. */
  function provisioners(told: object, bin = ""): Provisioner[] {
    const code = `
import json, sys
sys.path[:0] = [${["common", "image"].map((name) => JSON.stringify(join(programsFolder, name))).join(", ")}]
import packer_template, stage, steps
steps.SCRIPTS = ${JSON.stringify(join(folder, "scripts"))}
steps.PROGRAMS = ${JSON.stringify(join(programsFolder, "image"))}
packer_template.GUEST = "guest.sh"
made = steps.Steps({"http_proxy": "p"}, {"TOKEN": ${JSON.stringify(SECRET)}}, "MARK", ${JSON.stringify(join(folder, "private"))}, {"ssh": 180, "shutdown": 120})
try:
    print(json.dumps(made.provisioners(json.loads(sys.argv[1]))))
except stage.Failure as failure:
    sys.exit(str(failure))`;
    const done = spawnSync("python3", ["-B", "-c", code, JSON.stringify(told)], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    });
    if (done.status !== 0) throw new Error(done.stderr.trim());
    return JSON.parse(done.stdout) as Provisioner[];
  }

  /** The lines of shell that the guest gets with a script, which its command has in base64. */
  function given({ execute_command: command }: Provisioner): string[] {
    const [, encoded = ""] = / \{\{\.Path\}\} ?(\S*)$/.exec(command as string) ?? [];
    return Buffer.from(encoded, "base64").toString().split("\n");
  }

  it("run a plain script as ever, with nothing given", () => {
    writeFileSync(join(folder, "scripts/50-1-script"), "#!/bin/sh\n");
    assert.deepEqual(provisioners(step("script", { args: [] })), [
      {
        ...{ type: "shell", script: join(folder, "scripts/50-1-script"), binary: true },
        remote_folder: "/run/kragle",
        execute_command: "env {{.Vars}} sh /run/kragle/guest.sh run 50-1-script MARK {{.Path}}",
        ...{ environment_vars: ["http_proxy=p"], timeout: "90s" },
      },
    ]);
  });

  it("hand variables and arguments over in lines that no template and no shell takes apart", () => {
    writeFileSync(join(folder, "scripts/50-1-script"), "#!/bin/sh\n");
    const told = step("script", { args: ["a b", "{{user `x`}}"], variables: { A: "x'y\nz" } });
    const [script] = provisioners(told);
    assert.doesNotMatch(JSON.stringify(script), /user `x`/);
    const shell = `set -- script\n${given(script!).join("\n")}\nprintf '%s|' "$A" "$@"`;
    const { stdout } = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
    assert.equal(stdout, "x'y\nz|script|a b|{{user `x`}}|");
  });

  it("bring secrets into the guest's memory by a private file, and only those that the step names", () => {
    const made = provisioners(step("run", { run: "true", secrets: ["TOKEN"] }));
    assert.deepEqual(
      made.map(({ type }) => type),
      ["file", "shell"],
    );
    assert.equal(made[0]!.destination, "/run/kragle.secrets");
    assert.doesNotMatch(JSON.stringify(made), /tok'en/);
    assert.doesNotMatch(given(made[1]!).join(), /tok'en/);
    const { mode } = statSync(made[0]!.source!);
    assert.equal(mode & 0o777, 0o600);
    const shell = `. "$0"; printf %s "$TOKEN"`;
    const { stdout } = spawnSync("sh", ["-c", shell, made[0]!.source!], { encoding: "utf8" });
    assert.equal(stdout, SECRET);
    assert.deepEqual(given(made[1]!), [". /run/kragle.secrets; rm -f /run/kragle.secrets"]);
    assert.equal(provisioners(step("run", { run: "true", name: "50-2-run" })).length, 1);
  });

  it("run lines by sh, which ends at the first that fails, or by what their first line names", () => {
    const text = (run: string, name: string) =>
      readFileSync(provisioners(step("run", { run, name }))[0]!.script!, "utf8");
    assert.equal(text("false\ntrue\n", "50-1-run"), "#!/bin/sh -e\nfalse\ntrue\n\n");
    assert.equal(text("#!/bin/bash\ntrue", "50-2-run"), "#!/bin/bash\ntrue\n");
  });

  it("of files tell where each archive lies, and have the folders behind the program", () => {
    const folders = [{ mode: "0750", owner: "app", path: "/srv/a b" }];
    const copies = [
      { offset: 0, owner: "app" },
      { offset: 7, owner: "root:root" },
    ];
    const [script] = provisioners(step("files", { copies, folders }));
    assert.deepEqual(given(script!), [`set -- "$@" 0 app 7 root:root`]);
    const text = readFileSync(script!.script!, "utf8");
    assert.ok(text.endsWith("\nexit\n0750 app /srv/a b\n"), text.slice(-60));
  });

  it("hand Ansible secrets that are no templates of its own", () => {
    mkdirSync(join(folder, "scripts/50-1-ansible"));
    writeFileSync(join(folder, "scripts/50-1-ansible/site.yml"), "- hosts: web\n");
    writeFileSync(join(folder, "ansible-playbook"), "#!/bin/sh\n", { mode: 0o755 });
    const told = step("ansible", {
      ...{ playbook: "site.yml", variables: { SITE: "{{ inventory_hostname }}" } },
      secrets: ["TOKEN"],
    });
    provisioners(told, folder);
    const file = join(folder, "private/50-1-ansible.variables");
    assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
      SITE: "{{ inventory_hostname }}",
      TOKEN: { __ansible_unsafe: SECRET },
    });
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it("of a reboot hold the guest before it is started again", () => {
    const told = provisioners(step("reboot"));
    assert.deepEqual(
      told.map(({ type, execute_command: command }) => [type, [command].flat().at(-5)]),
      [
        ["shell-local", "allow"],
        ["shell", undefined],
        ["shell-local", "wait"],
        ["shell", undefined],
      ],
    );
  });

  it("are refused for a kind that there is not", () => {
    assert.throws(() => provisioners(step("dance")), /the step "dance" is of a kind that cannot/);
    assert.throws(() => provisioners(step("script", { args: [] })), /"script" cannot be read/);
  });
});
