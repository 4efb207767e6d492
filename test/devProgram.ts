import * as pulumi from "@pulumi/pulumi";

import { readStackSettings } from "../cli/stackSettings";
import { program } from "../infra/program";
import type { ResultOf } from "../plan/stages/contract";
import type { release } from "../plan/stages/release";
import { type MockRun, type Registered, requestOf, valueOf, withMocks } from "./mocks";
import { RELEASE_RESULT } from "./sampleCalls";
import { sampleSha256 } from "./samples";
import type { TemporaryStore } from "./temporaryStore";
import { siteWithoutDocker } from "./site";

type Outputs = Readonly<Record<string, unknown>>;

export interface ProgramRun extends MockRun<Outputs | undefined> {
  /** The resources as `type name < parent`. */
  readonly list: readonly string[];
}

/** Where no Docker daemon is, so that what the machine has in Docker makes no difference. */
export const NO_DOCKER = { DOCKER_HOST: "unix:///nowhere/docker.sock" };

/** What the release stage of these tests says. */
export const RELEASED = {
  ...RELEASE_RESULT,
  imageSha256: sampleSha256,
  conversions: { raw: { path: "build/dev/output/kragle.raw", sha256: sampleSha256, bytes: 9 } },
} satisfies ResultOf<typeof release>;

/** What a stage's command prints. */
export function answer(resource: Registered): Outputs {
  if (resource.type !== "command:local:Command") return {};
  if (resource.name.endsWith("docker-base"))
    return { stdout: JSON.stringify({ image: "kragle-base:bookworm", buildArgs: {} }) };
  if (resource.name === "hand-image") return { stdout: JSON.stringify({ failed: null }) };
  if (resource.name === "smoke-type") return { stdout: JSON.stringify({ type: "qemu" }) };
  const { description } = requestOf(resource) as { description: { stage: string } };
  const result = description.stage === "release" ? RELEASED : {};
  const files = { "image.qcow2": { sha256: sampleSha256, bytes: 8 } };
  return { stdout: JSON.stringify({ key: "k", result, files }) };
}

/** Runs the whole program for the stack dev, with other settings where they are given, on a store of the test's own. */
export async function runProgram(
  at: TemporaryStore,
  options: {
    readonly settings?: Outputs;
    readonly preview?: boolean;
    readonly rebuild?: readonly string[];
    readonly outputs?: (resource: Registered) => Outputs | Promise<Outputs>;
  } = {},
): Promise<ProgramRun> {
  const site = siteWithoutDocker(at.home);
  const values = { ...readStackSettings("dev").values, ...options.settings };
  const config = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const run = await withMocks(
    async () =>
      valueOf(
        pulumi.output(await program({ site, rebuild: options.rebuild, planIsShown: true })),
      ) as Promise<Outputs | undefined>,
    {
      config: Object.fromEntries(config) as Record<string, string>,
      preview: options.preview ?? false,
      outputs: options.outputs ?? (options.preview ? () => ({}) : answer),
    },
  );
  const list = run.resources.map(({ type, name, parent }) => `${type} ${name} < ${parent}`);
  return { ...run, list };
}
