import * as pulumi from "@pulumi/pulumi";

import type { LibvirtOutputs } from "../plan/outputs";
import { rootOf } from "../plan/roots";
import { smoke } from "../plan/stages/smoke";
import type * as libvirtModule from "./libvirtDomain";
import { type ProofStageArgs, proofRequest } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link SmokeDomain}. */
export interface SmokeDomainArgs extends ProofStageArgs<typeof smoke> {
  /** SHA-256 of the image. */
  imageSha256: pulumi.Input<string>;
  /** Secrets of the build, which are masked in what the user's tests print. */
  secrets?: Record<string, pulumi.Input<string>>;
  /** The guest to define under libvirt. Defaults to none: QEMU in a container boots the image. */
  libvirt?: libvirtModule.LibvirtDomainArgs;
}

/** The proof by boot: a guest on a throw-away overlay of the image climbs the boot ladder. */
export class SmokeDomain extends pulumi.ComponentResource {
  /** Release waits for this. */
  readonly smoke: pulumi.Resource;
  /** What was defined under libvirt, and stays; undefined for QEMU in a container. */
  readonly libvirt: pulumi.Output<LibvirtOutputs> | undefined;

  constructor(name: string, args: SmokeDomainArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:SmokeDomain", name, {}, opts);
    const guest = args.libvirt && this.define(name, args, args.libvirt);
    this.libvirt = guest?.spec.apply(({ uri, domain, pool, image, overlay, serial }) => ({
      ...{ uri, domain, pool },
      volumes: { image, overlay, serial },
    }));
    const request = proofRequest<typeof smoke>(args);
    this.smoke = stageCommand(
      rootOf(args.called ?? null, smoke.stage),
      {
        ...{ ...args, contract: smoke },
        request: guest
          ? pulumi.all([request, guest.spec]).apply(([own, libvirt]) => ({ ...own, libvirt }))
          : request,
      },
      {
        ...{ parent: this, dependsOn: guest ? [guest.domain] : [] },
        // the name in the state of earlier versions
        aliases: [{ name: `${name}-boot` }],
      },
    ).command;
    this.registerOutputs({});
  }

  private define(name: string, args: SmokeDomainArgs, guest: libvirtModule.LibvirtDomainArgs) {
    // loaded only here: most stacks do not use libvirt
    const { libvirtDomain } = require("./libvirtDomain") as typeof libvirtModule;
    return libvirtDomain(name, { ...args, ...guest }, this);
  }
}
