import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

import { guestContainer, MAY_MOUNT } from "./guestContainer";

/** Answers with this machine's own address, but for the first questions not at all; their number is its argument. */
const LATE_RESOLVER = `
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    question, asker = server.recvfrom(512)
    unanswered = int(sys.argv[1])
    if unanswered > 0:
        sys.argv[1] = str(unanswered - 1)
        continue
    end = question.index(b"\\0", 12) + 5
    address = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4\\x7f\\0\\0\\1" if question[end - 4 : end - 2] == b"\\0\\1" else b""
    counts = b"\\0\\1" + (b"\\0\\1" if address else b"\\0\\0") + bytes(4)
    server.sendto(question[:2] + b"\\x81\\x80" + counts + question[12:end] + address, asker)
`;

describe("in a guest", function () {
  this.timeout(120_000);
  const { run: inGuest, file } = guestContainer();

  it("a script's lines are marked, whatever they say, and its exit code is kept", () => {
    const said = inGuest(`
script 1 <<'END'
#!/bin/sh
echo "Build 'kragle-qcow2' errored: not at all" >&2
printf '10%%\\r20%%\\nno line end'
exit 7
END
printf 'echo no first line' | script 2
`);
    assert.deepEqual(said, [
      ...["MK|Build 'kragle-qcow2' errored: not at all", "MK|20%", "MK|no line end", "code 7"],
      ...["MK|no first line", "code 0"],
    ]);
  });

  it("a script ends when it ends, and what it leaves running is named", () => {
    const said = inGuest(`
script 1 <<'END'
#!/bin/sh
sleep 300 &
setsid sleep 301 >/dev/null &
(sleep 1; echo late; touch /tmp/late) &
echo done
END
sleep 3
ls /tmp/late
`);
    const still = /^MK!still running after the script has ended: (.*)\(process \d+\)$/;
    const named = said.flatMap((line) => still.exec(line)?.[1]?.trim() ?? []);
    assert.deepEqual(named.filter((name) => /^sleep 30/.test(name)).sort(), [
      ...["sleep 300", "sleep 301"],
    ]);
    // whoever prints to nobody is not ended for it
    assert.deepEqual([said[0], said.at(-2), said.at(-1)], ["MK|done", "code 0", "/tmp/late"]);
  });

  it("a script whose interpreter is lacking is told so", () => {
    const said = inGuest(`printf '#!/usr/bin/env ruby\\nputs 1\\n' | script 1`);
    assert.match(said[0]!, /^MK!the guest has no ruby, by which the script is to be run/);
    assert.equal(said[1], "code 127");
  });

  it("a script that env would not run, but end as if it had, is told so", () => {
    const said = inGuest(`printf '#!/usr/bin/env -u LANG sh\necho it runs\n' | script 1
printf '#!/usr/bin/env -S -u LANG sh -e\necho it runs\n' | script 2`);
    assert.match(said[0]!, /^MK!the script's first line, .*-u LANG sh, does not run it: env gets/);
    assert.deepEqual(said.slice(1), ["code 127", "MK|it runs", "code 0"]);
  });

  /** What makes it impossible to go on after a script, and what is said of it. */
  const INTOLERABLE: readonly (readonly [script: string, said: RegExp])[] = [
    [
      "rm -rf /var/lib/kragle",
      /^MK!the script took away \/run\/kragle\/guest\.sh, which the build/,
    ],
    ["rm -rf /run/kragle; exit 0", /^MK!the script took away \/run\/kragle\/guest\.sh/],
    [": >/run/kragle/keep; rm /run/kragle/steps", /^MK!the script took away \/run\/kragle\/steps/],
    ["mount -t tmpfs tmpfs /run", /^MK!the script took away \/run\/kragle\/guest\.sh/],
    [
      "mount --bind /var/lib /var/lib && mount -o remount,bind,noexec /var/lib",
      /^MK!after the script, \/var\/lib\/kragle takes no script any more, or runs none.*denied/,
    ],
    [
      "mount --bind /var/lib /var/lib && mount -o remount,bind,ro /var/lib",
      /^MK!after the script, \/var\/lib\/kragle takes no script any more.*Read-only/,
    ],
    [
      "usermod --shell /usr/sbin/nologin root",
      /^MK!after the script, root's login shell \/usr\/sbin\/nologin runs no commands \(exit code 1\).*not available/,
    ],
    [
      "echo 'echo welcome; echo here' >>/root/.bashrc",
      /^MK!after the script, root's login shell \/bin\/bash prints something.*: welcome here$/,
    ],
    [
      "mount -t tmpfs -o size=64k,mode=755 tmpfs /opt; cp -a /var/lib/kragle/. /opt; mount --bind /opt /var/lib/kragle; yes >/opt/full; true",
      /^MK!after the script, \/var\/lib\/kragle takes no script any more.*\(0 KiB are free\)$/,
    ],
    ["echo 'exec false' >>/root/.bashrc", /^MK!.* runs no commands \(exit code 1\)/],
  ];
  it("a script after which nothing could go on fails itself, in words", () => {
    for (const [script, words] of INTOLERABLE) {
      const said = inGuest(`script 1 <<'END'\n#!/bin/sh\n${script}\nEND\n`, ...MAY_MOUNT);
      assert.match(said.at(-2) ?? "", words, `${script}: ${said.join("\n")}`);
      assert.equal(said.at(-1), "code 1", script);
    }
  });

  it("what a script says after it has killed the shell that runs it is still its own", () => {
    const said = inGuest(`
printf '#!/bin/sh\\necho first; kill -9 $PPID; sleep 1; echo late' | script 1
sleep 2
`);
    assert.deepEqual(
      said.filter((line) => line.startsWith("MK")),
      ["MK|first", "MK|late"],
    );
    assert.ok(said.includes("code 137"), said.join("\n"));
  });

  it("any shell may be root's, and print where somebody looks", () => {
    const said = inGuest(`
script 1 <<'END'
#!/bin/sh
usermod --shell /bin/dash root
echo 'case $- in *i*) echo welcome ;; esac' >>/root/.bashrc
echo 'echo to whom it may concern >&2' >>/root/.bashrc
echo 'echo welcome' >>/root/.profile
END
printf 'usermod --shell /bin/bash root' | script 2
`);
    assert.deepEqual(said, ["code 0", "code 0"]);
  });

  it("a resolver that fails for a while costs a script time, not the build", () => {
    writeFileSync(file("lateResolver.py"), LATE_RESOLVER);
    // the 9th question is answered: two of each of five tries, between which apt does not wait here
    const said = inGuest(`
printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:1\\n' >/etc/resolv.conf
mkdir /srv/repo; cd /srv/repo; : >Packages
sum=$(sha256sum Packages | cut -d ' ' -f 1)
printf 'Date: Sun, 01 Nov 2026 00:00:00 UTC\\nSHA256:\\n %s 0 Packages\\n' "$sum" >Release
python3 -m http.server 80 --bind 127.0.0.1 >/dev/null 2>&1 &
python3 /w/lateResolver.py 8 &
rm -rf /etc/apt/sources.list*
echo 'Acquire::Retries::Delay "false";' >/etc/apt/apt.conf.d/10-at-once
echo 'deb [trusted=yes] http://packages.test/ ./' >/etc/apt/sources.list
printf '#!/bin/sh\\napt-get -q update' | script 1
`);
    assert.equal(said.at(-1), "code 0", said.join("\n"));
    assert.ok(
      said.some((line) => /^MK\|Get:\d+ http:\/\/packages\.test/.test(line)),
      said.join("\n"),
    );
  });

  const noexec = (...paths: string[]) => paths.flatMap((path) => ["--tmpfs", `${path}:noexec`]);
  it("scripts run where /tmp, /run and others are mounted noexec, by a strict umask", () => {
    const script = "umask 077\nprintf '#!/bin/sh\\necho it runs\\n' | script 1";
    const said = inGuest(script, ...noexec("/tmp", "/var/tmp", "/run", "/home", "/var/lib"));
    assert.deepEqual(said, ["MK|it runs", "code 0"]);
  });

  it("or it is told that nothing runs anywhere", () => {
    const said = inGuest("", ...noexec("/var/lib", "/opt", "/root", "/run"));
    assert.match(said.join(), /no folder of the guest lets programs run: \/var\/lib/);
  });
});
