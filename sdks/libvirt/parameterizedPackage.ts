import * as pulumi from "@pulumi/pulumi";

/** The provider that is bridged: its address in the registry that the bridge downloads from, and its version. */
export const BRIDGED = {
  url: "registry.opentofu.org/dmacvicar/libvirt",
  version: "0.9.7",
} as const;

/**
 * Asks the engine for Pulumi's `terraform-provider` plugin, made into the package `libvirt` by this parameter. It is the same
 * that `pulumi package add terraform-provider dmacvicar/libvirt 0.9.7` writes into a generated SDK; `includes` leaves out the
 * resources that have no class here, which would only take time.
 */
export function registerLibvirt(): Promise<string | undefined> {
  const parameter = {
    remote: BRIDGED,
    includes: ["libvirt_cloudinit_disk", "libvirt_domain", "libvirt_volume"],
  };
  return pulumi.runtime.registerPackage({
    baseProviderName: "terraform-provider",
    baseProviderVersion: "1.1.3",
    baseProviderDownloadUrl: "",
    packageName: "libvirt",
    packageVersion: BRIDGED.version,
    base64Parameter: Buffer.from(JSON.stringify(parameter)).toString("base64"),
  });
}
