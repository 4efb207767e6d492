import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import { dropsRoot, MARKER, type Reach, runsStage, SECRET } from "../plan/invocation";
import { rootOf } from "../plan/roots";
import type { StageAnswer, StageCall } from "../plan/stages/call";
import type { Planned, RequestOf, StageContract } from "../plan/stages/contract";

/**
 * What a stage's command was called before: by that it keeps its place in the state. Pulumi finds by itself only those whose names begin with
 * the one of the component around them.
 *
 * @param earlier its name in the states of earlier versions
 * @param formerly what the image was called before
 */
export const formerAliases = (
  stage: string,
  earlier: string,
  formerly: readonly string[] = [],
): pulumi.Alias[] => [
  { name: earlier },
  ...formerly.map((image) => ({ name: rootOf(image, stage) })),
];

/** What every stage's command is made of. */
export interface StageCommandArgs<C extends StageContract> {
  stack: string;
  /** How commands reach kragle. */
  reach: Reach;
  /** Known in every preview, unlike the plan of a stage that follows the image. */
  contract: C;
  planned: Planned<C> | pulumi.Output<Planned<C>>;
  request: RequestOf<C> | pulumi.Output<RequestOf<C>>;
  /**
   * Why the stage has to run although nothing that it declares has changed: its artifact was lost, or is to be rebuilt. Undefined
   * while the artifact is there; the value that an earlier run left in the state then stays, so that it makes no difference.
   */
  marker: string | undefined;
  /** Secret values by name; encrypted in the state, never part of a key. */
  secrets?: Record<string, pulumi.Input<string>>;
}

/** A stage's command, and what it answers. */
export interface StageResource<C extends StageContract> {
  readonly command: command.local.Command;
  readonly answer: pulumi.Output<StageAnswer<C>>;
}

/**
 * A command resource that runs one stage.
 *
 * @param name also the root under which the stack keeps the result, and the step's name in every message
 */
export function stageCommand<C extends StageContract>(
  name: string,
  args: StageCommandArgs<C>,
  opts: pulumi.CustomResourceOptions,
): StageResource<C> {
  const { stack, contract, marker } = args;
  const { kragle } = args.reach;
  const project = pulumi.getProject();
  const planned = settled(args.planned);
  const call = pulumi
    .all([planned, settled(args.request)])
    .apply(([{ description }, request]): StageCall<C> => ({
      ...{ project, stack, root: name, description },
      request: request as RequestOf<C>,
    }));
  const secrets = Object.entries(args.secrets ?? {}).map(
    ([secret, value]) => [`${SECRET}${secret}`, pulumi.secret(value)] as const,
  );
  const resource = markedCommand(
    name,
    {
      create: planned.apply(({ key }) => runsStage(kragle, { stage: contract.stage, key })),
      delete: dropsRoot(kragle, { project, stack }, name),
      stdin: call.apply((line) => JSON.stringify(line)),
      environment: Object.fromEntries(secrets),
      marker,
    },
    pulumi.mergeOptions(opts, {
      customTimeouts: { create: "24h", update: "24h" },
      // the call has every input of the stage, a line each; what of it changed the plan says. The command stays to be seen, with the
      // key in it: where all that changed is hidden, the CLI (3.260) prints everything
      hideDiffs: ["stdin"],
    }),
  );
  return {
    command: resource,
    // a getter, so that an answer is parsed only where somebody reads it
    get answer() {
      return printedAnswer<StageAnswer<C>>(resource);
    },
  };
}

/** What a command is told. */
interface MarkedCommandArgs extends Pick<command.local.CommandArgs, "create" | "delete" | "stdin"> {
  environment?: Record<string, pulumi.Input<string>>;
  /** See `StageCommandArgs.marker`. */
  marker: string | undefined;
}

/** A command resource that runs a program of kragle's: anew for whatever it is told, and for another marker. */
export function markedCommand(
  name: string,
  { marker, environment, ...args }: MarkedCommandArgs,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  return new command.local.Command(
    name,
    {
      ...args,
      environment: { ...environment, ...(marker === undefined ? {} : { [MARKER]: marker }) },
      addPreviousOutputInEnv: false,
      logging: "stderr",
    },
    pulumi.mergeOptions(opts, {
      deleteBeforeReplace: true,
      ignoreChanges: marker === undefined ? [`environment.${MARKER}`] : [],
    }),
  );
}

/** A value that may not be known yet. Pulumi's own unwrapping looks into it, which is not needed, and too deep for the compiler. */
const settled = <T>(value: T | pulumi.Output<T>) =>
  pulumi.output(value as unknown) as pulumi.Output<unknown> as pulumi.Output<T>;

/**
 * The one line of JSON that a command printed.
 *
 * @throws pulumi.ResourceError, from the output, where it printed something else
 */
export function printedAnswer<T>(resource: command.local.Command): pulumi.Output<T> {
  return resource.stdout.apply<unknown>((line) => {
    try {
      return JSON.parse(line);
    } catch {
      const said = line === "" ? "nothing" : `"${line.slice(0, 80)}"`;
      const message = `the stage was to print one line of JSON, and printed ${said}`;
      throw new pulumi.ResourceError(message, resource, true);
    }
  }) as pulumi.Output<T>;
}
