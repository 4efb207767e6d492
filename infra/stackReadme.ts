import { dirname } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import type { ImageOutputs } from "../plan/outputs";
import { formatSize } from "../plan/units";

/** Of a stack with one image, or with several, of which some may never have been released. */
export type StackOutputs =
  ImageOutputs | { readonly images: Readonly<Record<string, ImageOutputs | undefined>> };

/**
 * The output that Pulumi Cloud shows as a stack's page, by its name: https://www.pulumi.com/docs/iac/concepts/stacks/. A backend in a folder has no
 * pages, and its `pulumi stack output` stays a table of facts.
 *
 * @param backend the address of the one that is in use
 */
export function readmeFor(
  backend: string,
  outputs: Readonly<Record<string, pulumi.Input<unknown>>>,
): { readonly readme?: pulumi.Output<string> } {
  if (!/^https?:/.test(backend)) return {};
  const stack = pulumi.getStack();
  return {
    readme: pulumi.output(outputs).apply((all) => readmeOf(stack, all as unknown as StackOutputs)),
  };
}

/** What a stack has released, as Markdown: a table for each image. */
export function readmeOf(stack: string, outputs: StackOutputs): string {
  const images = "images" in outputs ? Object.entries(outputs.images) : [[stack, outputs] as const];
  const parts = images.map(([name, image]) => (image ? describe(name, image) : notYet(name)));
  return [`# ${stack}: golden images`, ...parts].join("\n\n") + "\n";
}

const notYet = (name: string) => `## ${name}\n\nNot released yet.`;

function describe(name: string, image: ImageOutputs): string {
  const { smoke, conversions } = image;
  const proof = smoke.passed ? `booted by ${smoke.driver}` : "not booted";
  const rows = [
    ["version", `${image.imageVersion}, build ${image.buildId}`],
    ["SHA-256", code(image.imageSha256)],
    ["size", `${formatSize(image.imageBytes)} file, ${formatSize(image.imageVirtualBytes)} disk`],
    ["proof", proof],
    ["qcow2", code(image.imagePath)],
    ...Object.entries(conversions).map(([format, { path }]) => [format, code(path)]),
    ["report", code(image.reportPath)],
    ["verify", code(`./kragle verify ${dirname(image.manifestPath)}`)],
  ];
  return [
    `## ${name}`,
    "",
    "| | |",
    "|---|---|",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
}

/** Neither a bar of a table nor a backtick of its own ends it. */
const code = (text: string) => `\`${text.replaceAll("`", "'").replaceAll("|", "\\|")}\``;
