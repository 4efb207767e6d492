import { stackNames } from "../../host/project";
import type { StackSpec } from "../../plan/imageSpec";
import { parseStack, SettingsError } from "../../settings/stack";
import { isAnotherProgram } from "../anotherProgram";
import { readStack, readStackSettings, type StackSettings } from "../stackSettings";
import { withDigests } from "./unsetDigests";

/** What a stack wants; without what its settings say where these are wrong. */
export interface Wanted {
  readonly problem?: SettingsError;
  readonly known?: { readonly settings: StackSettings; readonly spec: StackSpec };
}

/**
 * In the project of another program nothing is known of what its images want.
 *
 * @throws StageFailure for a stack that there is not: nothing could be said of it
 */
export function readWanted(stack: string): Wanted {
  if (isAnotherProgram()) return {};
  try {
    return { known: readStack(stack) };
  } catch (problem) {
    if (!(problem instanceof SettingsError && stackNames().includes(stack))) throw problem;
    return { problem, known: butForDigests(stack) };
  }
}

/** The stack, if nothing but digests is lacking in its settings. */
function butForDigests(stack: string): Wanted["known"] {
  try {
    const settings = readStackSettings(stack);
    const { values, project, problems } = settings;
    return { settings, spec: parseStack(withDigests(values), stack, project, problems) };
  } catch (error) {
    if (error instanceof SettingsError) return undefined;
    throw error;
  }
}
