import { existsSync, readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

/**
 * The networks that exist within this machine only: those of bridges without a way out, by which virtual machines and containers of
 * whatever engine are connected to it. Docker's are among them.
 *
 * @param folder where the kernel tells of network interfaces
 * @returns each with its length, as 192.168.122.1/24
 */
export function innerNetworks(
  interfaces: Readonly<
    Record<string, readonly { readonly cidr: string | null }[] | undefined>
  > = networkInterfaces(),
  folder = "/sys/class/net",
): string[] {
  return Object.entries(interfaces)
    .filter(([name]) => isInner(join(folder, name), folder))
    .flatMap(([, addresses]) => addresses ?? [])
    .flatMap(({ cidr }) => (cidr === null || cidr.startsWith("fe80:") ? [] : [cidr]));
}

function isInner(bridge: string, folder: string): boolean {
  if (!existsSync(join(bridge, "bridge"))) return false;
  return readdirSync(join(bridge, "brif")).every((port) => !leadsOutside(join(folder, port)));
}

/** Whether it is a card, or stands on something else that may be one, as a VLAN or a bond does. */
const leadsOutside = (port: string) =>
  existsSync(join(port, "device")) || readdirSync(port).some((name) => name.startsWith("lower_"));
