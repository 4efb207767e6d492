import { outputOf } from "../host/process";
import { OLDEST_PULUMI } from "../infra/pulumiVersion";

export type EngineName = "pulumi" | "embedded";

/** @returns the version of a usable Pulumi CLI on PATH, or undefined */
export async function findPulumi(): Promise<string | undefined> {
  const answer = await outputOf(["pulumi", "version"], {
    signal: AbortSignal.timeout(10_000),
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
  }).catch(() => "");
  const version = /v?(\d+)\.(\d+)\.(\d+)\S*/.exec(answer);
  if (!version) return undefined;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const enough =
    major > OLDEST_PULUMI[0] || (major === OLDEST_PULUMI[0] && minor >= OLDEST_PULUMI[1]);
  return enough ? version[0] : undefined;
}

/** The engine that was asked for; otherwise the real CLI where there is one. */
export async function chooseEngine(asked: EngineName | undefined): Promise<EngineName | undefined> {
  if (asked === "embedded") return asked;
  const pulumi = await findPulumi();
  if (asked === "pulumi") return pulumi ? asked : undefined;
  return pulumi ? "pulumi" : "embedded";
}
