import { readFileSync } from "node:fs";

import type { BuilderBaseRequest } from "../executors/builderBase";
import { inPackage } from "../host/project";

/** The base image of a stack that names none: what the Dockerfile builds on, which a test compares with the setting's default. */
export function defaultBaseImage(): BuilderBaseRequest {
  const dockerfile = readFileSync(inPackage("builder/Dockerfile"), "utf8");
  return { reference: /^ARG BASE=(.+)$/m.exec(dockerfile)![1]! };
}
