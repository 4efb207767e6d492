import * as command from "@pulumi/command";
import { GoldenImage } from "kragle";

const web = new GoldenImage("web", {
  diskSize: "4 GiB",
  provision: [{ packages: ["nginx-light"] }],
});

// runs again whenever another image was released, and never before its proofs have passed
new command.local.Command("deploy", {
  create: 'echo "$SHA256  $IMAGE" | sha256sum --check',
  environment: { IMAGE: web.imagePath, SHA256: web.imageSha256 },
});

export const { imagePath, imageSha256 } = web;
