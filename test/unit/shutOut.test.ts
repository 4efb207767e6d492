import assert from "node:assert/strict";

import { shutOut } from "../../stages/image/shutOut";

describe("a guest that lets the build's key in no more", () => {
  const refused = [
    "» wait for ssh",
    "error: packer ended with exit code 1: Packer experienced an authentication error when trying to connect via SSH. original error: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
    "all of it: logs/packer.log",
  ];

  it("is told as the fault of the image that it is made on", () => {
    assert.match(shutOut("image", refused)!, /PermitRootLogin no, from there into the last step/);
  });

  it("is not where it has a base of its own, or fails otherwise", () => {
    assert.equal(shutOut("base", refused), undefined);
    assert.equal(shutOut("image", ["error: step 1 (a.sh) ended with 1"]), undefined);
  });
});
