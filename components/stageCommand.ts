import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import type { StageDescription } from "../plan/description";
import { stageKey } from "../plan/description";

/** What every stage's command is made of. */
export interface StageCommandArgs {
  stack: string;
  /** The name under which the stack keeps the stage's result; also tells commands of one stage apart. */
  root: string;
  /** The stage's name; known in every preview, unlike the description of a stage that follows the image. */
  stage: string;
  description: pulumi.Input<StageDescription>;
  /** Everything the stage needs beyond its description; goes to it by stdin and may change without a rebuild. */
  settings: pulumi.Input<object>;
  /**
   * Why the stage has to run although nothing that it declares has changed: its artifact was lost, or is to be rebuilt. Undefined
   * while the artifact is there; the value that an earlier run left in the state then stays, so that it makes no difference.
   */
  marker: string | undefined;
  /** Secret values by name; encrypted in the state, never part of a key. */
  secrets?: Record<string, pulumi.Input<string>>;
}

const MARKER = "KRAGLE_MARKER";

/** A command resource that runs one stage. Its stdout is the stage's answer, one line of JSON. */
export function stageCommand(
  name: string,
  args: StageCommandArgs,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  // the compiler cannot follow Pulumi's unwrapping through a recursive JSON type
  const description = pulumi.output(args.description as unknown) as pulumi.Output<StageDescription>;
  const { stack, root } = args;
  const stdin = (
    pulumi.output({
      stack,
      root,
      description,
      settings: args.settings,
    } as unknown) as pulumi.Output<unknown>
  ).apply((request) => JSON.stringify(request));
  const secrets = Object.entries(args.secrets ?? {}).map(([secret, value]) => [
    `KRAGLE_SECRET_${secret}`,
    pulumi.secret(value),
  ]);
  return new command.local.Command(
    name,
    {
      create: `exec ./kragle stage ${args.stage}`,
      delete: `exec ./kragle drop-root '${args.stack}' '${args.root}'`,
      stdin,
      environment: {
        KRAGLE_KEY: description.apply(stageKey),
        ...(args.marker === undefined ? {} : { [MARKER]: args.marker }),
        ...Object.fromEntries(secrets),
      },
      addPreviousOutputInEnv: false,
      logging: "stderr",
    },
    pulumi.mergeOptions(opts, {
      deleteBeforeReplace: true,
      customTimeouts: { create: "24h", update: "24h" },
      ignoreChanges: args.marker === undefined ? [`environment.${MARKER}`] : [],
    }),
  );
}

/** The answer that a stage printed. */
export interface Answer {
  readonly key: string;
  readonly result: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

/** @throws pulumi.ResourceError, from the output, where what the stage printed is no answer */
export function answerOf(stage: command.local.Command): pulumi.Output<Answer> {
  return stage.stdout.apply((line) => {
    try {
      return JSON.parse(line) as Answer;
    } catch {
      const said = line === "" ? "nothing" : `"${line.slice(0, 80)}"`;
      const message = `the stage was to print one line of JSON, and printed ${said}`;
      throw new pulumi.ResourceError(message, stage, true);
    }
  });
}
