import type { Rule } from "../rule";
import { AWS, GOSS, SYSPREP } from "./sources";

/** Who gets in. */
export const access: readonly Rule[] = [
  {
    id: "ssh.host-keys",
    asserts: "there are no SSH host keys",
    assertion: { absent: ["/etc/ssh/ssh_host_*_key*", "/etc/dropbear/*_host_key"] },
    reason: "who has the image could pose as every machine that was made of it",
    source: AWS,
  },
  {
    id: "ssh.host-keys-made",
    asserts: "something makes host keys at first boot",
    assertion: {
      anyOf: [
        "/etc/systemd/system/{cloud-init.target,multi-user.target}.wants/cloud-init.service",
        "/etc/systemd/system/{ssh,sshd}.service.{wants,requires}/*key*.service",
        "/usr/lib/systemd/system/sshd-keygen*",
        "/usr/sbin/sshd-keygen",
      ],
    },
    when: "/usr/sbin/sshd",
    reason: "the SSH server does not start without them",
    source: GOSS,
  },
  {
    id: "ssh.authorized-keys",
    asserts: "no account lets a key in",
    assertion: { absent: ["/{,**/}.ssh/authorized_keys*"], nonEmpty: true },
    reason: "whoever built the image could log in everywhere",
    source: AWS,
  },
  {
    id: "ssh.client-files",
    asserts: "no account has private keys or known hosts",
    assertion: { absent: ["/{,**/}.ssh/{id_*,known_hosts*}"] },
    reason: "they belong to the build",
    source: SYSPREP,
  },
  {
    id: "ssh.root-login",
    asserts: "root cannot log in by password",
    assertion: {
      sshd: "PermitRootLogin",
      allowed: ["no", "prohibit-password", "without-password", "forced-commands-only"],
      byDefault: "prohibit-password",
    },
    when: "/usr/sbin/sshd",
    reason: "the account that everybody knows is the first to be tried",
    source: AWS,
  },
  {
    id: "ssh.passwords",
    asserts: "logging in by password is off until a machine's owner wants it",
    assertion: { sshd: "PasswordAuthentication", allowed: ["no"], byDefault: "yes" },
    when: "/usr/sbin/sshd",
    reason: "passwords can be guessed from outside",
    source: AWS,
  },
  {
    id: "accounts.root-locked",
    asserts: "root has no password and is locked",
    assertion: { content: ["/etc/shadow"], has: "^root:[!*]", required: true },
    reason: "a known root password is in every copy",
    source: AWS,
  },
  {
    id: "accounts.no-passwords",
    asserts: "no account has a password, not even an empty one",
    assertion: { content: ["/etc/shadow"], lacks: "^[^:\\n]+:([^!*]|$)", required: true },
    reason: "null, blank and default passwords open every copy",
    source: AWS,
  },
  {
    id: "accounts.shadowed",
    asserts: "passwords are in /etc/shadow alone, and none is empty",
    assertion: {
      content: ["/etc/passwd"],
      lacks: "^[^:\\n]+:(|[^x*!:\\n][^:\\n]*|x[^:\\n]+):",
      required: true,
    },
    reason:
      "an account that has none there, or another one here, is open whatever /etc/shadow says",
    source: "passwd(5)",
  },
  {
    id: "accounts.build-user",
    asserts: "the build's user is gone",
    assertion: {
      content: [
        "/etc/{passwd,shadow,group,gshadow,subuid,subgid}",
        "/etc/sudoers",
        "/etc/sudoers.d/*",
      ],
      lacks: "^(packer|kragle)\\b",
    },
    reason: "it could become root",
    source: GOSS,
  },
  {
    id: "accounts.build-home",
    asserts: "the build's user has left no home",
    assertion: { absent: ["/home/{packer,kragle}", "/var/{mail,spool/mail}/{packer,kragle}"] },
    reason: "it may hold keys and history",
    source: GOSS,
  },
  {
    id: "accounts.sudo",
    asserts: "nobody becomes root without a password before cloud-init decides who may",
    assertion: {
      content: ["/etc/sudoers", "/etc/sudoers.d/*"],
      lacks: "^[^#\\n]*(NOPASSWD|!\\s*authenticate)",
    },
    reason: "builds give themselves such a rule",
    source: GOSS,
  },
  {
    id: "accounts.backups",
    asserts: "there are no backups of the account files",
    assertion: {
      absent: [
        "/etc/{passwd,shadow,group,gshadow,subuid,subgid}{-,~,.bak,.old,.orig}",
        "/var/backups/{passwd,shadow,group,gshadow}.bak",
      ],
    },
    reason: "they keep accounts and password hashes that were removed",
    source: `${SYSPREP}, passwd-backups`,
  },
];
