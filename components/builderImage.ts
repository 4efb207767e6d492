import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { type Architecture, ARCHITECTURES } from "../plan/architecture";
import { dropsRoot, MARKER, type Reach, runsStage } from "../plan/invocation";
import { rootOf } from "../plan/roots";
import { builder } from "../plan/stages/builder";
import type { Planned } from "../plan/stages/contract";
import { type AnswerTo, dockerBase, handImage, type RequestTo } from "../plan/stages/questions";
import { formerAliases, markedCommand, printedAnswer } from "./stageCommand";

/** Arguments of {@link BuilderImage}. */
export interface BuilderImageArgs {
  stack: string;
  /** How commands reach kragle, and Docker the files of the builder. */
  reach: Reach;
  /** The image that alone has it; by default none, since those of a stack share it. */
  called?: string | null;
  /** What the image was called before: a resource keeps its place in the state. */
  formerly?: readonly string[];
  architecture: Architecture;
  /** What the images declare. */
  planned: Planned<typeof builder>;
  /** A ready builder image by reference; nothing is built then. */
  prebuilt?: string;
  /** Tag of the image that runs the stages; it contains the builder's key, so equal tags mean equal builders. */
  toolsImage: string;
  /** The Docker image to build on. @example "debian:bookworm-slim" */
  baseImage: string;
  /** Which Packer: the pinned release, the distribution's, or the first of the two that can be had. */
  packer: "auto" | "release" | "distribution";
  /** Whether it brings Ansible along, for steps of that kind. */
  ansible: boolean;
  /** Set when the Docker daemon has no image of that tag any more, see `StageCommandArgs.marker`. */
  toolsMarker: string | undefined;
  /** The image that is left for use by hand; by default none is. */
  hand?: {
    /** Of all that it is made of. */
    readonly digest: string;
    /** The same for that image. */
    readonly marker: string | undefined;
  };
}

/** What a build may need of the host: its package mirror, its proxies. */
const HOST_ARGS = ["APT_SOURCES_B64", "APT_CONF_B64", "http_proxy", "https_proxy", "no_proxy"];

/**
 * The container images: `tools` runs every stage, `kragle` (the same with templates and scripts) may be left for use by hand.
 * Their base is pulled, or made on this machine where no registry answers.
 */
export class BuilderImage extends pulumi.ComponentResource {
  /** Reference of the image that runs the stages. */
  readonly image: pulumi.Output<string>;
  /** What a stage has to wait for. */
  readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: BuilderImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:BuilderImage", name, {}, opts);
    this.image = pulumi.output(args.prebuilt ?? args.toolsImage);
    if (!args.prebuilt) this.ready.push(this.build(name, args));
    this.registerOutputs({ image: this.image });
  }

  private build(name: string, args: BuilderImageArgs): docker.Image {
    const marker = args.toolsMarker;
    const { stack, called = null, formerly } = args;
    const { kragle, context } = args.reach;
    const own = { project: pulumi.getProject(), stack };
    const root = rootOf(called, builder.stage);
    const question: RequestTo<typeof dockerBase> = {
      ...{ ...own, root },
      reference: args.baseImage,
      builder: args.planned.description,
    };
    const base = markedCommand(
      rootOf(called, dockerBase.name),
      {
        ...{
          create: runsStage(kragle, { stage: dockerBase.name }),
          delete: dropsRoot(kragle, own, root),
        },
        ...{ stdin: JSON.stringify(question), marker },
      },
      {
        parent: this,
        // a proxy's address may contain a password
        additionalSecretOutputs: ["stdout"],
        aliases: formerAliases(dockerBase.name, `${name}-base-image`, formerly),
      },
    );
    const answer = printedAnswer<AnswerTo<typeof dockerBase>>(base);
    const tools = new docker.Image(
      root,
      {
        imageName: args.toolsImage,
        skipPush: true,
        buildOnPreview: false,
        build: {
          context,
          // this path of the Dockerfile has ignore rules of its own
          dockerfile: `${context}/tools.Dockerfile`,
          target: "tools",
          platform: ARCHITECTURES[args.architecture].docker,
          // each value on its own: the provider cannot take a map that is unknown as a whole
          args: {
            BASE: answer.image,
            PACKER: args.packer,
            ...(args.ansible ? { ANSIBLE: "yes" } : {}),
            ...Object.fromEntries(
              HOST_ARGS.map((arg) => [arg, answer.buildArgs.apply((all) => all[arg] ?? "")]),
            ),
            ...(marker === undefined ? {} : { [MARKER]: marker }),
          },
        },
      },
      {
        parent: this,
        ignoreChanges: marker === undefined ? [`build.args.${MARKER}`] : [],
        // as earlier versions called it
        aliases: [{ name: `${name}-tools` }],
      },
    );
    if (args.hand) this.leaveForHand(args, args.hand, tools);
    return tools;
  }

  /** By a command, not by docker.Image: where it cannot be built, that is told and fails nothing. */
  private leaveForHand(
    { reach, baseImage: reference, packer }: BuilderImageArgs,
    { digest: key, marker }: NonNullable<BuilderImageArgs["hand"]>,
    tools: docker.Image,
  ): void {
    const question: RequestTo<typeof handImage> = { reference, packer };
    const create = runsStage(reach.kragle, { stage: handImage.name, key });
    const hand = markedCommand(
      handImage.name,
      { create, stdin: JSON.stringify(question), marker },
      { parent: this, dependsOn: tools },
    );
    printedAnswer<AnswerTo<typeof handImage>>(hand).apply(({ failed }) => {
      if (failed !== null) void pulumi.log.warn(`the image for use by hand: ${failed}`, hand);
    });
  }
}
