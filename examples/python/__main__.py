import pulumi
import pulumi_command as command
import pulumi_kragle as kragle

web = kragle.GoldenImage(
    "web",
    disk_size="4 GiB",
    provision=[{"packages": ["nginx-light"]}],
)

# runs again whenever another image was released, and never before its proofs have passed
command.local.Command(
    "deploy",
    create='echo "$SHA256  $IMAGE" | sha256sum --check',
    environment={"IMAGE": web.image_path, "SHA256": web.image_sha256},
)

pulumi.export("imagePath", web.image_path)
pulumi.export("imageSha256", web.image_sha256)
