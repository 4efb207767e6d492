import assert from "node:assert/strict";

import { runProgram } from "../devProgram";
import { requestOf } from "../mocks";
import { TemporaryStore } from "../temporaryStore";

const RHEL = { template: "rhel7", diskSize: "10 GiB", isoSha256: "ab".repeat(32) };
const URLS = ["https://u:canary-1@host/x.iso?token=canary-2"];
const ACCOUNT = { rhsmUsername: "canary-3", rhsmPassword: 'canary-4 "%,\n' };

describe("the program of a stack that is installed from an ISO", function () {
  this.timeout(30_000);
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  it("ends with one line for the user where the ISO is not to be had", async () => {
    await assert.rejects(runProgram(at, { settings: RHEL }), (error: Error) => {
      assert.equal(error.constructor.name, "RunError");
      assert.match(
        error.message,
        /^the installation ISO rhel-server-7\.1-x86_64-dvd\.iso is missing/,
      );
      assert.match(error.message, /\n {2}next: put it there, .*given in isoSha256, now (ab){32}$/);
      return true;
    });
  });

  it("hands the ISO to base, and addresses and credentials as secrets only", async () => {
    const settings = { ...RHEL, ...ACCOUNT, isoUrls: URLS };
    const { find, resources } = await runProgram(at, { settings });
    const base = requestOf(find("base")) as {
      description: { inputs: { isoSha256: string } };
      request: { sourcePath: string };
    };
    assert.equal(base.request.sourcePath, "build/dev/os/rhel-server-7.1-x86_64-dvd.iso");
    assert.equal(base.description.inputs.isoSha256, RHEL.isoSha256);
    const secretsOf = (name: string) =>
      Object.entries(find(name).inputs.environment as Record<string, unknown>).filter(([key]) =>
        key.startsWith("KRAGLE_SECRET_"),
      );
    const plain = (entries: [string, unknown][]) => entries.map(([key]) => key).sort();
    assert.deepEqual(plain(secretsOf("base")), ["KRAGLE_SECRET_sourceUrls"]);
    assert.deepEqual(plain(secretsOf("image")), [
      "KRAGLE_SECRET_rhsmPassword",
      "KRAGLE_SECRET_rhsmUsername",
    ]);
    assert.ok(find("image").secrets.includes("environment.KRAGLE_SECRET_rhsmPassword"));
    // a user's name may be a word that stands in any image
    assert.deepEqual(plain(secretsOf("check")), ["KRAGLE_SECRET_rhsmPassword"]);
    assert.deepEqual(plain(secretsOf("smoke")), []);
    const tested = await runProgram(at, { settings: { ...settings, tests: ["kragle"] } });
    // to be masked in what the user's tests print
    const given = tested.find("smoke").inputs.environment as object;
    assert.ok("KRAGLE_SECRET_rhsmPassword" in given);
    assert.ok(!("KRAGLE_SECRET_rhsmUsername" in given));
    for (const { name, inputs, secrets } of resources) {
      const others = Object.entries(inputs).filter(
        ([key]) => key !== "environment" && !secrets.includes(key),
      );
      assert.doesNotMatch(JSON.stringify(others), /canary/, name);
    }
  });
});
