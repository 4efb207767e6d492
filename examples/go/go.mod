module golden-image-go

go 1.24

require (
	github.com/pulumi/pulumi-command/sdk v1.2.1
	github.com/pulumi/pulumi/sdk/v3 v3.250.0
)
