import type { Site } from "../executors/site";
import { opensDirectly } from "../host/directIo";
import { type FailureDetails, StageFailure } from "../host/failure";
import type { Claim } from "./claim";
import type { Target } from "./target";
import { runTool } from "./tools";

/** A target that is being written, and what with. */
export interface Writing extends Pick<Site, "docker"> {
  readonly image: { readonly path: string; readonly virtualBytes: number };
  readonly toolsImage: string;
  readonly target: Target;
  readonly claim: Claim;
  readonly signal: AbortSignal;
}

/** Whether the target can be reached past the page cache. */
export const isDirect = async ({ target, claim }: Writing) =>
  target.kind === "device" || (await opensDirectly(claim.path));

/**
 * Runs a tool on the target.
 *
 * @param onShare receives the share that is done, 0 to 1, as `qemu-img -p` prints it
 * @param explain makes a better failure of the tool's words where it can
 * @throws StageFailure with the tool's words where it fails
 */
export async function onTarget(
  { docker, image, toolsImage, target, claim, signal }: Writing,
  command: readonly string[],
  onShare: (share: number) => void = () => undefined,
  explain: (words: string) => StageFailure | undefined = () => undefined,
): Promise<void> {
  const words: string[] = [];
  const exitCode = await runTool({
    ...{ docker, toolsImage, signal, command, image: image.path },
    ...{ claimed: claim.path, usesTarget: true },
    onLine: (line) => {
      const percent = /^\s*\((\d+(?:\.\d+)?)\/100%\)/.exec(line)?.[1];
      if (percent === undefined) words.push(line.trim());
      else onShare(Number(percent) / 100);
    },
  }).catch((error: Error) => {
    throw incomplete(target, error.message, error instanceof StageFailure ? error.details : {});
  });
  if (exitCode === 0) return;
  const text = firstError(words) ?? words.filter(Boolean).slice(-5).join("\n");
  throw explain(text) ?? incomplete(target, text || `${command[0]} ended with code ${exitCode}`);
}

/** qemu-img's parallel requests may report several errors: the one at the lowest offset. */
function firstError(words: readonly string[]): string | undefined {
  const errors = words.flatMap((line) => {
    const found = /error while (?:reading|writing) at byte (\d+): .*/.exec(line);
    return found ? [{ text: found[0], at: Number(found[1]) }] : [];
  });
  return errors.sort((a, b) => a.at - b.at)[0]?.text;
}

/** A failure when writing had already begun, so that the target has neither its old content nor the image. */
export function incomplete(
  target: Target,
  what: string,
  details: FailureDetails = {},
): StageFailure {
  const result =
    target.kind === "device"
      ? `${target.path} is now incomplete and must be written again`
      : `there is no new ${target.path}`;
  return new StageFailure(`writing to ${target.path} stopped: ${what}\n${result}`, details);
}
