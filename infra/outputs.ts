import type * as pulumi from "@pulumi/pulumi";

import { inProject } from "../host/project";
import type { StackOutputs } from "../plan/outputs";
import type { ResultOf } from "../plan/stages/contract";
import type { release } from "../plan/stages/release";

type Facts = ResultOf<typeof release>;

/** Each of them as an output of its own. */
type Outputs = {
  [Name in keyof Omit<StackOutputs, "publications">]: pulumi.Output<StackOutputs[Name]>;
};

/** The stack's outputs of a release: its facts with absolute paths. */
export function outputsOf(facts: pulumi.Output<Facts>): Outputs {
  const path = (name: "imagePath" | "manifestPath" | "reportPath") =>
    facts.apply((all) => inProject(all[name]));
  const conversions = facts.apply((all) =>
    Object.fromEntries(
      Object.entries(all.conversions).map(([name, file]) => [
        name,
        { ...file, path: inProject(file.path) },
      ]),
    ),
  );
  return {
    imagePath: path("imagePath"),
    imageSha256: facts.apply(({ imageSha256 }) => imageSha256),
    imageBytes: facts.apply(({ imageBytes }) => imageBytes),
    imageVirtualBytes: facts.apply(({ imageVirtualBytes }) => imageVirtualBytes),
    conversions,
    smoke: facts.apply(({ smoke }) => smoke),
    accelerator: facts.apply(({ accelerator }) => accelerator),
    builderImageId: facts.apply(({ builderImageId }) => builderImageId),
    manifestPath: path("manifestPath"),
    reportPath: path("reportPath"),
    key: facts.apply(({ key }) => key),
  };
}
