import type { Rule } from "../rule";
import { SYSPREP, SYSTEMD } from "./sources";

/** What has to be unique to each machine, and so must not be in an image. */
export const identity: readonly Rule[] = [
  {
    id: "identity.machine-id",
    asserts: '/etc/machine-id is absent, empty or "uninitialized"',
    assertion: {
      content: ["/etc/machine-id"],
      has: "\\A(uninitialized)?\\n?\\z",
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
    id: "identity.entry-token",
    asserts: "kernel-install does not name boot entries by the build's machine id",
    assertion: { content: ["/etc/kernel/entry-token"], lacks: "^[0-9a-f]{32}$" },
    reason: "it would override the machine's own id",
    source: SYSTEMD,
  },
  {
    id: "identity.inventory",
    asserts: "no fleet, inventory or update service knows the system by an id",
    assertion: {
      absent: [
        "/var/lib/yum/uuid",
        "/etc/{yum,dnf}/vars/uuid",
        "/etc/smolt/*uuid",
        "/etc/sysconfig/hw-uuid",
        "/etc/insights-client/machine-id",
        "/etc/lvm/devices/system.devices",
      ],
    },
    reason: "all copies would be one machine to it",
    source: `${SYSPREP}, yum-uuid, smolt-uuid, lvm-system-devices`,
  },
  {
    id: "identity.domain",
    asserts: "the system is no member of a domain",
    assertion: {
      absent: [
        "/etc/krb5.keytab",
        "/var/lib/samba/**.tdb",
        "/var/lib/sss/db/*",
        "/var/lib/ipa-client/{pki,sysrestore}/*",
      ],
      only: "file",
    },
    reason: "copies would share the machine account and its key",
    source: `${SYSPREP}, kerberos-hostkeytab, samba-db-log, sssd-db-log, ipa-client`,
  },
  {
    id: "identity.agents",
    asserts: "no configuration agent has a certificate",
    assertion: {
      absent: ["/{var/lib,etc,etc/puppetlabs}/puppet/ssl/**", "/etc/salt/pki/minion/*"],
      only: "file",
    },
    reason: "copies would speak to its server in the build machine's name",
    source: `${SYSPREP}, puppet-data-log`,
  },
  {
    id: "subscription.identity",
    asserts: "the system is not registered",
    assertion: {
      absent: [
        "/etc/pki/{consumer,entitlement}/*",
        "/etc/rhsm/facts/*",
        "/etc/sysconfig/rhn/{systemid,osad-auth.conf}",
        "/var/lib/rhsm/**",
      ],
      only: "file",
    },
    reason: "every copy would use the builder's subscription, and its credentials",
    source: `${SYSPREP}, rh-subscription-manager`,
  },
];
