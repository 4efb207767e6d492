import { join, relative } from "node:path";

import type { LibvirtDomainArgs } from "../components/libvirtDomain";
import type { ImageSpec } from "../plan/imageSpec";
import { projectFolder } from "../host/project";
import { IMAGE } from "../plan/stages/image";
import { openStore } from "../store/open";

/** The guest that libvirt is to boot. Its names belong to this stack of this clone, because clones may share a daemon. */
export function libvirtGuest(
  home: string,
  spec: ImageSpec,
  stack: string,
  imageKey: string,
): LibvirtDomainArgs {
  const store = openStore(home);
  const imageFile = join(store.folder("image", imageKey), IMAGE);
  const inside = relative(projectFolder, imageFile);
  return {
    uri: spec.libvirtUri,
    label: `kragle-${stack}-${store.id.slice(0, 8)}`,
    imageFile: inside.startsWith("..") ? imageFile : inside,
    architecture: spec.architecture,
    diskBytes: spec.diskBytes,
    memoryMiB: spec.memoryMiB,
    cpus: spec.cpus,
    accelerator: spec.accelerator,
  };
}
