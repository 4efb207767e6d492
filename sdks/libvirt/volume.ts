import * as pulumi from "@pulumi/pulumi";

import { registerLibvirt } from "./parameterizedPackage";

/** Arguments of {@link Volume}. */
export interface VolumeArgs {
  /** Unique in the pool. */
  name: pulumi.Input<string>;
  /** Name of the storage pool. */
  pool: pulumi.Input<string>;
  /** Bytes; needed unless the content is uploaded. */
  capacity?: pulumi.Input<number>;
  /** The format of what lies in the pool. @example { format: { type: "qcow2" } } */
  target?: pulumi.Input<{ format: pulumi.Input<{ type: pulumi.Input<string> }> }>;
  /** The volume on which this one is an overlay. */
  backingStore?: pulumi.Input<{
    path: pulumi.Input<string>;
    format: pulumi.Input<{ type: pulumi.Input<string> }>;
  }>;
  /** Uploads a file of the machine on which Pulumi runs, or what an https URL gives, through libvirt's own connection. */
  create?: pulumi.Input<{ content: pulumi.Input<{ url: pulumi.Input<string> }> }>;
}

/** A file in a storage pool. It cannot be changed, so every change replaces it. */
export class Volume extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly pool: pulumi.Output<string>;
  /** On the host of the daemon. */
  declare readonly path: pulumi.Output<string>;

  constructor(name: string, args: VolumeArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "libvirt:index/volume:Volume",
      name,
      { ...args, path: undefined },
      // the bridged provider asks for an update that it then refuses
      pulumi.mergeOptions({ replaceOnChanges: ["*"] }, opts),
      false,
      registerLibvirt(),
    );
  }
}
