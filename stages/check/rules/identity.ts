import type { Rule } from "../rule";
import { SYSPREP, SYSTEMD } from "./sources";

/** What makes a machine one of its kind. */
export const identity: readonly Rule[] = [
  {
    id: "identity.machine-id",
    asserts: '/etc/machine-id is absent, empty or "uninitialized"',
    assertion: {
      content: ["/etc/machine-id"],
      has: "(?<![\\s\\S])(uninitialized)?\\n?(?![\\s\\S])",
    },
    reason: "copies of the image would be one machine to DHCP servers, journals and fleets",
    source: SYSTEMD,
  },
  {
    id: "identity.dbus-machine-id",
    asserts: "D-Bus has no machine id of its own",
    assertion: { absent: ["/var/lib/dbus/machine-id"], only: "file" },
    reason: "it survives a new /etc/machine-id",
    source: SYSTEMD,
  },
  {
    id: "identity.random-seed",
    asserts: "there is no stored random seed and no credential secret",
    assertion: {
      absent: [
        "/var/lib/systemd/random-seed",
        "/var/lib/systemd/credential.secret",
        "/var/lib/urandom/random-seed",
        "/{boot,efi,boot/efi}/loader/random-seed",
      ],
    },
    reason: "copies of the image would make the same keys",
    source: SYSTEMD,
  },
  {
    id: "identity.boot-entries",
    asserts: "no boot entry is named by a machine id",
    assertion: {
      absent: [`/{boot,efi,boot/efi}/loader/entries/${"[0-9a-f]".repeat(32)}-*.conf`],
    },
    reason: "kernel updates on a machine with another id would not find it",
    source: SYSTEMD,
  },
  {
    id: "subscription.identity",
    asserts: "the system is not registered",
    assertion: {
      absent: [
        "/etc/pki/{consumer,entitlement}/*",
        "/etc/rhsm/facts/*",
        "/etc/sysconfig/rhn/systemid",
        "/var/lib/rhsm/{facts,packages}/**",
      ],
      only: "file",
    },
    reason: "every copy would use the builder's subscription, and its credentials",
    source: `${SYSPREP}, rh-subscription-manager`,
  },
];
