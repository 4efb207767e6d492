import { releasedNames } from "../plan/fileNames";
import { type Conversion } from "../plan/formats";
import { DESCRIPTION, EVIDENCE, OWNER, PUBLICATION } from "../release/layout";
import { quote, refusing, text } from "./values";

/** What kragle itself puts beside an image: such a name would be overwritten, or take the place of a folder. */
const OWN = [...DESCRIPTION, OWNER, PUBLICATION, EVIDENCE].map((name) => name.toLowerCase());

/** Names that mean the same to every file system, shell, list of sums and storage pool. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** Leaves room for what stands before it in a pool's volume, and behind it while it is copied. */
const LONGEST = 100;

/** What is wrong with the name of a released file; undefined where nothing is. */
export function fileNameProblem(name: string): string | undefined {
  if (!NAME.test(name)) {
    return `${quote(name)} is no name for a file; letters, digits, ".", "_", "+" and "-" are allowed, the first of them a letter or digit`;
  }
  if (name.length > LONGEST) return `${quote(name)} is longer than ${LONGEST} characters`;
  if (OWN.includes(name.toLowerCase()))
    return `${quote(name)} is the name of a file of kragle's own`;
  return undefined;
}

/** The name of a file under PATH/output. */
export const fileName = (example: string) => text(example).superRefine(refusing(fileNameProblem));

/**
 * Files of one name, on a file system that knows no capitals either.
 *
 * @returns the place of each setting that names a file once more, and what is wrong
 */
export function sameNames(
  imageName: string,
  formats: readonly Conversion[],
): [place: string, problem: string][] {
  const taken = new Map([[imageName.toLowerCase(), "the image"]]);
  return formats.flatMap((conversion, index) =>
    releasedNames(conversion, imageName).flatMap((name): [string, string][] => {
      const other = taken.get(name.toLowerCase());
      taken.set(name.toLowerCase(), conversion.name);
      return other === undefined
        ? []
        : [
            [
              `formats[${index}]`,
              `${quote(name)} is the name of ${other} already; give it a file of another name, as in {format: ${conversion.format}, file: NAME}`,
            ],
          ];
    }),
  );
}

/** A file that a place is to get and that no release of these settings has; undefined where there is none. */
export function unreleased(
  wanted: readonly string[],
  imageName: string,
  formats: readonly Conversion[],
): string | undefined {
  const images = [imageName, ...formats.flatMap((each) => releasedNames(each, imageName))];
  const lacking = wanted.find((name) => ![...images, ...DESCRIPTION].includes(name));
  return (
    lacking && `a release of these settings has no ${quote(lacking)}; it has ${images.join(", ")}`
  );
}
