import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import type { BuilderBaseRequest } from "../executors/builderBase";
import { projectFolder } from "../host/project";

/** The base image of a stack that names none: the default in Pulumi.yaml. */
export function defaultBaseImage(): BuilderBaseRequest {
  const project = parse(readFileSync(join(projectFolder, "Pulumi.yaml"), "utf8")) as {
    config: { baseImage: { default: string } };
  };
  return { reference: project.config.baseImage.default };
}
