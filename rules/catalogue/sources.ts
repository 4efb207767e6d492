/** Where rules come from. */
export const SYSTEMD = "systemd, Safely Building Images";
export const SYSPREP = "virt-sysprep(1)";
export const AWS = "AWS Marketplace, AMI-based product policies";
export const GOSS = "kubernetes-sigs/image-builder, goss-image-hygiene";
export const KRAGLE = "kragle";
