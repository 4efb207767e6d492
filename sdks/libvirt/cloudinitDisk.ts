import * as pulumi from "@pulumi/pulumi";

import { registerLibvirt } from "./parameterizedPackage";

/** Arguments of {@link CloudinitDisk}. */
export interface CloudinitDiskArgs {
  name: pulumi.Input<string>;
  /** Text of cloud-init's user-data. */
  userData: pulumi.Input<string>;
  /** Text of cloud-init's meta-data. */
  metaData: pulumi.Input<string>;
}

/** A NoCloud seed: an ISO file, made on the machine on which Pulumi runs, to be uploaded as a {@link Volume}. */
export class CloudinitDisk extends pulumi.CustomResource {
  /** On the machine on which Pulumi runs. */
  declare readonly path: pulumi.Output<string>;

  constructor(name: string, args: CloudinitDiskArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "libvirt:index/cloudinitDisk:CloudinitDisk",
      name,
      { ...args, path: undefined },
      opts,
      false,
      registerLibvirt(),
    );
  }
}
