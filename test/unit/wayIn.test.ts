import assert from "node:assert/strict";

import { shutOutBy } from "../../plan/wayIn";
import { requireWayIn } from "../../stages/image/shutOut";
import { IMAGE_RESULT } from "../sampleCalls";

/** What generalisation tells of Debian 12 as it is installed. */
const OPEN = [
  ...["came-by 22", "groups-of-root root", "permitrootlogin prohibit-password"],
  ...["pubkeyauthentication yes", "authenticationmethods any", "listenaddress [::]:22"],
  ...["listenaddress 0.0.0.0:22", "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2"],
];

describe("an image that others are made on", () => {
  const told = (...lines: readonly string[]) => {
    const options = new Set(lines.map((line) => line.split(" ")[0]));
    const others = OPEN.filter((line) => !options.has(line.split(" ")[0]));
    const words = shutOutBy({ ...IMAGE_RESULT, wayIn: [...others, ...lines] });
    return words?.split("by a key: ")[1];
  };

  it("lets a build in as it is installed", () => {
    assert.equal(told(), undefined);
    assert.equal(told("permitrootlogin yes"), undefined);
    assert.equal(told("permitrootlogin without-password"), undefined);
  });

  it("does not where root has no key, another port, or no right to come", () => {
    for (const [line, words] of [
      ["permitrootlogin no", "PermitRootLogin is no"],
      ["permitrootlogin forced-commands-only", "PermitRootLogin is forced-commands-only"],
      ["pubkeyauthentication no", "PubkeyAuthentication is no"],
      ["authenticationmethods publickey,password", "AuthenticationMethods is publickey,password"],
      ["authorizedkeysfile none", "AuthorizedKeysFile is none"],
      ["listenaddress 0.0.0.0:2222", "it listens on port 2222, not on 22"],
      ["listenaddress 127.0.0.1:22", "it listens on the loopback alone, not on 22"],
      ["allowusers deploy", "AllowUsers lacks root"],
      ["denyusers root", "DenyUsers has root"],
      ["allowgroups ssh", "AllowGroups has no group of root"],
      ["denygroups root", "DenyGroups has a group of root"],
    ] as const) {
      assert.equal(told(line), words);
    }
    assert.equal(
      told("permitrootlogin no", "listenaddress 0.0.0.0:2222"),
      "PermitRootLogin is no; it listens on port 2222, not on 22",
    );
  });

  it("is not said to where that is not sure", () => {
    assert.equal(told("allowusers deploy", "allowusers r*"), undefined);
    assert.equal(told("allowusers deploy", "allowusers root"), undefined);
    assert.equal(told("authenticationmethods publickey,password publickey"), undefined);
    assert.equal(told("listenaddress 0.0.0.0:2222", "socket ssh.socket"), undefined);
    assert.equal(told("listenaddress 0.0.0.0:2222", "listenaddress 10.0.2.15:22"), undefined);
    assert.equal(shutOutBy(IMAGE_RESULT), undefined);
    assert.equal(shutOutBy({ disk: "disk.qcow2", packageList: "packages.tsv" }), undefined);
  });

  it("ends the build of the next one before anything boots", () => {
    assert.throws(
      () => requireWayIn({ ...IMAGE_RESULT, wayIn: ["permitrootlogin no"] }),
      /nothing can be built on the image that it is made on: its SSH daemon lets no build in, .*: PermitRootLogin is no$/,
    );
    requireWayIn({ ...IMAGE_RESULT, wayIn: OPEN });
  });
});
