/** The names that people read for the resources that do work; a conversion is called as its resource is. */
const LABELS: Readonly<Record<string, string>> = {
  "builder-base-image": "docker-base",
  "builder-tools": "builder",
  "builder-kragle": "hand-image",
  "build-base": "base",
  "build-image": "image",
  "qcow2-check": "check",
  "smoke-boot": "smoke",
  "release-files": "release",
};

export const stepLabel = (resource: string) => LABELS[resource] ?? resource;
