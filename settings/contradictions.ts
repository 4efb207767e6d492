import { maximumDiskBytes } from "../plan/formats";
import { formatSize } from "../plan/units";
import { sameNames, unreleased } from "./fileNames";
import { givenTooMuch } from "./given";
import { schema, type SettingName } from "./schema";

/**
 * Pairs of settings that are each right by themselves and cannot both be meant.
 *
 * @param values the settings by name; those that are wrong by themselves are not looked at
 * @returns the place of each, such as "formats[1]", and what is wrong
 */
export function contradictions(values: Readonly<Record<string, unknown>>): [string, string][] {
  const read = <K extends SettingName>(name: K) =>
    schema.shape[name].safeParse(values[name]).data as
      ReturnType<(typeof schema.shape)[K]["parse"]> | undefined;
  const [template, diskSize] = [read("template"), read("diskSize")];
  const [smoke, proof] = [read("smoke"), read("proof")];
  const [imageName, formats] = [read("imageName"), read("formats") ?? []];
  const found: [string, string][] = [];
  if (template && diskSize !== undefined && diskSize < template.minimumDiskBytes) {
    const least = formatSize(template.minimumDiskBytes);
    const size = String(values.diskSize);
    found.push([
      "diskSize",
      `"${size}" is too small for ${template.name}, which needs at least ${least}`,
    ]);
  }
  const kernel = read("kernel");
  if (template?.install === "bootstrap" && kernel && !template.kernels.includes(kernel)) {
    const allowed = template.kernels.join(", ");
    found.push(["kernel", `${template.name} has no "${kernel}"; allowed are ${allowed}`]);
  }
  formats.forEach((conversion, index) => {
    const most = maximumDiskBytes(conversion);
    if (diskSize === undefined || diskSize <= most) return;
    const limit = `${most / 2 ** 30} GiB`;
    found.push([
      `formats[${index}]`,
      `${conversion.name} holds at most ${limit}, and diskSize is ${String(values.diskSize)}`,
    ]);
  });
  if (imageName !== undefined) {
    found.push(...sameNames(imageName, formats));
    read("publish")?.forEach(({ files }, index) => {
      const problem = unreleased(files, imageName, formats);
      if (problem) found.push([`publish[${index}].files`, problem]);
    });
  }
  if (proof === "full" && (smoke === "libvirt" || smoke === "none")) {
    found.push(["proof", `full needs smoke: qemu, and smoke is ${smoke}`]);
  }
  if (smoke === "none" && read("tests")?.length) {
    found.push(["tests", "they run in the booted image, and smoke is none; use smoke: qemu"]);
  }
  // what the driver cannot do: libvirt's user network lets nobody in, and it boots by one firmware
  if (smoke === "libvirt" && template?.smoke.channel === "ssh") {
    const why = `libvirt needs a guest agent, and ${template.name} is asked by SSH`;
    found.push(["smoke", `${why}; use smoke: qemu`]);
  }
  if (smoke === "libvirt" && template && template.smoke.firmware[0] !== "bios") {
    const why = `libvirt boots by BIOS, and ${template.name} boots by UEFI`;
    found.push(["smoke", `${why}; use smoke: qemu`]);
  }
  found.push(...givenTooMuch(read("provision") ?? [], read("variables") ?? {}));
  if (template && template.install !== "bootstrap") {
    const what = template.install === "iso" ? "an ISO" : "a disk";
    if (read("snapshot")) found.push(["snapshot", `${what} has no earlier states; leave it out`]);
    if (read("suite")) found.push(["suite", `${what} has one release only; leave it out`]);
  }
  const source = read("from");
  if (template?.install === "disk" && source === null) {
    const instead = "write {path: FILE, sha256: DIGEST} or {url: ADDRESS, sha256: DIGEST}";
    found.push([
      "from",
      `is missing; ${template.name} begins with a disk that is there: ${instead}`,
    ]);
  }
  if (template && template.install !== "disk" && source?.kind === "disk") {
    const origin = template.install === "iso" ? "an ISO" : "packages";
    const instead = "use the template cloud, or leave it out";
    found.push([
      "from",
      `${template.name} is installed from ${origin}, on an empty disk; ${instead}`,
    ]);
  }
  return found;
}
