import type { Rule } from "../rule";
import { GOSS, KRAGLE } from "./sources";

/** The rule that finds secrets. */
export const SECRETS = "payload.secrets";

/** What makes the system usable: kernel, packages, services. */
export const system: readonly Rule[] = [
  {
    id: "services.guest-agent",
    asserts: "the QEMU guest agent is installed",
    assertion: { anyOf: ["/usr/{sbin,bin}/qemu-ga"] },
    reason: "hypervisors ask it for addresses and for quiet file systems",
    source: KRAGLE,
  },
  {
    id: "services.time",
    asserts: "a time service is enabled",
    assertion: {
      anyOf: [
        "/etc/systemd/system/*.wants/{systemd-timesyncd,chrony,chronyd,ntp,ntpd,ntpsec}.service",
      ],
    },
    reason: "certificates and logs need the right time",
    source: GOSS,
  },
  {
    id: "services.timezone",
    asserts: "the time zone is UTC",
    assertion: { content: ["/etc/localtime"], has: "(UTC|UCT|Universal|Zulu|GMT)0?$" },
    reason: "a machine's place is not known yet",
    source: GOSS,
  },
  {
    id: "payload.os-release",
    asserts: "the system says what it is",
    assertion: { content: ["/{usr/lib,etc}/os-release"], has: "^ID=", required: true },
    reason: "tools for the image depend on it",
    source: "os-release(5)",
  },
  {
    id: "payload.image-id",
    asserts: "os-release names the image, its version and its build as the release does",
    assertion: { probe: "imageIdentity" },
    reason: "a machine leads back to its release by them",
    source: "os-release(5), IMAGE_ID, IMAGE_VERSION, BUILD_ID",
  },
  {
    id: "payload.packages",
    asserts: "every package is completely installed",
    assertion: { probe: "packages" },
    reason: "a half-installed package stops the next update",
    source: "dpkg(1), package states",
  },
  {
    id: SECRETS,
    asserts: "none of the run's secrets is on the disk, in deleted files neither",
    assertion: { probe: "secrets" },
    reason: "whoever gets the image gets them",
    source: KRAGLE,
  },
];
