import type { EngineName } from "../engine/choose";
import { EXIT, StageFailure } from "../host/failure";
import { SettingsError } from "../infra/settings";
import type { ImageSpec } from "../plan/imageSpec";
import type { StackSettings } from "./stackSettings";

/** Something that only the Pulumi CLI can do, and that a stack's settings ask for. */
export interface EngineNeed {
  readonly name: string;
  readonly need: string;
  /** Undefined where the engine can do it. */
  readonly problem: SettingsError | StageFailure | undefined;
}

/**
 * What a stack's settings ask of the engine; told by `doctor`, and by `preview` and `up` before they start.
 *
 * @param engine the one that will run
 * @param asked what `--engine` says
 */
export function engineNeeds(
  engine: EngineName,
  asked: EngineName | undefined,
  { project, secretNames }: Pick<StackSettings, "project" | "secretNames">,
  images: readonly Pick<ImageSpec, "smoke">[],
): EngineNeed[] {
  const embedded = engine === "embedded";
  const encrypted = secretNames.map(
    (name) => `${project}:${name} is encrypted, and only the Pulumi CLI can decrypt it`,
  );
  return [
    ...(encrypted.length === 0
      ? []
      : [
          {
            name: "Encrypted settings",
            need: "the Pulumi CLI, which decrypts them",
            problem: embedded ? new SettingsError(encrypted) : undefined,
          },
        ]),
    ...(images.every(({ smoke }) => smoke !== "libvirt")
      ? []
      : [
          {
            name: "Driver libvirt",
            need: "the Pulumi CLI, whose state knows which objects at the daemon to delete",
            problem: embedded ? noLibvirt(asked, project) : undefined,
          },
        ]),
  ];
}

function noLibvirt(asked: EngineName | undefined, project: string): SettingsError | StageFailure {
  if (asked) {
    return new SettingsError([
      `${project}:smoke: libvirt needs the Pulumi CLI; leave --engine embedded out, or set smoke to qemu`,
    ]);
  }
  return new StageFailure("smoke is set to libvirt, and that needs the Pulumi CLI", {
    hint: 'install the Pulumi CLI ("./kragle doctor" says how), or set smoke to qemu',
    exitCode: EXIT.lacking,
  });
}
