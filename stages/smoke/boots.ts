import { newSshKeyPair } from "../../host/sshKeyPair";
import type { ChannelName, Firmware } from "../../plan/imageSpec";
import type { InputsOf } from "../../plan/stages/contract";
import type { Identity, smoke } from "../../plan/stages/smoke";
import type { Machine } from "./driver";
import { requireDifferent, requireSame } from "./identity";
import type { Rung } from "./ladder";
import * as rungs from "./rungs";
import type { Seed } from "./seed";
import type { UserTests } from "./userTests";

/** One boot of the proof: a machine, and the ladder that it has to climb. */
export interface PlannedBoot {
  readonly machine: Machine;
  /** For people: fits "the image did not pass its …". */
  readonly title: string;
  readonly rungs: readonly Rung[];
  readonly screenshot: string;
  readonly failureScreenshot: string;
}

export type BootName = "first" | "second" | "sibling";

/** How much larger than the image the disk of a full proof is. */
const LARGER = 2;

/**
 * The boots of a proof.
 *
 * quick is one boot. full is three, because a boot is what costs time: the `first` on a larger disk and by the last firmware of the
 * template, the `second` of the same disk by the first firmware, and a `sibling`, another machine made from the image. Their
 * seeds bring the key for SSH; a quick proof has a seed only where SSH is how its guest is asked.
 *
 * @param proofOf.diskBytes the image's virtual size
 * @param identityOfFirst what the first boot found out; asked for in later ones
 * @param tests the user's own; they come last, so that whatever they do to the guest, nothing else is asked of it afterwards
 */
export function planBoots(
  proofOf: Pick<InputsOf<typeof smoke>, "proof" | "channel" | "firmware"> & { diskBytes: number },
  identityOfFirst: () => Identity,
  tests?: UserTests,
): PlannedBoot[] {
  const { proof, channel, firmware, diskBytes } = proofOf;
  const own = tests && tests.count > 0 ? [rungs.userTests(channel, tests)] : [];
  const seed = (number: number): Seed => ({
    instanceId: `kragle-proof-${number}`,
    hostname: `kragle-proof-${number}`,
    keys: newSshKeyPair("kragle-proof"),
  });
  if (proof === "quick") {
    const machine = { firmware: firmware[0], disk: "first" };
    const withSeed = channel === "ssh" ? { ...machine, seed: seed(1) } : machine;
    return [boot("first", "boot", withSeed, ladder([channel], channel, ...own))];
  }
  const channels: ChannelName[] = channel === "ssh" ? ["ssh"] : [channel, "ssh"];
  const first = { disk: "first", diskBytes: diskBytes * LARGER, seed: seed(1) };
  const grown = rungs.grownRoot(diskBytes, first.diskBytes);
  return [
    boot(
      ...(["first", "first boot"] as const),
      { ...first, firmware: firmware.at(-1)! },
      ladder(channels, channel, rungs.seeded(), grown, rungs.identity()),
    ),
    boot(
      ...(["second", "second boot of the same disk"] as const),
      { ...first, firmware: firmware[0] },
      ladder(
        channels,
        channel,
        rungs.identity((identity) => requireSame(identityOfFirst(), identity)),
      ),
    ),
    boot(
      ...(["sibling", "boot as another machine"] as const),
      { firmware: firmware[0], disk: "sibling", seed: seed(2) },
      ladder(
        channels,
        channel,
        rungs.identity((identity) => requireDifferent(identityOfFirst(), identity)),
        ...own,
      ),
    ),
  ];
}

const ladder = (open: readonly ChannelName[], by: ChannelName, ...more: Rung[]): Rung[] => [
  ...[rungs.KERNEL, rungs.LOGIN, ...open.map((name) => rungs.CHANNELS[name])],
  ...[rungs.running(by), ...more],
];

function boot(
  name: BootName,
  title: string,
  machine: Omit<Machine, "name" | "serialLog">,
  rungsOfIt: readonly Rung[],
): PlannedBoot {
  // what a proof of one boot leaves is called the same in a proof of three
  const file = (base: string) => (name === "first" ? base : `${name}-${base}`);
  return {
    machine: { ...machine, name, serialLog: file("serial.log") },
    title: `${title} (${FIRMWARE[machine.firmware]})`,
    rungs: rungsOfIt,
    screenshot: file("login.png"),
    failureScreenshot: file("failure.png"),
  };
}

const FIRMWARE: Readonly<Record<Firmware, string>> = { bios: "BIOS", uefi: "UEFI" };
