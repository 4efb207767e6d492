import * as pulumi from "@pulumi/pulumi";

import { registerLibvirt } from "./parameterizedPackage";

/** Arguments of {@link Provider}. */
export interface ProviderArgs {
  /** Connection URI, see https://libvirt.org/uri.html. Defaults to "qemu:///system". @example "qemu+ssh://root@host/system" */
  uri?: pulumi.Input<string>;
}

/** A connection to a libvirt daemon. It is opened in previews too. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs = {}, opts?: pulumi.ResourceOptions) {
    super("libvirt", name, { ...args }, opts, false, registerLibvirt());
  }
}
