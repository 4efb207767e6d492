import { createHash } from "node:crypto";

import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";

import { asUuid } from "../host/uuid";
import type { PackageFile, PackageFiles } from "../plan/packageFiles";
import type { InstalledPackage, PackageList } from "../plan/packages";

export interface SbomSubject {
  readonly imageName: string;
  readonly imageSha256: string;
  /** When the image was made; ISO 8601. */
  readonly madeAt: string;
  readonly kragleVersion: string;
}

/**
 * The bill of materials, CycloneDX 1.6 as JSON: the packages, and the files that none of them accounts for. Equal images and
 * package lists make equal bytes: number and time are the image's, and every list is sorted.
 */
export function encodeSbom(
  subject: SbomSubject,
  list: PackageList,
  files: PackageFiles = null,
): string {
  const image = new Models.Component(Enums.ComponentType.OperatingSystem, subject.imageName, {
    version: subject.imageSha256.slice(0, 12),
    bomRef: `sha256:${subject.imageSha256}`,
    ...(list.distribution ? { description: list.distribution.prettyName } : {}),
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], subject.imageSha256]]),
  });
  const bom = new Models.Bom({
    serialNumber: serialNumber(subject.imageSha256),
    metadata: new Models.Metadata({
      timestamp: new Date(subject.madeAt),
      component: image,
      properties: new Models.PropertyRepository(lackOf(list, files)),
      lifecycles: new Models.LifecycleRepository([Enums.LifecyclePhase.PostBuild]),
      tools: new Models.Tools({
        components: new Models.ComponentRepository([
          new Models.Component(Enums.ComponentType.Application, "kragle", {
            version: subject.kragleVersion,
          }),
        ]),
      }),
    }),
  });
  for (const one of list.packages) {
    const component = componentOf(one, list);
    bom.components.add(component);
    image.dependencies.add(component.bomRef);
  }
  for (const file of listedFiles(files)) bom.components.add(fileComponent(file));
  const serializer = new Serialize.JsonSerializer(
    new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6),
  );
  return serializer.serialize(bom, { sortLists: true, space: 1 }) + "\n";
}

/** The number of an image's bill of materials: a UUID made of its digest (version 8, RFC 9562). */
export function serialNumber(imageSha256: string): string {
  const bytes = createHash("sha256").update(`kragle sbom ${imageSha256}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `urn:uuid:${asUuid(bytes.toString("hex"))}`;
}

/** The package's URL: https://github.com/package-url/purl-spec, types deb and rpm; the namespace is the distribution. */
export function packageUrl(
  one: InstalledPackage,
  { distribution, ecosystem }: PackageList,
): string {
  const { name, version, architecture, source, sourceVersion } = one;
  const distro =
    distribution && [distribution.id, distribution.versionId].filter(Boolean).join("-");
  const qualifiers: Record<string, string> = { arch: architecture };
  if (distro) qualifiers.distro = distro;
  if (source !== name || sourceVersion !== version)
    qualifiers.upstream = `${source}@${sourceVersion}`;
  // rpm keeps the epoch out of the version
  const [, epoch, plain] = /^(?:(\d+):)?(.*)$/.exec(version)!;
  const isRpm = ecosystem === "rpm";
  if (isRpm && epoch) qualifiers.epoch = epoch;
  const type = ecosystem ?? "generic";
  const namespace = distribution?.id;
  return canonical(
    new PackageURL(type, namespace, name, isRpm ? plain : version, qualifiers).toString(),
  );
}

/**
 * The one spelling that purl has, which scanners compare as text: the library leaves "+" in versions, where some read a blank, and
 * encodes ":" and "~" in qualifiers. What is replaced here stands nowhere else in what it writes.
 */
const canonical = (purl: string) =>
  purl.replaceAll("+", "%2B").replaceAll("%3A", ":").replaceAll("%7E", "~");

/** Files that a bill lists; an image with more has all of them in the evidence. */
const MOST_FILES = 20_000;

/** Those that do not come of a package either. */
const ownFiles = (files: PackageFiles): readonly PackageFile[] =>
  (files ?? []).filter(({ state }) => state !== "derived");

/** The files that a bill lists. */
export const listedFiles = (files: PackageFiles): readonly PackageFile[] =>
  ownFiles(files).slice(0, MOST_FILES);

/** A file that no package accounts for. */
function fileComponent({ path, state, package: owner, bytes, sha256 }: PackageFile) {
  const properties = { "kragle:state": state, "kragle:package": owner, "kragle:bytes": bytes };
  return new Models.Component(Enums.ComponentType.File, path, {
    bomRef: `file:${path}`,
    hashes: new Models.HashDictionary(sha256 ? [[Enums.HashAlgorithm["SHA-256"], sha256]] : []),
    properties: new Models.PropertyRepository(
      Object.entries(properties).flatMap(([key, value]) =>
        value === null ? [] : new Models.Property(key, String(value)),
      ),
    ),
  });
}

/** Names of the properties that say why a bill lists nothing, and which files it does not list. */
export const INCOMPLETE = "kragle:incomplete";
export const FILES_LACKING = "kragle:files-lacking";

/** What a bill lacks: whoever reads it alone must not take it for the whole. */
function lackOf({ ecosystem }: PackageList, files: PackageFiles): Models.Property[] {
  if (ecosystem === null) {
    const why = "the image has no package database that kragle can read";
    return [new Models.Property(INCOMPLETE, why)];
  }
  if (files === null) {
    return [new Models.Property(FILES_LACKING, "files could not be compared with their packages")];
  }
  const more = ownFiles(files).length - MOST_FILES;
  if (more <= 0) return [];
  const words = `${more} files more, in order of their paths; evidence/check/package-files.json has them all`;
  return [new Models.Property(FILES_LACKING, words)];
}

function componentOf(one: InstalledPackage, list: PackageList): Models.Component {
  const { name, version, license, homepage, installedBytes } = one;
  const purl = packageUrl(one, list);
  const properties = { "kragle:installedBytes": String(installedBytes) };
  return new Models.Component(Enums.ComponentType.Library, name, {
    version,
    purl,
    bomRef: purl,
    // a database's words, such as "GPLv3+ and BSD": a name, not one of SPDX's ids
    licenses: new Models.LicenseRepository(license ? [new Models.NamedLicense(license)] : []),
    externalReferences: new Models.ExternalReferenceRepository(
      homepage && URL.canParse(homepage)
        ? [new Models.ExternalReference(homepage, Enums.ExternalReferenceType.Website)]
        : [],
    ),
    properties: new Models.PropertyRepository(
      Object.entries(properties).map(([key, value]) => new Models.Property(key, value)),
    ),
  });
}
