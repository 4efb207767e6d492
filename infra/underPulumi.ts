import * as pulumi from "@pulumi/pulumi";

import { requireDaemon } from "../executors/daemon";
import { otherDaemon } from "../executors/dockerEndpoint";
import { thisSite } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { requireNode } from "../host/oldestNode";
import { pulumiBackend } from "../host/pulumiBackend";
import { asRunError, program } from "./program";
import { readmeFor } from "./stackReadme";

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
  const site = thisSite();
  const outputs = await program({
    site,
    // the command line hands these over
    rebuild: namesIn(process.env.KRAGLE_REBUILD),
    wanted: wanted.length > 0 ? new Set(wanted) : undefined,
    planIsShown: Boolean(process.env.KRAGLE_PLAN_SHOWN),
  });
  return { ...outputs, ...readmeFor(pulumiBackend(site.home), outputs) };
}

const namesIn = (list = "") => list.split(",").filter(Boolean);
