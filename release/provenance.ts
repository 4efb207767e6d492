import type { KragleVersion } from "../host/kragleVersion";
import type { StageDescription } from "../plan/description";
import { PREDICATE_TYPE, STATEMENT_TYPE } from "./forms";
import type { StageRun } from "./stageRuns";

const BUILD_TYPE = "urn:kragle:image-build:v1";

/** A file, an image or a commit: https://github.com/in-toto/attestation, ResourceDescriptor. */
export interface Resource {
  readonly name: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

export interface ProvenanceFacts {
  readonly subjects: readonly { readonly name: string; readonly sha256: string }[];
  /** Every setting by name; secret ones masked. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly stages: readonly StageRun[];
  /** Descriptions whose inputs are files: builder, base and image, by stage. */
  readonly inputs: Readonly<Record<string, StageDescription>>;
  readonly containers: readonly Resource[];
  /** The kragle that releases; those that made what it releases noted themselves in their runs. */
  readonly kragle: KragleVersion;
  /** Versions by name: Packer, QEMU. */
  readonly tools: Readonly<Record<string, string>>;
  readonly accelerator: string;
  readonly invocationId: string;
  readonly startedOn: string;
  readonly finishedOn: string;
}

/**
 * SLSA v1 provenance (https://slsa.dev/provenance/v1) as an in-toto statement. Who builds on their own machine reaches build
 * level 1: the statement is complete, and only as trustworthy as the machine and the key that signs it.
 */
export function provenance(facts: ProvenanceFacts) {
  return {
    _type: STATEMENT_TYPE,
    subject: facts.subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { settings: facts.parameters },
        internalParameters: { accelerator: facts.accelerator, stages: facts.stages },
        resolvedDependencies: [
          ...facts.containers,
          ...checkouts(facts),
          ...Object.entries(facts.inputs).flatMap(([stage, { inputs }]) =>
            inputFiles(inputs, [stage]),
          ),
        ],
      },
      runDetails: {
        builder: {
          id: "urn:kragle:local",
          version: { kragle: builtBy(facts), ...facts.tools },
        },
        metadata: {
          invocationId: facts.invocationId,
          startedOn: facts.startedOn,
          finishedOn: facts.finishedOn,
        },
      },
    },
  };
}

export type Provenance = ReturnType<typeof provenance>;

/** Version of the kragle that made the image; earlier ones did not note it, and nobody else's stands for it. */
const builtBy = ({ stages }: ProvenanceFacts): string =>
  stages.find(({ root }) => root === "image")?.madeBy?.kragle.version ?? "unknown";

/** Each checkout of kragle that took part, with the stages that it ran. */
function checkouts({ stages, kragle }: ProvenanceFacts): Resource[] {
  const ran = [
    ...stages.map(({ root, madeBy }) => ({ root, version: madeBy?.kragle })),
    { root: "release", version: kragle },
  ];
  const found = Map.groupBy(
    ran.filter(({ version }) => version?.commit),
    ({ version }) => JSON.stringify([version!.commit, version!.modified]),
  );
  return [...found.values()].map((runs) => ({
    name: "kragle",
    digest: { gitCommit: runs[0]!.version!.commit! },
    annotations: {
      modified: runs[0]!.version!.modified,
      stages: runs.map(({ root }) => root),
    },
  }));
}

/** What of a step is its author's words: a text there may look like a digest, and nobody has read a file of it. */
const WORDS: readonly string[] = ["args", "packages", "playbook", "run", "secrets", "variables"];

/** Whatever stands in a description as a digest: templates, scripts, parts of the builder, an ISO, a disk. */
function inputFiles(value: unknown, path: readonly string[]): Resource[] {
  if (value !== null && typeof value === "object") {
    const isStep = path.length === 3 && path[1] === "steps";
    return Object.entries(value)
      .filter(([name]) => !isStep || !WORDS.includes(name))
      .flatMap(([name, part]) => inputFiles(part, [...path, name]));
  }
  const [, sha512, sha256, executable] =
    /^(?:([0-9a-f]{128})|([0-9a-f]{64})(\+x)?)$/.exec(String(value)) ?? [];
  if (sha512) return [{ name: path.join("/"), digest: { sha512 } }];
  if (!sha256) return [];
  const annotations = executable ? { annotations: { executable: true } } : {};
  return [{ name: path.join("/"), digest: { sha256 }, ...annotations }];
}
