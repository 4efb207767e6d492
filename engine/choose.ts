import { outputOf } from "../host/process";
import { isAtLeast } from "../host/version";
import { OLDEST_PULUMI } from "../infra/pulumiVersion";

export type EngineName = "pulumi" | "embedded";

/** @returns the version of a usable Pulumi CLI on PATH, or undefined */
export async function findPulumi(): Promise<string | undefined> {
  const answer = await outputOf(["pulumi", "version"], {
    signal: AbortSignal.timeout(10_000),
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
  }).catch(() => "");
  const version = /v?\d+\.\d+\.\d+\S*/.exec(answer)?.[0];
  return version && isAtLeast(version, OLDEST_PULUMI) ? version : undefined;
}

/** The engine that was asked for; otherwise the real CLI where there is one. */
export async function chooseEngine(asked: EngineName | undefined): Promise<EngineName | undefined> {
  if (asked === "embedded") return asked;
  const pulumi = await findPulumi();
  if (asked === "pulumi") return pulumi ? asked : undefined;
  return pulumi ? "pulumi" : "embedded";
}
