import type { Rule } from "../rule";
import { AWS, GOSS, SYSPREP, SYSTEMD } from "./sources";

/** What installation and build leave behind. */
export const traces: readonly Rule[] = [
  {
    id: "installer.leftovers",
    asserts: "the installer's answers and logs are gone",
    assertion: {
      absent: [
        "/root/{anaconda-ks,original-ks,initial-setup-ks}.cfg",
        "/{,root/}preseed.cfg",
        "/root/install.log*",
        "/var/log/anaconda",
        "/var/log/anaconda/**",
        "/var/log/installer",
        "/var/log/installer/**",
        "/var/lib/install",
      ],
    },
    reason: "the answers contain the passwords of the installation",
    source: `${SYSPREP}, logfiles`,
  },
  {
    id: "installer.answers",
    asserts: "debconf has stored no password",
    assertion: { content: ["/var/cache/debconf/passwords.dat"], lacks: "^Value: *\\S" },
    reason: "it was answered for the build, and every copy would have it",
    source: "debconf(7), passwords database",
  },
  {
    id: "logs.journal",
    asserts: "there is no journal",
    assertion: { absent: ["/var/log/journal/**"], only: "file" },
    reason: "it tells of the build, and under the build's machine id",
    source: SYSTEMD,
  },
  {
    id: "logs.logins",
    asserts: "no logins are recorded",
    assertion: {
      absent: [
        "/var/log/{wtmp,btmp,lastlog,tallylog,faillog}*",
        "/var/lib/lastlog/lastlog2.db*",
        "/var/account/pacct",
      ],
      nonEmpty: true,
    },
    reason: "they name the build's user and address",
    source: `${SYSPREP}, pam-data`,
  },
  {
    id: "logs.files",
    asserts: "log files are empty or gone",
    assertion: { absent: ["/var/log/**"], only: "file", nonEmpty: true },
    reason: "logs of the build are no logs of the machine, and may hold what was typed in it",
    source: `${SYSPREP}, logfiles`,
  },
  {
    id: "logs.history",
    asserts: "no account has a command history",
    assertion: {
      absent: ["/{,**/}{.*_history,.zhistory,.histfile,.viminfo,.lesshst,.wget-hsts}"],
    },
    reason: "it shows what was typed, passwords included",
    source: AWS,
  },
  {
    id: "caches.packages",
    asserts: "the package manager's caches and lists are gone",
    assertion: {
      absent: [
        "/var/cache/apt/*.bin",
        "/var/cache/apt/archives/**.deb",
        "/var/lib/apt/lists/**",
        "/var/cache/{yum,dnf}/**",
        "/var/lib/rpm/__db.*",
      ],
      only: "file",
      nonEmpty: true,
    },
    reason: "they are out of date when the image is used, and take space",
    source: GOSS,
  },
  {
    id: "caches.temporary",
    asserts: "the folders for temporary files are empty",
    assertion: { absent: ["/tmp/**", "/var/tmp/**"] },
    reason: "what lies there belongs to the build",
    source: `${SYSPREP}, tmp-files`,
  },
  {
    id: "caches.backups",
    asserts: "there are no backup copies of edited files",
    assertion: { absent: ["/{etc,root}/**~"], only: "file" },
    reason: "editors make them, and they keep what was taken out, passwords included",
    source: `${SYSPREP}, backup-files`,
  },
  {
    id: "caches.spool",
    asserts: "no mail and no one-off job is waiting",
    assertion: {
      absent: ["/var/{mail,spool/mail}/**", "/var/spool/{at,cron/atjobs}/[a-z]*"],
      only: "file",
      nonEmpty: true,
    },
    reason: "every copy would deliver and run it",
    source: `${SYSPREP}, mail-spool, cron-spool`,
  },
  {
    id: "caches.dumps",
    asserts: "there are no crash dumps and no swap files",
    assertion: {
      absent: [
        "/core{,.*}",
        "/var/crash/**",
        "/var/lib/systemd/coredump/**",
        "/var/spool/abrt/**",
        "/{swapfile,swap.img}",
      ],
      only: "file",
    },
    reason: "they contain memory, and with it secrets",
    source: `${SYSPREP}, crash-data`,
  },
];
