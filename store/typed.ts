import { complaints, type ResultOf, type StageContract } from "../plan/stages/contract";
import { type Artifact, type ArtifactStore, ArtifactUnavailable } from "./artifactStore";

/** An artifact of a stage, with what the stage told of it. */
export interface ArtifactOf<C extends StageContract> extends Artifact {
  readonly result: ResultOf<C>;
}

/**
 * An artifact whose result is read by its stage's contract.
 *
 * @throws ArtifactUnavailable where it is not there, not whole, or of a version whose result this one cannot read
 */
export async function artifactOf<C extends StageContract>(
  store: ArtifactStore,
  contract: C,
  key: string,
): Promise<ArtifactOf<C>> {
  const artifact = await store.artifact(contract.stage, key);
  const read = contract.result.safeParse(artifact.manifest.result);
  if (read.success) return { ...artifact, result: read.data as ResultOf<C> };
  const problems = complaints("result", read.error).join("; ");
  throw new ArtifactUnavailable(
    `what stage ${contract.stage} told is not what this kragle understands (${problems}); build it again with --rebuild ${contract.stage}`,
  );
}
