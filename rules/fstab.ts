/** A line of fstab(5). */
interface Mount {
  /** As `UUID=`, `LABEL=`, `PARTUUID=` or `PARTLABEL=` where it is one of those, or udev's link of that name; else as it stands there. */
  readonly device: string;
  readonly target: string;
  readonly isSwap: boolean;
}

const BY = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/;

/** Blanks and the like stand there as `\040`, in udev's names as `\x20`. */
const unescaped = (field: string) =>
  field.replace(/\\(?:([0-3][0-7]{2})|x([0-9a-f]{2}))/g, (_, octal?: string, hex?: string) =>
    String.fromCharCode(octal ? parseInt(octal, 8) : parseInt(hex!, 16)),
  );

/** What an fstab mounts; inspect_image.py reads it alike, to know where the file systems of an image belong. */
export function mountsOf(fstab: string): Mount[] {
  const lines = fstab.split("\n").map((line) => line.replace(/#.*/, "").trim().split(/\s+/));
  return lines.flatMap(([source = "", target, type]) => {
    if (target === undefined) return [];
    const name = unescaped(source.replaceAll('"', ""));
    const [, by, value] = BY.exec(name) ?? [];
    const device = by ? `${by.toUpperCase()}=${value}` : name;
    return [{ device, target: unescaped(target), isSwap: type === "swap" }];
  });
}
