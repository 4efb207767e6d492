import { releasedName } from "./fileNames";
import type { Conversion } from "./formats";
import type { FileDigests, InputFiles } from "./imagePlan";
import type { ImageSpec } from "./imageSpec";
import type { PublicationSpec } from "./publication";
import { check } from "./stages/check";
import { type Planned, plan } from "./stages/contract";
import { convert } from "./stages/convert";
import { publish } from "./stages/publish";
import { conversionUpstream, release } from "./stages/release";
import { smoke } from "./stages/smoke";

/** The stages that belong to one image file: keyed by what is in it, so that evidence can never belong to another file. */
export interface ProofPlan {
  readonly check: Planned<typeof check>;
  readonly conversions: readonly (Planned<typeof convert> & { readonly conversion: Conversion })[];
  readonly smoke: Planned<typeof smoke> | undefined;
  readonly release: Planned<typeof release>;
  readonly publications: readonly (Planned<typeof publish> & {
    readonly publication: PublicationSpec;
  })[];
}

/** Plans what follows the image, by the image's content. */
export function planProof(spec: ImageSpec, files: InputFiles, imageSha256: string): ProofPlan {
  const ofImage = { imageSha256 };
  const { waive } = spec.check;
  const checked = plan(
    check,
    {
      programs: files.programs.check,
      rules: files.rules,
      ...(Object.keys(files.ownRules).length ? { ownRules: files.ownRules } : {}),
      ...(waive.length
        ? { waive: Object.fromEntries(waive.map(({ rule, reason }) => [rule, reason])) }
        : {}),
    },
    ofImage,
  );
  const conversions = spec.formats.map((conversion) => {
    const { format, options } = conversion;
    const inputs = { programs: files.programs.convert, format, options: { ...options } };
    return { conversion, ...plan(convert, inputs, ofImage) };
  });
  const booted = planSmoke(spec, files, ofImage);
  const released = plan(
    release,
    {
      path: spec.path,
      owner: files.owner,
      signer: files.signer,
      imageName: spec.imageName,
      files: Object.fromEntries(
        conversions.map(({ conversion }) => [
          conversion.name,
          releasedName(conversion, spec.imageName),
        ]),
      ),
    },
    {
      ...ofImage,
      check: checked.key,
      ...Object.fromEntries(conversions.map((c) => [conversionUpstream(c.conversion.name), c.key])),
      ...(booted ? { smoke: booted.key } : {}),
    },
  );
  const publications = spec.publish.map((publication) => ({
    publication,
    ...planPublication(released.key, publication),
  }));
  return { check: checked, conversions, smoke: booted, release: released, publications };
}

function planSmoke(spec: ImageSpec, files: InputFiles, ofImage: { imageSha256: string }) {
  if (spec.smoke === "none") return undefined;
  const { smoke: driver, libvirtUri, proof, memoryMiB, cpus } = spec;
  const { channel, firmware } = spec.template.smoke;
  const [first, ...others] = firmware;
  return plan(
    smoke,
    {
      architecture: spec.architecture,
      programs: files.programs.smoke,
      driver,
      ...(driver === "libvirt" ? { libvirtUri } : {}),
      proof,
      channel,
      firmware: [first, ...(proof === "full" ? others : [])],
      memoryMiB,
      cpus,
      ...testInputs(spec, files.tests),
    },
    ofImage,
  );
}

/** Of the user's tests: their content, order and arguments; how long they may take is in no key. */
function testInputs({ tests: own }: ImageSpec, tests: FileDigests) {
  if (own.length === 0) return {};
  const args = Object.keys(tests).map((name, index) => [name, [...own[index]!.args]] as const);
  const given = args.filter(([, list]) => list.length > 0);
  return { tests, ...(given.length > 0 ? { testArguments: Object.fromEntries(given) } : {}) };
}

/** Plans a publication. How many versions stay is not in the key: it makes no other publication. */
export const planPublication = (
  releaseKey: string,
  { destination, files }: Pick<PublicationSpec, "destination" | "files">,
): Planned<typeof publish> =>
  plan(publish, { destination, files: [...files] }, { release: releaseKey });
