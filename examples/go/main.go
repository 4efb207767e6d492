package main

import (
	"example.com/pulumi-kragle/sdk/go/kragle"
	"github.com/pulumi/pulumi-command/sdk/go/command/local"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		web, err := kragle.NewGoldenImage(ctx, "web", &kragle.GoldenImageArgs{
			DiskSize: pulumi.String("4 GiB"),
			Provision: kragle.ProvisionStepArray{
				&kragle.ProvisionStepArgs{Packages: pulumi.StringArray{pulumi.String("nginx-light")}},
			},
		})
		if err != nil {
			return err
		}
		// runs again whenever another image was released, and never before its proofs have passed
		_, err = local.NewCommand(ctx, "deploy", &local.CommandArgs{
			Create: pulumi.String(`echo "$SHA256  $IMAGE" | sha256sum --check`),
			Environment: pulumi.StringMap{
				"IMAGE":  web.ImagePath,
				"SHA256": web.ImageSha256,
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("imagePath", web.ImagePath)
		ctx.Export("imageSha256", web.ImageSha256)
		return nil
	})
}
