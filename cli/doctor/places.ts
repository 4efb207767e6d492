import { type DaemonFacts, isRemote } from "../../executors/daemon";
import { displayPath, inProject } from "../../host/project";
import { writeObstacle } from "../../host/writable";
import type { StackIdentity } from "../../plan/identity";
import type { ImageSpec } from "../../plan/imageSpec";
import { placesOf, requireOwnPlaces } from "../../preview/requirements";
import type { SourceKind } from "../../store/sourceFile";
import { readStackRecord, releasesOf } from "../../store/stackRecord";
import { diskNeed, diskRequirements } from "./diskSpace";
import { readPlace } from "./facts";
import { type Requirement, verdict } from "./requirements";
import { tried } from "./tried";

/** Where an image's files come to lie: whether that can be written, and has room for them. */

/** What an image takes on disk before one was built, in bytes; measured for the template debian12. */
const EXPECTED_BYTES = { cloud: 512 * 2 ** 20, generic: 1024 * 2 ** 20 };

export async function placesRequirement(
  home: string,
  spec: ImageSpec,
  owner: StackIdentity,
): Promise<Requirement> {
  const places = placesOf(spec);
  const obstacles = places.flatMap(({ folder }) => writeObstacle(folder) ?? []);
  const [name, need] = ["Places of results", "folders that can be written, or made"];
  if (obstacles.length > 0) {
    const next =
      "let the settings path and publish name folders that can be written, or see to their rights";
    return verdict(name, "missing", obstacles.join("\n"), need, next);
  }
  return tried(name, `${need}, each for itself`, async () => {
    await requireOwnPlaces(home, [spec], owner);
    return places.map(({ folder }) => displayPath(folder)).join("\n");
  });
}

export async function examineDisk(
  home: string,
  spec: ImageSpec,
  owner: StackIdentity,
  daemon: DaemonFacts | undefined,
  toolsImage: string | undefined,
  fetches: SourceKind | null,
): Promise<Requirement[]> {
  const last = await readStackRecord(home, owner);
  const need = diskNeed({
    diskBytes: spec.diskBytes,
    formats: spec.formats,
    expectedImageBytes:
      Number(releasesOf(last).get(spec.name)?.imageBytes) ||
      (spec.template.medium?.expectedImageBytes ?? EXPECTED_BYTES[spec.kernel ?? "generic"]),
    builder: !toolsImage,
    installer: spec.iso !== null,
    fetches,
  });
  return diskRequirements([
    readPlace("the store", home, need.store),
    readPlace(spec.path, inProject(spec.path), need.output),
    ...(daemon && !isRemote(daemon) ? [readPlace("Docker", daemon.folder, need.docker)] : []),
  ]);
}
