import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { GoldenImage } from "../infra/goldenImage";

const TYPE = "kragle:index:GoldenImage";

/** What the plugin says of its components: see generate/pluginSchema.ts. */
interface PackageSchema {
  readonly version: string;
  readonly resources: Record<string, { readonly properties: Record<string, unknown> }>;
}

/** An image of which one can wait until it has been declared, or has failed to be. */
class HostedImage extends GoldenImage {
  declared(): Promise<unknown> {
    return this.getData();
  }
}

/**
 * The plugin that makes a {@link GoldenImage} for programs in other languages. The SDK has a host for components too, which reads their
 * TypeScript with the compiler each time; this one needs neither, since what it would find stands in schema.json.
 */
class Plugin implements pulumi.provider.Provider {
  readonly schema = readFileSync(join(__dirname, "schema.json"), "utf8");
  private readonly parsed = JSON.parse(this.schema) as PackageSchema;
  readonly version = this.parsed.version;

  /** @throws pulumi.InputPropertiesError with everything that is wrong with the inputs */
  async construct(
    name: string,
    type: string,
    inputs: pulumi.Inputs,
    options: pulumi.ComponentResourceOptions,
  ): Promise<pulumi.provider.ConstructResult> {
    if (type !== TYPE) throw new Error(`kragle has the component ${TYPE}, and no ${type}`);
    const image = new HostedImage(name, inputs, options);
    await image.declared();
    const outputs = image as unknown as pulumi.Inputs;
    const names = Object.keys(this.parsed.resources[TYPE]!.properties);
    return {
      urn: image.urn,
      state: Object.fromEntries(names.map((output) => [output, outputs[output]])),
    };
  }
}

/** Answers the Pulumi engine until that ends the process. */
export const servePlugin = (): Promise<void> =>
  pulumi.provider.main(new Plugin(), process.argv.slice(2));
