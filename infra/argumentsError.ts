import * as pulumi from "@pulumi/pulumi";

import { counted } from "../plan/units";
import type { Problem } from "../settings/image";

/**
 * Everything that is wrong with an image's arguments, for Pulumi: in the host of a plugin as errors of properties; in a program, where Pulumi
 * prints a stack trace for those, as one of the resource.
 */
export function argumentsError(
  name: string,
  problems: readonly Problem[],
  resource: pulumi.Resource,
): Error {
  const unique = [...new Map(problems.map((one) => [one.join(": "), one])).values()];
  const title = `${counted(unique.length, "argument is", "arguments are")} wrong of the image ${name}`;
  if (pulumi.runtime.getStackResource() === undefined) {
    const errors = unique.map(([propertyPath, reason]) => ({ propertyPath, reason }));
    return new pulumi.InputPropertiesError({ message: title, errors });
  }
  const lines = unique.map(([place, text]) => `  ${place}: ${text}`);
  return resourceError([`${title}:`, ...lines].join("\n"), resource);
}

/** An error that Pulumi prints without a stack trace, also when the program itself has ended: it hides none then, and prints what stands there. */
export function resourceError(message: string, resource: pulumi.Resource): pulumi.ResourceError {
  const error = new pulumi.ResourceError(message, resource, true);
  error.stack = message;
  Object.defineProperty(error, "message", {
    get: () => message,
    set() {
      // whoever waits for an output would have its own property stand before it, which is not what is wrong
    },
  });
  return error;
}
