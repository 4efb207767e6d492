import "../setup/loader.cjs"; // first: what follows is loaded by it

import { thisSite } from "../executors/site";
import { program } from "./program";

// Pulumi calls an exported function and takes what it resolves to as the stack's outputs
export = () =>
  program({
    site: thisSite(),
    // the command line hands these over to the Pulumi CLI, which starts this in a process of its own
    rebuild: (process.env.KRAGLE_REBUILD ?? "").split(",").filter(Boolean),
    planIsShown: Boolean(process.env.KRAGLE_PLAN_SHOWN),
  });
