import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describeStep, stepRequests } from "../../preview/steps";
import { maskedSettings } from "../../settings/maskedSettings";
import { stepSecrets } from "../../settings/secrets";
import { parseSettings, SettingsError } from "../../settings/stack";
import { type ProvisionStep, stepTitle } from "../../plan/steps";
import { scriptStep } from "../samples";
import { sha256 } from "../sha256";

/** What is common to steps that say nothing of it. */
const REST = { name: null, timeout: null, always: false, refreshAfter: null } as const;

describe("the steps of an image", () => {
  let folder: string;
  const write = (name: string, text = "#!/bin/sh\n") => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle steps "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const problems = (...provision: unknown[]): string[] => {
    try {
      parseSettings({ provision }, "dev");
    } catch (error) {
      assert.ok(error instanceof SettingsError, String((error as Error).stack));
      return error.problems.map((text) =>
        text.replaceAll(`${folder}/`, "").replace(/^kragle:provision/, ""),
      );
    }
    return [];
  };
  const parse = (...provision: unknown[]) => parseSettings({ provision }, "dev").provision;

  it("are scripts where nothing but a path is written, or the path with a name", () => {
    const [script, named] = [write("app.sh"), { script: write("b.sh"), name: "the app" }];
    assert.deepEqual(parse(script, named), [
      scriptStep(script),
      { ...scriptStep(named.script), name: "the app" },
    ]);
  });

  it("have one kind each, and no option that it does not know", () => {
    const script = write("app.sh");
    const kinds =
      "one of {script: …}, {run: …}, {packages: …}, {files: …}, {ansible: …}, {reboot: …}";
    assert.deepEqual(
      problems({ script, packages: ["nginx"] }, {}, { pakages: [] }, 5, null, [script], {
        script,
        arg: [],
      }),
      [
        "[0]: step 1: has several kinds, script and packages; write a step for each",
        `[1]: step 2: has no kind; write ${kinds}`,
        "[2]: step 3: has no kind; did you mean packages",
        `[3]: step 4: 5 is no step; write the path of a script, or ${kinds}`,
        `[4]: step 5: null is no step; write the path of a script, or ${kinds}`,
        `[5]: step 6: ["app.sh"] is no step; write the path of a script, or ${kinds}`,
        "[6]: step 7: arg is no option of a step of kind script; allowed are script, args, variables, secrets, name, timeout, always, refreshAfter",
      ],
    );
  });

  it("are called by their names, else by what they do", () => {
    const titles = (...steps: object[]) =>
      steps.map((step) => stepTitle({ ...REST, ...step } as ProvisionStep));
    const environment = { variables: {}, secrets: [] };
    assert.deepEqual(
      titles(
        { kind: "script", script: "web/app.sh", args: [], ...environment },
        { kind: "run", run: "\nset -e\nfalse\n", ...environment },
        { kind: "packages", packages: ["nginx", "curl=7.88.1-10"] },
        { kind: "packages", packages: Array.from({ length: 40 }, (_, index) => `p${index}`) },
        { kind: "files", files: [{ from: "x", to: "/etc/x", mode: null, owner: "root" }] },
        { kind: "ansible", playbook: "site.yml", folder: "ansible", ...environment },
        { kind: "reboot" },
        { kind: "reboot", name: "into the new kernel" },
      ),
      [
        ...["web/app.sh", "run: set -e", "packages nginx, curl=7.88.1-10"],
        "packages p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, …",
        ...["files /etc/x", "ansible site.yml", "reboot", "into the new kernel"],
      ],
    );
  });

  it("are inputs by what their files hold: links, modes and empty folders among it", () => {
    mkdirSync(join(folder, "tree/empty"), { recursive: true });
    chmodSync(write("tree/run.sh", "#!/bin/sh\n"), 0o755);
    write("tree/ö", "");
    symlinkSync("../nowhere", join(folder, "tree/link"));
    const copy = { to: "/srv", mode: null, owner: "root:root" };
    const from = (name: string) => ({ ...copy, from: join(folder, name) });
    const files = [from("tree"), from("tree/run.sh")];
    assert.deepEqual(describeStep({ ...REST, kind: "files", files }), {
      kind: "files",
      files: [
        {
          content: {
            ...{ ".": "folder", empty: "folder", link: "-> ../nowhere" },
            "run.sh": `${sha256("#!/bin/sh\n")}+x`,
            ö: sha256(""),
          },
          ...copy,
        },
        { content: { ".": `${sha256("#!/bin/sh\n")}+x` }, ...copy },
      ],
    });
  });

  it("are told to the stage with where their files lie, and how long each may take", () => {
    const steps: ProvisionStep[] = [
      { ...scriptStep("web/app.sh"), timeout: 90 },
      { ...REST, kind: "reboot" },
    ];
    assert.deepEqual(stepRequests(steps), [
      { title: "web/app.sh", name: "50-1-app.sh", sources: ["web/app.sh"], timeout: 90 },
      { title: "reboot", name: "50-2-reboot", sources: [], timeout: null },
    ]);
  });

  describe("that copy files", () => {
    const from = (name: string, more: object = {}) => ({
      files: [{ from: join(folder, name), to: "/srv/x", ...more }],
    });
    it("need a file or a folder without what cannot be copied", async () => {
      mkdirSync(join(folder, "tree/deep"), { recursive: true });
      write("tree/two\nlines", "");
      execFileSync("mkfifo", [join(folder, "tree/pipe")]);
      write("tree/deep/good", "");
      const server: Server = createServer();
      await new Promise<void>((done) => server.listen(join(folder, "tree/deep/s"), done));
      try {
        assert.deepEqual(problems(from("nothing"), from("tree")), [
          '[0].files[0].from: step 1: "nothing" is neither a file nor a folder',
          '[1].files[0].from: step 2: "tree" cannot be copied: "deep/s" is a socket, which cannot be copied',
          '[1].files[0].from: step 2: "tree" cannot be copied: "pipe" is a pipe (FIFO), which cannot be copied',
          '[1].files[0].from: step 2: "tree" cannot be copied: "two\\nlines" has a character in its name that is no text',
        ]);
      } finally {
        server.close();
      }
    });

    it("need a place, a mode and an owner that are such", () => {
      write("a", "");
      const place = (text: string) =>
        `${text} is no absolute path in the guest; write it as in "/etc/app.conf"`;
      assert.deepEqual(
        problems(
          from("a", { to: "etc" }),
          from("a", { to: "/etc/../x" }),
          from("a", { to: "/a\nb" }),
          from("a", { mode: 644 }),
          from("a", { mode: "rw" }),
          from("a", { owner: "a b" }),
          { files: [] },
        ),
        [
          `[0].files[0].to: step 1: ${place('"etc"')}`,
          `[1].files[0].to: step 2: ${place('"/etc/../x"')}`,
          `[2].files[0].to: step 3: ${place('"/a\\nb"')}`,
          '[3].files[0].mode: step 4: 644 is not text; write it in quotes, as in "0644"',
          '[4].files[0].mode: step 5: "rw" is no mode; write it in octal, as in "0644"',
          '[5].files[0].owner: step 6: "a b" is no owner; write it as in app, or app:app with a group',
          "[6].files: step 7: names no file",
        ],
      );
    });
  });

  it("that is a reboot says so", () => {
    assert.deepEqual(problems({ reboot: false }), ["[0].reboot: step 1: must be true"]);
  });

  it("have names of variables, secrets and packages that are such", () => {
    const script = write("app.sh");
    const name = (text: string) =>
      `"${text}" is no name of a variable: letters, digits and _, no digit first, and not KRAGLE_, which is kragle's own`;
    const found = problems(
      { script, variables: { "A-B": "1", KRAGLE_KEEP: "x", "": "x" }, secrets: ["1X"] },
      { packages: ["ngin x", "-o", "nginx=1.22.1-9"] },
    );
    const noPackage = (text: string) =>
      `"${text}" is no name of a package; write it as in nginx, or nginx=1.22.1-9 for a version`;
    assert.deepEqual(found, [
      `[0].variables.A-B: step 1: ${name("A-B")}`,
      `[0].variables.KRAGLE_KEEP: step 1: ${name("KRAGLE_KEEP")}`,
      `[0].variables.: step 1: ${name("")}`,
      `[0].secrets[0]: step 1: ${name("1X")}`,
      `[1].packages[0]: step 2: ${noPackage("ngin x")}`,
      `[1].packages[1]: step 2: ${noPackage("-o")}`,
    ]);
  });

  it("that name a secret need its value, from the settings or the environment; no other sees it", () => {
    const run = { run: "true", secrets: ["TOKEN"] };
    assert.deepEqual(problems("builder/Dockerfile", run), [
      "[1].secrets: step 2: the secret TOKEN is not set; pulumi config set --secret --path kragle:secrets.TOKEN, " +
        "or give it as KRAGLE_SECRET_TOKEN in the environment",
    ]);
    // for what only looks at an image that there is
    assert.deepEqual(parseSettings({ provision: [run] }, "dev", "kragle", [], false).secrets, {});
    const spec = (secrets: object) => parseSettings({ provision: [run], secrets }, "dev");
    assert.deepEqual(spec({ TOKEN: "canary", OTHER: "unused" }).secrets, { TOKEN: "canary" });
    process.env.KRAGLE_SECRET_TOKEN = "from outside";
    try {
      assert.deepEqual(spec({}).secrets, { TOKEN: "from outside" });
      assert.deepEqual(stepSecrets(spec({})), { step_TOKEN: "from outside" });
    } finally {
      delete process.env.KRAGLE_SECRET_TOKEN;
    }
    assert.deepEqual(problems({ run: "true", secrets: ["constructor"] }).length, 1);
    const { secrets: _, ...rest } = spec({ TOKEN: "canary" });
    assert.doesNotMatch(JSON.stringify(rest), /canary/);
    assert.doesNotMatch(JSON.stringify(describeStep(rest.provision[0]!)), /canary/);
    assert.deepEqual(maskedSettings({ secrets: '{"TOKEN":"canary"}' }, []), {
      secrets: "[MASKED]",
    });
  });

  it("have the image's variables, to which their own are preferred", () => {
    const variables = { SITE: "lab", LEVEL: "info" };
    const own = { kind: "run", run: "true", variables: { LEVEL: "debug" }, secrets: [] } as const;
    assert.deepEqual(describeStep({ ...REST, ...own }, variables), {
      ...{ kind: "run", run: "true", secrets: [] },
      variables: { SITE: "lab", LEVEL: "debug" },
    });
    assert.deepEqual(describeStep({ ...REST, kind: "reboot" }, variables), { kind: "reboot" });
    // what YAML makes numbers, truth values and days of, as it was written
    const odd = { PORT: 8080, ON: true, DAY: "2026-11-29 00:00:00 +0000 UTC" };
    assert.deepEqual(parseSettings({ variables: odd }, "dev").variables, {
      ...{ PORT: "8080", ON: "true", DAY: "2026-11-29" },
    });
  });

  describe("by Ansible", () => {
    const playbook = (name: string, text: string) => {
      mkdirSync(join(folder, "ansible/roles/there"), { recursive: true });
      return { ansible: write(`ansible/${name}`, text) };
    };

    it("have what travels with the playbook as inputs, but for what no playbook reads", () => {
      const step = playbook("site.yml", "- hosts: all\n  roles: [there, {role: there}]\n");
      mkdirSync(join(folder, "ansible/.git"));
      write("ansible/.git/config");
      write("ansible/roles/there/x", "");
      symlinkSync("roles/there/x", join(folder, "ansible/linked"));
      const [parsed] = parse(step);
      assert.deepEqual(parsed, {
        ...{ kind: "ansible", playbook: "site.yml", folder: join(folder, "ansible") },
        ...{ variables: {}, secrets: [], ...REST },
      });
      const described = describeStep(parsed) as { content: object };
      assert.deepEqual(Object.keys(described.content), ["linked", "roles/there/x", "site.yml"]);
    });

    it("need a playbook in a folder of its own, with its roles", () => {
      const plays = "- hosts: all\n  roles: [gone, {role: away}, 'x{{ y }}', a.b.c]\n";
      const role = (name: string) =>
        `[0].ansible: step 1: "ansible/site.yml" needs the role "${name}", which is neither in roles/ beside it nor where ansible.cfg says, as far as that lies in "${folder}/ansible": nothing else travels with it`.replaceAll(
          `${folder}/`,
          "",
        );
      assert.deepEqual(problems(playbook("site.yml", plays)), [role("gone"), role("away")]);
      // of the two places that ansible.cfg names, one does not come into the builder
      mkdirSync(join(folder, "ansible/shared/gone"), { recursive: true });
      mkdirSync(join(folder, "shared/away"), { recursive: true });
      write("ansible/ansible.cfg", "[defaults]\nroles_path = roles:shared:../shared\n");
      assert.deepEqual(problems(playbook("site.yml", plays)), [role("away")]);
      const wider = playbook("site.yml", "- hosts: all\n  roles: [gone]\n");
      assert.deepEqual(problems(wider), []);
      assert.deepEqual(problems({ ansible: join(folder, "none.yml") }), [
        '[0].ansible: step 1: "none.yml" is not a file',
      ]);
      assert.deepEqual(problems(playbook("map.yml", "hosts: all\n")), [
        '[0].ansible: step 1: "ansible/map.yml": is no playbook, which is a list of plays',
      ]);
      const outside = { ...playbook("site.yml", "[]\n"), folder: join(folder, "shared") };
      assert.deepEqual(problems(outside), [
        '[0].ansible: step 1: "ansible/site.yml" does not lie in "shared"',
      ]);
      assert.match(
        problems({ ansible: "Pulumi.dev.yaml" })[0]!,
        /lies in the project's own folder; put it into one of its own/,
      );
      assert.match(
        problems({ ...playbook("site.yml", "[]\n"), folder: "/" })[0]!,
        /lies in "\/", which holds the project's own folder; put it into one of its own/,
      );
    });
  });
});
