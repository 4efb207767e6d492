import assert from "node:assert/strict";

import fc from "fast-check";

import { parseEndpoint } from "../../plan/endpoint";

describe("an address that a guest may connect to", () => {
  const right: [string, string, number | null, number | null][] = [
    ["10.0.0.5", "10.0.0.5", null, null],
    ["10.0.0.5:8443", "10.0.0.5", null, 8443],
    ["10.1.0.0/16", "10.1.0.0", 16, null],
    ["10.1.0.0/16:443", "10.1.0.0", 16, 443],
    ["git.example:443", "git.example", null, 443],
    ["git", "git", null, null],
    ["my_host-1.corp.", "my_host-1.corp.", null, null],
    ["fd00::5", "fd00::5", null, null],
    ["fd00::/8", "fd00::", 8, null],
    ["[fd00::5]:443", "fd00::5", null, 443],
  ];
  for (const [text, host, prefix, port] of right) {
    it(`is ${text}`, () => assert.deepEqual(parseEndpoint(text), { host, prefix, port }));
  }

  for (const text of [
    ...["", " ", "10.0.0.5:0", "10.0.0.5:65536", "10.0.0.0/33", "fd00::/129", "git.example/24"],
    ...["10.0.0", "10.0.0.256", "http://git.example", "a b", "-a", "[10.0.0.5]:1", "[fd00::5"],
    ...["10.0.0.5 accept", "a;b", "$(id)", '"a"', "{ any }"],
  ]) {
    it(`is not "${text}"`, () => assert.throws(() => parseEndpoint(text), /is no address; write/));
  }

  for (const text of ["localhost:3142", "127.0.0.1", "::1", "0.0.0.0:80"]) {
    it(`is not the loopback: ${text}`, () => {
      assert.throws(() => parseEndpoint(text), /loopback.*name an address of this machine/);
    });
  }

  it("has no character that would mean something in a rule, whatever was written", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          assert.match(parseEndpoint(text).host, /^[\w.:-]+$/);
        } catch (error) {
          assert.match((error as Error).message, /is no address|is the loopback/);
        }
      }),
    );
  });
});
