import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import type { StageDescription } from "../plan/description";

/** Arguments of {@link BuilderImage}. */
export interface BuilderImageArgs {
  stack: string;
  /** What the images declare. */
  description: StageDescription;
  /** A ready builder image by reference; nothing is built then. */
  prebuilt?: string;
  /** Tag of the image that runs the stages; it contains the builder's key, so equal tags mean equal builders. */
  toolsImage: string;
  /** The Docker image to build on. @example "debian:bookworm-slim" */
  baseImage: string;
  /** Which Packer: the pinned release, the distribution's, or the first of the two that can be had. */
  packer: "auto" | "release" | "distribution";
  /** Set when the Docker daemon has no image of that tag any more, see `StageCommandArgs.marker`. */
  toolsMarker: string | undefined;
  /** The same for the image that is used by hand. */
  handMarker: string | undefined;
}

interface BaseImageAnswer {
  readonly image: string;
  /** Host configuration that the build needs: proxies, package mirror. */
  readonly buildArgs: Readonly<Record<string, string>>;
}

/** What a build may need of the host: its package mirror, its proxies. */
const HOST_ARGS = ["APT_SOURCES_B64", "APT_CONF_B64", "http_proxy", "https_proxy", "no_proxy"];

/**
 * The container images: `tools` runs every stage, `kragle` (the same with templates and scripts) is left for use by hand.
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
    const marker = args.toolsMarker ?? args.handMarker;
    const baseImage = new command.local.Command(
      `${name}-base-image`,
      {
        create: "exec ./kragle stage base-image",
        delete: `exec ./kragle drop-root '${args.stack}' 'builder'`,
        stdin: JSON.stringify({
          stack: args.stack,
          root: "builder",
          reference: args.baseImage,
          builder: args.description,
        }),
        environment: marker === undefined ? {} : { KRAGLE_MARKER: marker },
        addPreviousOutputInEnv: false,
        logging: "stderr",
      },
      {
        parent: this,
        deleteBeforeReplace: true,
        // a proxy's address may contain a password
        additionalSecretOutputs: ["stdout"],
        ignoreChanges: marker === undefined ? ["environment.KRAGLE_MARKER"] : [],
      },
    );
    const answer = baseImage.stdout.apply((line) => JSON.parse(line) as BaseImageAnswer);
    const image = (
      suffix: string,
      imageName: string,
      target: string,
      dockerfile: string,
      lost: string | undefined,
      dependsOn: pulumi.Resource[],
    ) =>
      new docker.Image(
        `${name}-${suffix}`,
        {
          imageName,
          skipPush: true,
          buildOnPreview: false,
          build: {
            context: "builder",
            dockerfile,
            target,
            platform: "linux/amd64",
            // each value on its own: the provider cannot take a map that is unknown as a whole
            args: {
              BASE: answer.image,
              PACKER: args.packer,
              ...Object.fromEntries(
                HOST_ARGS.map((arg) => [arg, answer.buildArgs.apply((all) => all[arg] ?? "")]),
              ),
              ...(lost === undefined ? {} : { KRAGLE_MARKER: lost }),
            },
          },
        },
        {
          parent: this,
          dependsOn,
          ignoreChanges: lost === undefined ? ["build.args.KRAGLE_MARKER"] : [],
        },
      );
    const tools = image(
      "tools",
      args.toolsImage,
      "tools",
      "builder/tools.Dockerfile",
      args.toolsMarker,
      [],
    );
    image("kragle", "kragle", "kragle", "builder/Dockerfile", args.handMarker, [tools]);
    return tools;
  }
}
