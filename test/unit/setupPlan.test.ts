import assert from "node:assert/strict";

import { type BaseFacts, type DockerFacts, planBase, planDocker } from "../../setup/dockerPlan";

const debian: DockerFacts = {
  system: "Debian GNU/Linux 12 (bookworm)",
  apt: true,
  ubuntu: false,
  systemd: false,
  privilege: "root",
  user: "ann",
  obstacle: { code: "ENOENT", words: "connect ENOENT /var/run/docker.sock" },
  endpoint: { address: "unix:///var/run/docker.sock", saidBy: undefined, undo: "" },
  installed: false,
  lacksAppArmorParser: false,
};

const plan = (change: Partial<DockerFacts>) => planDocker({ ...debian, ...change });

/** The plan's refusal as one text. */
const refusal = (change: Partial<DockerFacts>) => {
  const made = plan(change);
  assert.equal(made.kind, "lacking");
  return made.kind === "lacking" ? `${made.message} | ${made.next}` : "";
};

describe("set-up of Docker", () => {
  it("leaves a daemon that answers alone, whatever else is true", () => {
    const endpoint = { address: "tcp://x:1", saidBy: "DOCKER_HOST", undo: "" };
    const anything = { installed: false, privilege: "none", endpoint } as const;
    assert.deepEqual(plan({ obstacle: undefined, ...anything }), { kind: "nothing" });
  });

  it("installs from the distribution and starts by hand where systemd does not run", () => {
    assert.deepEqual(plan({}), {
      kind: "act",
      packages: ["docker.io", "iptables", "ca-certificates"],
      start: "background",
    });
    assert.deepEqual(plan({ systemd: true, installed: true, privilege: "sudo" }), {
      kind: "act",
      packages: [],
      start: "systemd",
    });
  });

  it("adds AppArmor's parser where no container would start without it", () => {
    const made = plan({ lacksAppArmorParser: true });
    assert.ok(made.kind === "act" && made.packages.includes("apparmor"));
  });

  it("starts nothing beside the daemon that the user has chosen", () => {
    const endpoint = { address: "ssh://builder", saidBy: "DOCKER_HOST", undo: "unset DOCKER_HOST" };
    assert.match(refusal({ endpoint }), /DOCKER_HOST says ssh:\/\/builder.*unset DOCKER_HOST/);
  });

  it("names the group where the daemon runs but the user may not use it", () => {
    const obstacle = { code: "EACCES", words: "connect EACCES /var/run/docker.sock" };
    assert.match(refusal({ obstacle, installed: true, privilege: "sudo" }), /usermod .*docker ann/);
  });

  it("says what to install on other distributions, and as root where sudo is not there", () => {
    assert.match(
      refusal({ apt: false, system: "Fedora Linux 41" }),
      /Fedora Linux 41 \| install docker/,
    );
    assert.match(
      refusal({ privilege: "none" }),
      /as root: apt-get install docker.io iptables ca-certificates && dockerd &/,
    );
    // one that is installed can be started on any distribution
    assert.equal(plan({ apt: false, installed: true }).kind, "act");
  });
});

describe("set-up for the base image", () => {
  const lacking: BaseFacts = {
    ...debian,
    present: false,
    debian: true,
    mmdebstrap: false,
    registryObstacle: "no such host",
  };

  it("needs mmdebstrap only where the image can be had in no other way", () => {
    for (const change of [
      { present: true },
      { mmdebstrap: true },
      { registryObstacle: undefined },
      { debian: false },
    ]) {
      assert.deepEqual(planBase({ ...lacking, ...change }), { kind: "nothing" });
    }
    assert.deepEqual(planBase(lacking), { kind: "act", packages: ["mmdebstrap"] });
  });

  it("adds Debian's keys on Ubuntu, and user namespaces' tools for a plain user", () => {
    assert.deepEqual(planBase({ ...lacking, ubuntu: true, privilege: "sudo" }), {
      kind: "act",
      packages: ["mmdebstrap", "debian-archive-keyring", "uidmap"],
    });
  });

  it("says what is lacking without root, and on other distributions", () => {
    for (const change of [{ privilege: "none" as const }, { apt: false }]) {
      const made = planBase({ ...lacking, ...change });
      assert.ok(made.kind === "lacking" && /mmdebstrap/.test(made.next), JSON.stringify(made));
    }
  });
});
