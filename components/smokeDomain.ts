import * as pulumi from "@pulumi/pulumi";

import type * as libvirtModule from "./libvirtDomain";
import { type ProofStageArgs, proofSettings } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link SmokeDomain}. */
export interface SmokeDomainArgs extends ProofStageArgs {
  /** The guest to define under libvirt. Defaults to none: QEMU in a container boots the image. */
  libvirt?: libvirtModule.LibvirtDomainArgs;
}

/** The proof by boot: a guest on a throw-away overlay of the image climbs the boot ladder. */
export class SmokeDomain extends pulumi.ComponentResource {
  /** Release waits for this. */
  readonly smoke: pulumi.Resource;

  constructor(name: string, args: SmokeDomainArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:SmokeDomain", name, {}, opts);
    const guest = args.libvirt && this.define(name, args, args.libvirt);
    this.smoke = stageCommand(
      `${name}-boot`,
      {
        ...args,
        stage: "smoke",
        root: "smoke",
        settings: guest
          ? pulumi
              .all([proofSettings(args), guest.spec])
              .apply(([settings, libvirt]): object => ({ ...settings, libvirt }))
          : proofSettings(args),
      },
      { parent: this, dependsOn: guest ? [guest.domain] : [] },
    );
    this.registerOutputs({});
  }

  private define(name: string, args: ProofStageArgs, guest: libvirtModule.LibvirtDomainArgs) {
    // only here: who does not ask for libvirt does not load it
    const { libvirtDomain } = require("./libvirtDomain") as typeof libvirtModule;
    return libvirtDomain(name, { ...args, ...guest }, this);
  }
}
