import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { Clone } from "../clone";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";

const MINUTES = 60_000;

/** As nobody would choose it. */
const TOKEN = `tok'en $x "quoted" {#`;

const CONFIGURE = `#!/usr/bin/env python3
import os, sys
print("args", sys.argv[1:], os.environ["SITE"], os.environ["LEVEL"], repr(os.environ["script"]))
print("the token is whole:", os.environ["TOKEN"] == os.environ["EXPECTED"].replace("_", "'", 1))
print("it lies nowhere:", not os.path.exists("/run/kragle.secrets"))
`;

const PLAYBOOK = `- hosts: webservers
  gather_facts: false
  roles: [site]
`;

const TASKS = `- name: a file with a variable
  ansible.builtin.copy:
    content: "{{ SITE }} {{ fact }} {{ TOKEN | length }}\\n"
    dest: /etc/site
`;

/** Every kind of step, and what steps do to the guest that they run in. */
const STEPS = [
  { packages: ["tree"] },
  {
    ...{ name: "configuration", script: "configure.py", args: ["one", "two 'words'", "$HOME"] },
    variables: { LEVEL: "debug", script: "x\ny'z", EXPECTED: TOKEN.replace("'", "_") },
    secrets: ["TOKEN"],
  },
  {
    run: `echo "level $LEVEL, token \${TOKEN-none}"
useradd --create-home app
mount -t tmpfs -o noexec tmpfs /tmp
systemctl restart systemd-networkd
systemctl restart ssh
cp /proc/sys/kernel/random/boot_id /srv/boot`,
  },
  {
    files: [
      { from: "tree", to: "/opt/site", owner: "app", mode: "0640" },
      { from: "tree/app.conf", to: "/etc/" },
      { from: "tree", to: "/bin" },
    ],
  },
  { reboot: true },
  {
    name: "after the reboot",
    run: `cmp -s /proc/sys/kernel/random/boot_id /srv/boot && exit 1
find /opt/site /etc/app.conf -printf '%M %u:%g %p %l\\n' | sort -k3
test -L /bin
cut -f2 /run/kragle/steps | tr '\\n' ' '`,
  },
  { ansible: "ansible/site.yml", secrets: ["TOKEN"] },
];

// an image of its own, minutes
describeInFullTier("steps of every kind", function () {
  this.timeout(40 * MINUTES);
  inSequence();

  let clone: Clone;
  const up = (provision: readonly unknown[]) => {
    clone.addStack("steps", {
      ...{ provision, formats: [], smoke: "none" },
      variables: { SITE: "lab", LEVEL: "info" },
    });
    return clone.kragle(["up", "-s", "steps", "--engine", "embedded"], {
      KRAGLE_SECRET_TOKEN: TOKEN,
    });
  };
  before(() => {
    clone = sharedClone();
    mkdirSync(clone.path("tree/deep/empty"), { recursive: true });
    writeFileSync(clone.path("tree/app.conf"), "conf\n");
    writeFileSync(clone.path("tree/deep/run"), "#!/bin/sh\n");
    chmodSync(clone.path("tree/deep/run"), 0o755);
    symlinkSync("../app.conf", clone.path("tree/deep/link"));
    writeFileSync(clone.path("configure.py"), CONFIGURE);
    mkdirSync(clone.path("ansible/roles/site/tasks"), { recursive: true });
    mkdirSync(clone.path("ansible/group_vars"));
    writeFileSync(clone.path("ansible/site.yml"), PLAYBOOK);
    writeFileSync(clone.path("ansible/group_vars/webservers.yml"), "fact: of the group\n");
    writeFileSync(clone.path("ansible/roles/site/tasks/main.yml"), TASKS);
  });

  it("run in their order, with what each was given", async () => {
    const { code, stderr, stdout } = await up(STEPS);
    assert.equal(code, 0, (stderr + stdout).slice(-5000));
    assert.doesNotMatch(stderr + stdout, /tok'en/);
    const store = clone.path(".kragle/store");
    const said = readdirSync(store)
      .filter((name) => name.startsWith("image-"))
      .map((name) => readFileSync(join(store, name, "logs/scripts.log"), "utf8"))
      .find((text) => text.includes("» after the reboot"))!;
    const expected = [
      `args ['one', "two 'words'", '$HOME'] lab debug "x\\ny'z"`,
      "the token is whole: True",
      "it lies nowhere: True",
      "level info, token none",
      "drwxr-x--- app:app /opt/site",
      "-rw-r----- app:app /opt/site/app.conf",
      "drwxr-x--- app:app /opt/site/deep/empty",
      "lrwxrwxrwx app:app /opt/site/deep/link ../app.conf",
      "-rw-r--r-- root:root /etc/app.conf",
      // what changes while the guest boots is no step's
      "50-1-packages 50-2-configure.py 50-3-run 50-4-files 50-5-reboot - 50-6-run",
    ];
    for (const line of expected) assert.ok(said.includes(line), `${line}\n${said.slice(-4000)}`);
  });

  it("fail by number and name: a package that there is not, an owner that there is not", async () => {
    const unknown = await up([...STEPS.slice(0, 1), { packages: ["no-such-package"] }]);
    assert.equal(unknown.code, 1);
    assert.match(
      unknown.stderr,
      /step 2 \(packages no-such-package\) ended with exit code 100; [^]*Unable to locate package no-such-package/,
    );
    const files = [{ from: "tree", to: "/opt/site", owner: "nobody-here" }];
    const { code, stderr } = await up([...STEPS.slice(0, 1), { files }]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /step 2 [^]*the guest has no user "nobody-here"; an earlier step has to make it/,
    );
    // the package of the first step is there
    assert.match(stderr, /goes on from the point after step 1/);
  });

  it("may upgrade the kernel and move sshd, behind the last reboot, but not end their own session", async () => {
    const { code, stderr, stdout } = await up([
      {
        name: "kernel",
        // dpkg knows names, too, of which nothing is installed
        run: "apt-get update -q; apt-get install -qy --reinstall $(dpkg-query -W -f '${db:Status-Status} ${Package}\\n' 'linux-image-6*' | sed -n 's/^installed //p')",
      },
      { reboot: true },
      {
        name: "way in",
        run: "echo Port 2222 >/etc/ssh/sshd_config.d/port.conf; systemctl restart ssh",
      },
      { name: "last", run: "ss -tln | grep -q :2222 && echo moved" },
    ]);
    assert.equal(code, 0, (stderr + stdout).slice(-5000));
    assert.match(stderr, /moved/);
    const ended = await up([{ run: "loginctl terminate-user root; sleep 60" }]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /step 1 \(run: loginctl terminate-user root; sleep 60\)/);
    assert.match(ended.stderr, /\{reboot: true\}/);
  });

  it("that reboot by themselves fail with what to write instead", async () => {
    const { code, stderr } = await up([{ run: "systemctl reboot; sleep 1000" }]);
    assert.equal(code, 1);
    assert.match(stderr, /step 1 \(run: systemctl reboot; sleep 1000\)/);
    assert.match(stderr, /\{reboot: true\}/);
  });
});
