import { rm } from "node:fs/promises";
import { join } from "node:path";

import type { LibvirtGuestSpec } from "../../plan/stages/smoke";
import { sha256File } from "../../host/files";
import type { Driver, SmokeContext } from "./driver";
import { LibvirtGuest } from "./libvirtGuest";

/** The driver libvirt: the domain that was defined is started, and left as it was defined. It is for quick proofs only. */
export function libvirtDriver(context: SmokeContext, spec: LibvirtGuestSpec): Driver {
  const { work, logs, signal } = context;
  const guest = new LibvirtGuest(spec, logs, signal);
  const copy = join(work, "copy.qcow2");
  return {
    name: "libvirt",
    accelerator: spec.type === "kvm" ? "kvm" : "tcg",
    guest: () => Promise.resolve(guest),
    async imageSha256() {
      await guest.downloadImage(copy);
      return sha256File(copy);
    },
    remove: () => rm(copy, { force: true }),
  };
}
