export { CloudinitDisk, type CloudinitDiskArgs } from "./cloudinitDisk";
export { Domain, type DomainArgs, type DomainDevices } from "./domain";
export { Provider, type ProviderArgs } from "./provider";
export { Volume, type VolumeArgs } from "./volume";
