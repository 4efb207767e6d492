import assert from "node:assert/strict";

import { parseSettings } from "../../settings/stack";
import { settingWarnings } from "../../settings/warnings";

/** What is told of these settings of a stack x. */
function warnings(values: Record<string, unknown>, secretNames: string[] = [], project?: string) {
  const spec = parseSettings(values, "x", project);
  return settingWarnings({ project: project ?? "kragle", values, secretNames }, spec, "x");
}

const RHEL = { template: "rhel7", diskSize: "10 GiB", isoSha256: "0".repeat(64) };
const USER = { rhsmUsername: "u", rhsmPassword: "p" };

describe("warnings of settings", () => {
  it("are none for the defaults, in whichever form they come", () => {
    assert.deepEqual(warnings({}), []);
    const texts = { isoUrls: "[]", kernel: "cloud", libvirtUri: "qemu:///system", isoPath: "" };
    assert.deepEqual(warnings(texts), []);
    assert.deepEqual(warnings(RHEL), []);
    assert.deepEqual(warnings({ ...RHEL, isoPath: "/x.iso", ...USER }, ["rhsmPassword"]), []);
  });

  it("name each setting that a template does not use, and why", () => {
    const iso = { isoPath: "/x.iso", isoUrls: '["https://h/x.iso"]', isoSha256: RHEL.isoSha256 };
    const packages = "debian12 is installed from packages, not from an ISO";
    assert.deepEqual(
      warnings({ ...iso, rhsmOrg: "7", rhsmActivationKey: "k" }, ["rhsmActivationKey"]),
      [
        `kragle:isoPath is not used: ${packages}`,
        `kragle:isoUrls is not used: ${packages}`,
        `kragle:isoSha256 is not used: ${packages}`,
        "kragle:rhsmOrg is not used: debian12 registers no guest",
        "kragle:rhsmActivationKey is not used: debian12 registers no guest",
      ],
    );
    assert.deepEqual(warnings({ ...RHEL, kernel: "generic" }), [
      "kragle:kernel is not used: rhel7 is installed from an ISO, with the kernel on it",
    ]);
  });

  it("tell of a conversion that is a copy of the image", () => {
    assert.deepEqual(warnings({ formats: ["raw", "qcow2:compression=zstd"] }), []);
    assert.deepEqual(warnings({ formats: ["raw", "qcow2"] }), [
      "kragle:formats: qcow2 without options is a second copy of the image, which is one; take it out, or give it options",
    ]);
  });

  it("tell what a platform needs besides, where the image is said to run on it", () => {
    const settings = { formats: ["vmdk"], kernel: "generic" };
    assert.deepEqual(warnings(settings), []);
    assert.deepEqual(warnings({ ...settings, runsOn: ["vmware"] }), [
      "kragle:runsOn: vmware: no step brings its agent along; the image boots without, or add {packages: [open-vm-tools]} to provision",
    ]);
    const [vmdk] = warnings({ ...settings, kernel: "cloud" });
    assert.match(vmdk ?? "", /^kragle:formats: vmdk: a new machine of VMware/);
  });

  it("name settings that another setting makes idle", () => {
    const uri = { libvirtUri: "qemu:///session" };
    assert.deepEqual(warnings(uri), [
      "kragle:libvirtUri is not used: smoke is qemu, and only libvirt needs it",
    ]);
    assert.deepEqual(warnings({ ...uri, smoke: "libvirt" }), []);
    const ready = { builderImage: "registry.example/tools:1", packer: "release" };
    assert.deepEqual(warnings(ready), [
      "kragle:packer is not used: builderImage is ready as it is",
    ]);
  });

  it("say of a secret in the clear how it is encrypted, and not what it is", () => {
    const told = (project: string) =>
      `${project}:rhsmPassword stands in the clear in Pulumi.x.yaml; encrypt it: ` +
      `pulumi config set --secret ${project}:rhsmPassword -s x; ` +
      "without the Pulumi CLI, take it out and give it as KRAGLE_SECRET_rhsmPassword";
    assert.deepEqual(warnings({ ...RHEL, ...USER }), [told("kragle")]);
    assert.deepEqual(warnings({ ...RHEL, ...USER }, [], "images"), [told("images")]);
    assert.deepEqual(warnings({ ...RHEL, ...USER }, ["rhsmPassword"]), []);
  });

  it("do not speak of a secret that comes from the environment", () => {
    process.env.KRAGLE_SECRET_rhsmPassword = "p";
    try {
      assert.deepEqual(warnings({ ...RHEL, rhsmUsername: "u" }), []);
    } finally {
      delete process.env.KRAGLE_SECRET_rhsmPassword;
    }
  });
});

describe("warnings of secrets", () => {
  const provision = [{ run: "true", secrets: ["TOKEN"] }];
  const clear =
    "kragle:secrets.TOKEN stands in the clear in Pulumi.x.yaml; encrypt it: pulumi config set --secret --path kragle:secrets.TOKEN -s x; " +
    "without the Pulumi CLI, take it out and give it as KRAGLE_SECRET_TOKEN";

  it("are told for one in the clear, one that is too short to be found, one that nobody uses", () => {
    assert.deepEqual(warnings({ provision, secrets: { TOKEN: "canary-1" } }), [clear]);
    assert.deepEqual(warnings({ provision, secrets: '{"TOKEN": "12345"}' }), [
      clear,
      "kragle:secrets.TOKEN is too short (less than 6 bytes) to be looked for in the image",
    ]);
    assert.deepEqual(
      warnings({ provision, secrets: { TOKEN: "(encrypted)", OTHER: "(encrypted)" } }, ["secrets"]),
      ["kragle:secrets.OTHER is not used: no step names it"],
    );
  });

  it("are none where Pulumi has decrypted it, nor where it comes from the environment", () => {
    assert.deepEqual(warnings({ provision, secrets: { TOKEN: "canary-1" } }, ["secrets"]), []);
    process.env.KRAGLE_SECRET_TOKEN = "canary-1";
    try {
      assert.deepEqual(warnings({ provision }), []);
    } finally {
      delete process.env.KRAGLE_SECRET_TOKEN;
    }
  });
});
