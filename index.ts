/** What programs that have kragle as a package import. */
export { BuilderImage, type BuilderImageArgs } from "./components/builderImage";
export { BuildRun, type BuildRunArgs } from "./components/buildRun";
export { Conversion, type ConversionArgs } from "./components/conversion";
export { Publication, type PublicationArgs } from "./components/publication";
export { Qcow2Artifact, type Qcow2ArtifactArgs } from "./components/qcow2Artifact";
export { Release, type ReleaseArgs } from "./components/release";
export { SmokeDomain, type SmokeDomainArgs } from "./components/smokeDomain";
export { GoldenImage } from "./infra/goldenImage";
export * from "./infra/goldenImageArgs";
export type { BootProof, ImageFile, PublishedVersion } from "./infra/imageOutputs";
export type { LibvirtOutputs, LibvirtVolumes } from "./plan/outputs";
