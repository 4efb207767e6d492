import type { EngineName } from "../engine/choose";
import { EXIT, StageFailure } from "../host/failure";
import type { ImageSpec } from "../plan/imageSpec";
import { SettingsError } from "../settings/stack";
import type { StackSettings } from "./stackSettings";

/**
 * What a stack's settings ask of the engine that only the Pulumi CLI can do; told by `doctor`, and by `preview` and `up` before they start.
 *
 * @param engine the one that will run
 * @param asked what `--engine` says
 * @returns what the engine cannot do; nothing for the Pulumi CLI
 */
export function engineProblems(
  engine: EngineName,
  asked: EngineName | undefined,
  { project, secretNames }: Pick<StackSettings, "project" | "secretNames">,
  images: readonly Pick<ImageSpec, "smoke">[],
): (SettingsError | StageFailure)[] {
  if (engine === "pulumi") return [];
  const encrypted = secretNames.map(
    (name) => `${project}:${name} is encrypted, and only the Pulumi CLI can decrypt it`,
  );
  return [
    ...(encrypted.length > 0 ? [new SettingsError(encrypted)] : []),
    ...(images.some(({ smoke }) => smoke === "libvirt") ? [noLibvirt(asked, project)] : []),
  ];
}

function noLibvirt(asked: EngineName | undefined, project: string): SettingsError | StageFailure {
  if (asked) {
    return new SettingsError([
      `${project}:smoke: libvirt needs the Pulumi CLI; leave --engine embedded out, or set smoke to qemu`,
    ]);
  }
  return new StageFailure(
    "smoke is set to libvirt, and that needs the Pulumi CLI, whose state knows which objects at the daemon to delete",
    {
      hint: 'install the Pulumi CLI ("./kragle doctor" says how), or set smoke to qemu',
      exitCode: EXIT.lacking,
    },
  );
}
