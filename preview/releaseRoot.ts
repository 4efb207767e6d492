import { EXIT, StageFailure } from "../host/failure";
import { displayPath, stackNames } from "../host/project";
import { OWN_BACKEND } from "../host/pulumiBackend";
import type { StackIdentity } from "../plan/identity";
import type { StackRelease } from "../plan/imageSpec";
import { imageOfRoot } from "../plan/roots";
import { suggest } from "../settings/suggest";
import { allRoots, releasesIn, type Root, Roots } from "../store/roots";
import { readStackRecord } from "../store/stackRecord";

/**
 * The root of what a stack of the same clone, backend and project has released last.
 *
 * @param owner of the stack that asks
 * @throws StageFailure where the stack has not released that image
 */
export async function releaseRoot(
  home: string,
  owner: StackIdentity,
  { stack, image: wanted }: StackRelease,
): Promise<Root> {
  const roots = await new Roots(home, { ...owner, stack }).list();
  const released = new Map(releasesIn(roots).map(([name, root]) => [imageOfRoot(name), root]));
  if (released.size === 0) throw await unreleased(home, owner, stack);
  const wrong = (message: string, hint: string) =>
    new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });
  const names = [...released.keys()].flatMap((name) => name ?? []);
  if (wanted === null) {
    const [only] = released.values();
    if (released.size === 1) return only!;
    throw wrong(
      `stack ${stack} has several images: ${names.join(", ")}`,
      `name the one that is meant, as in from: {stack: ${stack}, image: ${names[0]}}`,
    );
  }
  const root = released.get(wanted);
  if (root) return root;
  if (names.length === 0) {
    throw wrong(
      `stack ${stack} has one image, which has no name`,
      `leave image out: from: {stack: ${stack}}`,
    );
  }
  const meant = suggest(wanted, names);
  throw wrong(
    `stack ${stack} has released no image "${wanted}"; it has ${names.join(", ")}`,
    `${meant ? `did you mean ${meant}? ` : ""}one that is in its settings and not released yet: ./kragle up ${wanted} -s ${stack}`,
  );
}

/** Why a stack has no release. */
async function unreleased(
  home: string,
  owner: StackIdentity,
  stack: string,
): Promise<StageFailure> {
  const { clone, project, backend } = owner;
  const lacking = (message: string, hint: string) =>
    new StageFailure(message, { hint, exitCode: EXIT.lacking });
  const releasing = (await allRoots(home)).filter(({ roots }) => releasesIn(roots).length > 0);
  const owners = releasing.flatMap((held) => held.owner ?? []);
  const up = `./kragle up -s ${stack} releases it here`;
  const twins = owners.filter((one) => one.stack === stack);
  if (twins.length > 0) {
    const whose = twins.map((one) =>
      [
        ...(one.clone === clone ? [] : [`in the clone ${displayPath(one.path)}`]),
        ...(one.project === project ? [] : [`in the project ${one.project}`]),
        ...(one.backend === backend ? [] : [`on the backend ${backendName(one.backend)}`]),
      ].join(" "),
    );
    return lacking(
      `stack ${stack} of this clone and project has no release on the backend ${backendName(backend)}; the one of that name ${whose.join(", and the one ")} is another stack`,
      `${up}; or use the backend, project and clone that released it`,
    );
  }
  const record = await readStackRecord(home, { ...owner, stack });
  if (record?.destroyedAt) {
    return lacking(`stack ${stack} was destroyed at ${record.destroyedAt}`, `${up} again`);
  }
  const here = stackNames();
  if (here.includes(stack)) {
    return lacking(`stack ${stack} was never released`, `${up}; then run the same command again`);
  }
  const known = owners
    .filter((one) => one.clone === clone && one.project === project && one.backend === backend)
    .map((one) => one.stack);
  const others = [...new Set([...known, ...here])].filter((name) => name !== owner.stack);
  const meant = suggest(stack, others);
  return new StageFailure(`there is no stack ${stack} here, and no Pulumi.${stack}.yaml`, {
    hint: meant ? `did you mean ${meant}?` : `there are ${others.join(", ") || "no others"}`,
    exitCode: EXIT.wrongSettings,
  });
}

const backendName = (backend: string) => (backend === OWN_BACKEND ? "of kragle's own" : backend);
