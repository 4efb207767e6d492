import { probeAccelerator } from "./accelerator";
import { endContainers, runContainer } from "./container";
import type { Executor } from "./executor";
import { inspectImage } from "./images";
import type { Site } from "./site";

/** The Docker daemon of this machine. */
export const localDocker = (site: Site): Executor => ({
  probe: (options) => probeAccelerator(site, options),
  inspect: (reference) => inspectImage(site, reference),
  run: (task) => runContainer(site, task),
  end: (storeId, key) => endContainers(site, storeId, key),
});
