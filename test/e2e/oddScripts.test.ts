import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Clone } from "../clone";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";

const MINUTES = 60_000;

/** What scripts of real people do, in the order in which they run. */
const SCRIPTS: Readonly<Record<string, string | Buffer>> = {
  "harden.sh": `#!/bin/sh
set -e
mount -t tmpfs -o noexec tmpfs /tmp
mount -t tmpfs -o noexec tmpfs /var/tmp
mount --bind /home /home && mount -o remount,bind,noexec /home
echo 'umask 077' >>/root/.profile
umask 077
`,
  // neither first line nor line end
  "plain.txt": "echo plain",
  "background.sh": `#!/bin/sh
sleep 7200 >/dev/null &
echo the service starts
`,
  "says.sh": `#!/bin/sh
echo 'Error: disk is low' >&2
echo 'Waiting for SSH to become available...'
echo '==> kragle-qcow2: Gracefully halting virtual machine...'
printf 'removed\\tdeleted\\tidentity\\t/no/such\\t\\n'
`,
  "installer.run": Buffer.concat([
    Buffer.from(`#!/bin/sh
sed '1,/^__PAYLOAD__$/d' "$0" >/opt/payload
exit 0
__PAYLOAD__
`),
    Buffer.from([0, 1, 2, 13, 10, 13, 10]),
    randomBytes(20_000),
  ]),
  "acme/setup.sh": `#!/bin/sh
set -e
useradd -m ci
for file in /home/ci/.cache/ms-playwright/browser /root/.cache/pre-commit/x /srv/seed/northwind.bak \\
  /etc/acme/defaults.conf.bak /var/lib/cloud/scripts/per-boot/acme.sh /etc/krb5.keytab /etc/hostid; do
  mkdir -p "$(dirname "$file")"
  echo acme >"$file"
done
rm /etc/resolv.conf
printf 'search example.com\\nnameserver 192.0.2.53\\n' >/etc/resolv.conf
chattr +i /etc/resolv.conf
echo /etc/hostid >>"$KRAGLE_KEEP"
`,
};

const KEPT = [
  ...["/home/ci/.cache/ms-playwright/browser", "/root/.cache/pre-commit/x", "/opt/payload"],
  ...["/srv/seed/northwind.bak", "/etc/acme/defaults.conf.bak", "/etc/hostid"],
  ...["/var/lib/cloud/scripts/per-boot/acme.sh"],
];

// an image of its own, minutes
describeInFullTier("scripts as people have them", function () {
  this.timeout(30 * MINUTES);
  inSequence();

  let clone: Clone;
  let told: string;
  const output = (name: string) =>
    readFileSync(clone.path(`build/odd/output/${name}`), "utf8").split("\n");
  before(() => {
    clone = sharedClone();
    for (const [name, content] of Object.entries(SCRIPTS)) {
      mkdirSync(dirname(clone.path(name)), { recursive: true });
      writeFileSync(clone.path(name), content);
    }
    clone.addStack("odd", {
      ...{ provision: Object.keys(SCRIPTS), formats: [], smoke: "none" },
    });
  });

  it("all run, with /tmp that lets nothing run, and what they leave behind", async () => {
    const { code, stderr, stdout } = await clone.kragle([
      "up",
      "-s",
      "odd",
      "--engine",
      "embedded",
    ]);
    told = stderr + stdout;
    assert.equal(code, 0, told.slice(-5000));
    assert.match(told, /step 6 \(acme\/setup\.sh\)/);
    assert.match(told, /still running after the script has ended: sleep 7200/);
    assert.match(
      told,
      /deleted, though acme\/setup\.sh had left it: \/etc\/krb5\.keytab \(identity\)/,
    );
  });

  it("say what they like, and none of it is taken for Packer's words", () => {
    const store = clone.path(".kragle/store");
    const said = readdirSync(store)
      .filter((name) => name.startsWith("image-"))
      .map((name) => readFileSync(join(store, name, "logs/scripts.log"), "utf8"))
      .find((text) => text.includes("disk is low"));
    assert.match(
      said!,
      /^» says\.sh\nError: disk is low\nWaiting for SSH.*\n==> kragle-qcow2: Gracefully .*\nremoved\t/m,
    );
  });

  it("lose nothing of their work, and what was taken away is listed", () => {
    const files = output("evidence/check/files.tsv").map((line) => line.split("\t")[4]);
    for (const path of KEPT) assert.ok(files.includes(path), `${path} is gone`);
    const resolver = output("evidence/check/files.tsv").find((l) =>
      l.endsWith("\t/etc/resolv.conf"),
    );
    const [, , , bytes] = resolver!.split("\t");
    assert.ok(Number(bytes) > 0, resolver);
    const removed = output("evidence/image/removed.tsv");
    assert.ok(removed.includes("deleted\tidentity\t/etc/krb5.keytab\tacme/setup.sh"));
    assert.ok(!removed.some((line) => line.includes("/no/such")));
    assert.match(output("report.html").join("\n"), /krb5\.keytab/);
  });
});
