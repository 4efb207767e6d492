import { type Device, drives, KNOWN_KERNELS } from "../plan/devices";
import { type Platform, type PlatformFacts, PLATFORMS } from "../plan/platforms";
import { withGenerated } from "./marked";

/** docs/hypervisors.md with the table of what each platform wants between its two markers. */
export function platformTable(page: string): string {
  const rows = Object.entries(PLATFORMS) as [Platform, PlatformFacts][];
  return withGenerated(page, "docs/hypervisors.md", "platforms", [
    "| `runsOn` | where | `formats` | firmware | disk controller | network card | `kernel` | agent | source |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows.map(
      ([name, facts]) =>
        `| ${[
          code(name),
          [facts.title, ...(facts.by ? [`by ${facts.by}`] : [])].join(", "),
          sizes(facts),
          facts.firmware.map((one) => one.toUpperCase()).join(", "),
          facts.disks.join(", "),
          facts.cards.join(", "),
          kernels(facts),
          facts.agentPackage ? `${facts.agent}, by a step of yours` : facts.agent,
          sources(facts),
        ].join(" | ")} |`,
    ),
  ]);
}

const code = (text: string) => `\`${text}\``;

/** The image itself is no entry of the setting. */
const entry = (text: string) => (text === "qcow2" ? "the released qcow2" : code(text));

function sizes({ formats, whole, maximumDiskBytes }: PlatformFacts): string {
  const size = whole ? [`disk of whole ${whole}`] : [];
  const most = maximumDiskBytes ? [`disk of at most ${maximumDiskBytes / 2 ** 40} TiB`] : [];
  return [formats.map(entry).join(" or "), ...size, ...most].join("; ");
}

/** Which of Debian's kernels drive the devices of a new machine, and with which others `cloud` runs. */
function kernels({ disks, cards }: PlatformFacts): string {
  const clouds = KNOWN_KERNELS.filter(({ kernel }) => kernel === "cloud");
  const driven = (device: Device) => clouds.every((kernel) => drives(kernel, device));
  if ([disks, cards].every(([first]) => driven(first))) return "either";
  const [disk, card] = [disks, cards].map((list: readonly Device[]) => list.filter(driven));
  if (disk!.length === 0 || card!.length === 0) return code("generic");
  return `${code("generic")}; ${code("cloud")} with ${disk!.join(" or ")}, and ${card!.join(" or ")}`;
}

const sources = ({ tried, sources: found }: PlatformFacts) =>
  [
    ...(tried ? ["booted by kragle"] : ["not tried"]),
    ...found.map((place, index) =>
      place.startsWith("https:")
        ? `[${index + 1}](${place})`
        : `[${place.split("/").at(-1)}](${place})`,
    ),
  ].join(", ");
