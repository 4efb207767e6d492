import { z } from "zod";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/provenance/v1";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What a `manifest.json` says that `verify` needs. */
export const manifestFile = z.object({
  imagePath: z.string(),
  imageSha256: sha256,
  conversions: z.record(z.string(), z.object({ path: z.string(), sha256 })),
  signer: z.object({ kind: z.string(), fingerprint: z.string() }).nullable(),
  packages: z.number(),
  files: z.record(z.string(), sha256),
  sizes: z.record(z.string(), z.number().int().nonnegative()),
});

/** What says which of a release's files a published version has. */
export const publicationFile = z.object({ files: z.array(z.string()) });

const resource = z.object({
  name: z.string().min(1),
  digest: z.record(z.string(), z.string().regex(/^[0-9a-f]{12,}$/)),
});

/** What has to stand in a provenance so that it is complete: https://slsa.dev/spec/v1.0/provenance. */
export const statementFile = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256 }) })).min(1),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    buildDefinition: z.object({
      buildType: z.string().min(1),
      externalParameters: z.object({
        settings: z.record(z.string(), z.unknown()).refine((all) => Object.keys(all).length > 0),
      }),
      internalParameters: z.object({ stages: z.array(z.object({ root: z.string() })).min(1) }),
      resolvedDependencies: z.array(resource).min(1),
    }),
    runDetails: z.object({
      builder: z.object({
        id: z.string().min(1),
        version: z.record(z.string(), z.string()).refine((all) => "kragle" in all),
      }),
      metadata: z.object({
        invocationId: z.string().min(1),
        startedOn: z.iso.datetime(),
        finishedOn: z.iso.datetime(),
      }),
    }),
  }),
});

/** What has to stand in a bill of materials. */
export const billFile = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.string(),
  serialNumber: z.string(),
  metadata: z.object({
    component: z.object({ hashes: z.array(z.object({ alg: z.string(), content: z.string() })) }),
    properties: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  }),
  components: z
    .array(
      z.object({
        type: z.string().optional(),
        name: z.string(),
        purl: z.string().optional(),
        hashes: z.array(z.object({ content: z.string() })).optional(),
      }),
    )
    .optional(),
});

export type Manifest = z.infer<typeof manifestFile>;
export type Statement = z.infer<typeof statementFile>;
export type Bill = z.infer<typeof billFile>;
