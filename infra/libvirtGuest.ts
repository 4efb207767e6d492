import { join, relative } from "node:path";

import type { LibvirtDomainArgs } from "../components/libvirtDomain";
import { shortIdentity, type StackIdentity } from "../plan/identity";
import type { ImageSpec } from "../plan/imageSpec";
import { fromProgram, projectFolder } from "../host/project";
import { IMAGE } from "../plan/stages/image";
import { openStore } from "../store/open";

/** The guest that libvirt is to boot. Its names are of whose it is, because clones, backends and projects may share a daemon, and a home. */
export function libvirtGuest(
  home: string,
  spec: ImageSpec,
  owner: StackIdentity,
  imageKey: string,
): LibvirtDomainArgs {
  const imageFile = join(openStore(home).folder("image", imageKey), IMAGE);
  const inside = relative(projectFolder, imageFile);
  return {
    uri: spec.libvirtUri,
    label: ["kragle", owner.stack, spec.name, shortIdentity(owner)].filter(Boolean).join("-"),
    imageFile: inside.startsWith("..") ? imageFile : fromProgram(imageFile),
    architecture: spec.architecture,
    diskBytes: spec.diskBytes,
    memoryMiB: spec.memoryMiB,
    cpus: spec.cpus,
    accelerator: spec.accelerator,
  };
}
