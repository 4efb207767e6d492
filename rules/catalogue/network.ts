import type { Rule } from "../rule";
import { GOSS, KRAGLE, SYSPREP } from "./sources";

/** Addresses, names, and who sets them. */
export const network: readonly Rule[] = [
  {
    id: "network.hardware",
    asserts: "no network setting is bound to the build machine's card",
    assertion: {
      content: [
        "/etc/sysconfig/network-scripts/ifcfg-*",
        "/etc/NetworkManager/system-connections/*",
        "/etc/netplan/*",
        "/etc/systemd/network/*",
        "/etc/network/interfaces",
        "/etc/network/interfaces.d/*",
      ],
      lacks: "^\\s*(hwaddr|hwaddress|mac-?address)\\s*[=: ]",
    },
    reason: "a copy has another card",
    source: `${SYSPREP}, net-hwaddr`,
  },
  {
    id: "network.persistent-names",
    asserts: "no persistent names of network cards are stored",
    assertion: {
      absent: ["/etc/udev/rules.d/{70-persistent-net,75-persistent-net-generator}.rules"],
    },
    reason: "a copy's card would get another name",
    source: `${SYSPREP}, udev-persistent-net`,
  },
  {
    id: "network.generated",
    asserts: "no network settings that cloud-init made for the build are left",
    assertion: {
      absent: [
        "/etc/netplan/50-cloud-init.yaml",
        "/etc/network/interfaces.d/50-cloud-init*",
        "/etc/systemd/network/10-cloud-init-*",
        "/etc/NetworkManager/system-connections/cloud-init-*",
      ],
    },
    reason: "they describe the build machine's network",
    source: GOSS,
  },
  {
    id: "network.leases",
    asserts: "there are no DHCP leases",
    assertion: {
      absent: [
        "/var/lib/{dhcp,dhcpd,dhcpcd,dhclient}/*lease*",
        "/var/lib/NetworkManager/*lease*",
        "/var/lib/NetworkManager/secret_key",
        "/var/lib/systemd/network/**",
      ],
      only: "file",
    },
    reason: "copies would ask for one and the same address",
    source: `${SYSPREP}, dhcp-client-state`,
  },
  {
    id: "network.build-host",
    asserts: "no resolver or proxy of the build is left",
    assertion: {
      content: [
        "/etc/resolv.conf",
        "/etc/environment",
        "/etc/apt/apt.conf",
        "/etc/apt/apt.conf.d/*",
        "/etc/{yum,dnf/dnf}.conf",
        "/etc/profile.d/*proxy*",
      ],
      // 10.0.2.3 is the resolver of QEMU's user-mode network
      lacks: '^\\s*nameserver\\s+10\\.0\\.2\\.3|^[^#/\\n]*(_proxy|::proxy|^proxy)\\b\\s*[=" ]',
    },
    reason: "they exist only where the image was built",
    source: KRAGLE,
  },
  {
    id: "network.hostname",
    asserts: "host name and hosts say nothing of the build",
    // 10.0.2.0/24 is QEMU's user-mode network
    assertion: {
      content: ["/etc/{hostname,hosts}"],
      lacks: "packer|kragle|builder|^\\s*10\\.0\\.2\\.",
    },
    reason: "copies would carry it on",
    source: `${SYSPREP}, hostname`,
  },
  {
    id: "cloud-init.state",
    asserts: "cloud-init has never run",
    assertion: {
      absent: [
        "/var/lib/cloud/{instance,instances,data,sem,seed}/**",
        "/var/lib/cloud/instance",
        "/var/log/cloud-init*.log",
      ],
      only: "file",
    },
    reason: "it would take the copy for the machine of the build, and skip keys and users",
    source: GOSS,
  },
  {
    id: "cloud-init.enabled",
    asserts: "cloud-init is not switched off",
    assertion: { absent: ["/etc/cloud/cloud-init.disabled"] },
    when: "/usr/bin/cloud-init",
    reason: "nobody could give the machine a user",
    source: GOSS,
  },
];
