import * as pulumi from "@pulumi/pulumi";

import { requireDaemon } from "../executors/daemon";
import { otherDaemon } from "../executors/dockerEndpoint";
import { thisSite } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { requireNode } from "../host/oldestNode";
import { asRunError, program } from "./program";

/** The program as the Pulumi CLI runs it: in a process of its own, on whatever machine somebody runs `pulumi up`. */
export async function programUnderPulumi(): Promise<Record<string, pulumi.Input<unknown>>> {
  try {
    requireNode();
    const two = otherDaemon(new pulumi.Config("docker").get("host"));
    if (two) throw new StageFailure(two, { exitCode: EXIT.wrongSettings });
    await requireDaemon(thisSite());
  } catch (error) {
    throw asRunError(error as Error);
  }
  const wanted = namesIn(process.env.KRAGLE_IMAGES);
  return program({
    site: thisSite(),
    // the command line hands these over
    rebuild: namesIn(process.env.KRAGLE_REBUILD),
    wanted: wanted.length > 0 ? new Set(wanted) : undefined,
    planIsShown: Boolean(process.env.KRAGLE_PLAN_SHOWN),
  });
}

const namesIn = (list = "") => list.split(",").filter(Boolean);
