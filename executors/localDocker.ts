import { probeAccelerator } from "./accelerator";
import { endContainers, runContainer } from "./container";
import type { Executor } from "./executor";

/** The Docker daemon of this machine. */
export const localDocker: Executor = {
  probe: probeAccelerator,
  run: runContainer,
  end: endContainers,
};
