import Docker from "dockerode";

import { localDocker } from "../executors/localDocker";
import { type Site, thisSite } from "../executors/site";

/** The site of this process, as the command line would have it. */
export const site = thisSite();

/** This machine's Docker daemon. */
export const { docker } = site;

/** Where tests run stages. */
export const executor = localDocker(site);

/** A site of a test's own whose daemon does not answer. */
export const siteWithoutDocker = (home: string): Site => ({
  home,
  docker: new Docker({ socketPath: "/nonexistent/docker.sock" }),
});
