import * as pulumi from "@pulumi/pulumi";

import { declareAlone } from "./declareAlone";
import type { GoldenImageArgs } from "./goldenImageArgs";
import { withSecrets } from "./givenArguments";
import type { BootProof, ImageFile, PublishedVersion } from "./imageOutputs";
import type { DeclaredOutputs } from "./outputs";

/**
 * A golden machine image: built by Packer and QEMU in a container, checked, converted, proven by a boot, and only then released. What
 * follows from its outputs changes when another image is released, and not before. Nothing is built again that has not changed; a preview
 * says what will run, and why.
 *
 * The resource's name is what the image is called: small letters, digits and "-", a letter first, at most 40.
 */
export class GoldenImage extends pulumi.ComponentResource<DeclaredOutputs | undefined> {
  /** What the `from` of another image calls this one. */
  readonly name: pulumi.Output<string>;
  /** Absolute path of the released qcow2. */
  readonly imagePath: pulumi.Output<string>;
  /** Its SHA-256, 64 hexadecimal digits; another one means another image. */
  readonly imageSha256: pulumi.Output<string>;
  /** Bytes of its file. */
  readonly imageBytes: pulumi.Output<number>;
  /** Bytes of its disk, as a machine sees it. */
  readonly imageVirtualBytes: pulumi.Output<number>;
  /** The other formats, by name such as `raw` or `qcow2-zstd`. */
  readonly conversions: pulumi.Output<Record<string, ImageFile>>;
  /** How it was proven by a boot. */
  readonly smoke: pulumi.Output<BootProof>;
  /** What the guest ran on while it was built: `kvm` or `tcg`. */
  readonly accelerator: pulumi.Output<string>;
  /** What it says it is, in its `/etc/os-release`. */
  readonly imageId: pulumi.Output<string>;
  /** The version that it says there. */
  readonly imageVersion: pulumi.Output<string>;
  /** Which build it says there, other for each. */
  readonly buildId: pulumi.Output<string>;
  /** Docker's id of the image in which it was built. */
  readonly builderImageId: pulumi.Output<string>;
  /** Absolute path of the release's `manifest.json`. */
  readonly manifestPath: pulumi.Output<string>;
  /** Absolute path of the release's report, a page for people. */
  readonly reportPath: pulumi.Output<string>;
  /** The copies of the release, by the place's name; none where `publish` names none. */
  readonly publications: pulumi.Output<Record<string, PublishedVersion>>;
  /** Key of the release: equal keys mean the same release. Known in a preview where the image itself is not built anew. */
  readonly key: pulumi.Output<string>;

  /**
   * @param name what the image is called
   * @throws pulumi.InputPropertiesError, in a program of one language pulumi.ResourceError, from the outputs, with everything that is wrong
   *   with the arguments
   */
  constructor(
    name: string,
    args: GoldenImageArgs = {},
    opts: pulumi.ComponentResourceOptions = {},
  ) {
    super("kragle:index:GoldenImage", name, withSecrets(args), opts);
    const declared = failingOnce(this.getData());
    const later = <K extends keyof DeclaredOutputs>(output: K) =>
      pulumi.output<unknown>(
        declared.then((all) => (all ? all[output] : pulumi.unknown)),
      ) as DeclaredOutputs[K];
    this.name = pulumi.output(name);
    this.imagePath = later("imagePath");
    this.imageSha256 = later("imageSha256");
    this.imageBytes = later("imageBytes");
    this.imageVirtualBytes = later("imageVirtualBytes");
    this.conversions = later("conversions");
    this.smoke = later("smoke");
    this.accelerator = later("accelerator");
    this.imageId = later("imageId");
    this.imageVersion = later("imageVersion");
    this.buildId = later("buildId");
    this.builderImageId = later("builderImageId");
    this.manifestPath = later("manifestPath");
    this.reportPath = later("reportPath");
    this.publications = later("publications");
    this.key = later("key");
  }

  /** Reads the arguments, plans the image, and declares what it consists of. */
  protected override async initialize(
    args: pulumi.Inputs,
    opts?: pulumi.ComponentResourceOptions,
    name = "",
  ): Promise<DeclaredOutputs | undefined> {
    // nothing else keeps the program from ending while it is planned
    const done = pulumi.runtime.rpcKeepAlive();
    try {
      const outputs = await declareAlone(this, name, args, opts);
      this.registerOutputs({ name, ...outputs });
      return outputs;
    } finally {
      done();
    }
  }
}

/** In the host of a plugin, which asks for the failure itself, none of the outputs tells it a second time. */
function failingOnce<T>(data: Promise<T>): Promise<T> {
  const isPlugin = pulumi.runtime.getStackResource() === undefined;
  return isPlugin ? data.catch(() => new Promise<never>(() => undefined)) : data;
}
