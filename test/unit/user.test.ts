import assert from "node:assert/strict";
import os from "node:os";

import { userHome, userName } from "../../host/user";

describe("whoever runs kragle", () => {
  const { userInfo, homedir } = os;
  afterEach(() => Object.assign(os, { userInfo, homedir }));

  it("has a name and a home", () => {
    assert.equal(userName(), userInfo().username);
    assert.equal(userHome(), homedir());
  });

  it("may have no account, as in the pods of many CI systems", () => {
    // what Node throws where the user id has no entry in passwd
    const unknown = () => {
      throw Object.assign(new Error("uv_os_get_passwd returned ENOENT"), { code: "ENOENT" });
    };
    Object.assign(os, { userInfo: unknown, homedir: unknown });
    assert.equal(userName(), String(process.getuid!()));
    assert.equal(userHome(), "/");
  });
});
