import { EXIT, StageFailure } from "../host/failure";
import { outputOf } from "../host/process";
import { OLDEST_PULUMI } from "../host/pulumiVersion";
import { isAtLeast } from "../host/version";

export type EngineName = "pulumi" | "embedded";

/** Seconds; a busy machine needs many to start a program of 150 MiB. */
const ANSWERS_WITHIN = 60;

/**
 * @param seconds after which the CLI is not waited for any more
 * @returns the version of the Pulumi CLI on PATH, be it usable or too old; undefined where there is none
 * @throws StageFailure (exit code 3) where it does not answer: the other engine, which knows nothing of its state, must not run instead
 */
export async function askPulumi(seconds = ANSWERS_WITHIN): Promise<string | undefined> {
  const limit = AbortSignal.timeout(seconds * 1000);
  const answer = await outputOf(["pulumi", "version"], {
    signal: limit,
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
  }).catch(() => {
    if (!limit.aborted) return "";
    throw new StageFailure(`"pulumi version" did not answer within ${seconds} s`, {
      hint: "see why; --engine embedded runs without the Pulumi CLI",
      exitCode: EXIT.lacking,
    });
  });
  return /v?\d+\.\d+\.\d+\S*/.exec(answer)?.[0];
}

/**
 * @returns the version of a usable Pulumi CLI on PATH, or undefined
 * @throws StageFailure as `askPulumi`
 */
export async function findPulumi(seconds = ANSWERS_WITHIN): Promise<string | undefined> {
  const version = await askPulumi(seconds);
  return version && isAtLeast(version, OLDEST_PULUMI) ? version : undefined;
}

/** The engine that was asked for; otherwise the real CLI where there is one. */
export async function chooseEngine(asked: EngineName | undefined): Promise<EngineName | undefined> {
  if (asked === "embedded") return asked;
  const pulumi = await findPulumi();
  if (asked === "pulumi") return pulumi ? asked : undefined;
  return pulumi ? "pulumi" : "embedded";
}
