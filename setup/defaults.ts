import { readFileSync } from "node:fs";

import { parse } from "yaml";

import type { BuilderBaseRequest } from "../executors/builderBase";
import { inPackage } from "../host/project";

/** The base image of a stack that names none: the default in Pulumi.yaml. */
export function defaultBaseImage(): BuilderBaseRequest {
  const project = parse(readFileSync(inPackage("Pulumi.yaml"), "utf8")) as {
    config: { baseImage: { default: string } };
  };
  return { reference: project.config.baseImage.default };
}
