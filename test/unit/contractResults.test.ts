import assert from "node:assert/strict";

import { base } from "../../plan/stages/base";
import { check } from "../../plan/stages/check";
import { complaints, type ResultOf, type StageContract } from "../../plan/stages/contract";
import { convert } from "../../plan/stages/convert";
import { image } from "../../plan/stages/image";
import { publish } from "../../plan/stages/publish";
import { release } from "../../plan/stages/release";
import { smoke } from "../../plan/stages/smoke";
import { stagePrograms } from "../../stages/index";
import { IMAGE_IDENTITY } from "../sampleCalls";
import { digest } from "../samples";

type Json = Readonly<Record<string, unknown>>;

/** What a stage told, and the objects in it besides itself whose fields the contract names, by their paths. */
interface Sample {
  readonly contract: StageContract;
  readonly told: Json;
  readonly objects: readonly string[];
}

const sample = <C extends StageContract>(
  contract: C,
  told: ResultOf<C>,
  objects: readonly string[] = [],
): Sample => ({ contract, told: told as Json, objects });

const boot: ResultOf<typeof smoke>["boots"][string] = {
  firmware: "uefi",
  seconds: { kernel: 2.1, agent: 9.5, login: 38.2, "power-off": 41 },
  complaints: ["apt-daily.service: failed"],
  serialLog: "serial.log",
  screenshot: "login.png",
};

const built: ResultOf<typeof image> = {
  ...{ image: "image.qcow2", packages: 312, packer: "1.6.6", qemu: "7.2.22", removed: 90 },
  accelerator: "kvm",
  identity: IMAGE_IDENTITY,
  secrets: ["secrets.TOKEN"],
  wayIn: ["permitrootlogin no"],
};

const { identity, secrets: _, wayIn: __, ...tools } = built;

const released: ResultOf<typeof release> = {
  imagePath: "build/dev/output/packer-kragle-qcow2",
  imageSha256: digest("a"),
  imageBytes: 400_000_000,
  imageVirtualBytes: 4_294_967_296,
  conversions: { raw: { path: "build/dev/output/kragle.raw", sha256: digest("b"), bytes: 9 } },
  smoke: { passed: true, driver: "qemu", seconds: { login: 38.2 } },
  accelerator: "kvm",
  ...identity,
  builderImageId: `sha256:${digest("c")}`,
  manifestPath: "build/dev/output/manifest.json",
  reportPath: "build/dev/output/report.html",
  key: digest("d"),
  releasedAt: "2026-11-25T02:02:00.000Z",
  signer: null,
  packages: 312,
  tools,
  files: { "kragle.raw": digest("b") },
  sizes: { "kragle.raw": 9 },
};

const SAMPLES: Readonly<Record<string, Sample>> = {
  "base, bootstrapped": sample(base, { disk: "disk.qcow2", packageList: "packages.tsv" }),
  "base, from an ISO": sample(base, {
    ...{ disk: "disk.qcow2", medium: "CentOS 7 x86_64", packages: 412 },
    ...{ packer: "1.6.6", qemu: "7.2.22", accelerator: "tcg" },
  }),
  image: sample(image, built, ["identity"]),
  check: sample(
    check,
    {
      ...{ passed: false, imageSha256: digest("a"), packages: 312 },
      rules: [
        {
          ...{ id: "logs.history", area: "logs", asserts: "no account has a command history" },
          ...{ reason: "it shows what was typed", source: "AWS Marketplace" },
          ...{ status: "waived", detail: "/root/.bash_history exists", waiver: "a demo" },
        },
      ],
      fileSystems: [
        { partition: 1, type: "ext4", mountPoint: "/", checked: true },
        { partition: null, type: null, mountPoint: null, checked: false },
      ],
      folders: [{ path: "/usr", bytes: 300_000_000 }],
      packageFiles: { unowned: 3, derived: 1, changed: 1, configured: 2, unread: 0 },
    },
    ["rules.0", "fileSystems.0", "fileSystems.1", "folders.0"],
  ),
  convert: sample(convert, { format: "raw", file: "kragle.raw" }),
  "smoke, quick": sample(
    smoke,
    {
      ...{ passed: true, driver: "libvirt", proof: "quick", channel: "agent" },
      ...{ accelerator: "kvm", imageSha256: digest("a"), boots: { first: boot } },
    },
    ["boots.first"],
  ),
  "smoke, full": sample(
    smoke,
    {
      ...{ passed: true, driver: "qemu", proof: "full", channel: "ssh", accelerator: "tcg" },
      imageSha256: digest("a"),
      boots: {
        first: {
          ...{ ...boot, seed: "done", diskBytes: 8_589_934_592, rootBytes: 8_000_000_000 },
          identity: { machineId: "0".repeat(32), hostKeys: ["ED25519 SHA256:x"] },
        },
        second: boot,
        sibling: {
          ...boot,
          tests: [{ script: "tests/web.sh", args: ["80"], seconds: 2, log: "test-1.log" }],
        },
      },
    },
    ["boots.first", "boots.first.identity", "boots.sibling", "boots.sibling.tests.0"],
  ),
  release: sample(release, released, ["smoke", "tools", "conversions.raw"]),
  "release, signed, of a full proof": sample(
    release,
    {
      ...released,
      smoke: {
        ...released.smoke,
        boots: { first: boot.seconds, second: boot.seconds },
        tests: ["tests/web.sh"],
      },
      signer: { kind: "ssh", fingerprint: "SHA256:x" },
    },
    ["smoke", "signer"],
  ),
  "release, of which nothing was booted": sample(
    release,
    { ...released, smoke: { passed: false, driver: "none", seconds: {} } },
    ["smoke"],
  ),
  publish: sample(
    publish,
    {
      version: "dev-images-2026-11-25-0202",
      files: { "kragle.raw": { path: "/srv/x/kragle.raw", sha256: digest("b"), bytes: 9 } },
      deleted: ["dev-images-2026-11-01-0202"],
    },
    ["files.kragle.raw"],
  ),
};

/** What a stage need not tell. */
const OPTIONAL = [
  ...["detail", "waiver", "seed", "diskBytes", "rootBytes", "identity", "tests"],
  "wayIn",
  "boots of smoke",
];

/** The names on the way to an object; a file's name has a dot in it. */
const namesIn = (path: string) =>
  path.startsWith("files.") ? ["files", path.slice(6)] : path.split(".").filter(Boolean);

function replaced(value: unknown, [name, ...rest]: readonly string[], by: Json): unknown {
  if (name === undefined) return by;
  if (Array.isArray(value))
    return value.with(Number(name), replaced(value[Number(name)], rest, by));
  return { ...(value as Json), [name]: replaced((value as Json)[name], rest, by) };
}

describe("what a stage tells", () => {
  const problems = ({ contract }: Sample, told: unknown) => {
    const read = contract.result.safeParse(told);
    return read.success ? [] : complaints("result", read.error);
  };

  it("is known of every stage", () => {
    const stages = new Set(Object.values(SAMPLES).map(({ contract }) => contract.stage));
    assert.deepEqual([...stages].sort(), Object.keys(stagePrograms).sort());
  });

  for (const [name, entry] of Object.entries(SAMPLES)) {
    it(`is taken of ${name}, as it was told`, () => {
      assert.deepEqual(entry.contract.result.parse(entry.told), entry.told);
    });

    it(`is refused of ${name} with a field that is missing, misspelt or unknown, by its name`, () => {
      for (const path of ["", ...entry.objects]) {
        const names = namesIn(path);
        const object = names.reduce<unknown>((part, n) => (part as Json)[n], entry.told) as Json;
        const refused = (change: Json, complaint: string) => {
          const found = problems(entry, replaced(entry.told, names, change));
          const start = `${["result", ...names].join(".")}${complaint}`;
          assert.ok(
            found.some((problem) => problem.startsWith(start)),
            `${start}: ${JSON.stringify(found)}`,
          );
        };
        refused({ ...object, surplus: 1 }, ': Unrecognized key: "surplus"');
        for (const [field, value] of Object.entries(object)) {
          const { [field]: _, ...others } = object;
          const isOptional =
            OPTIONAL.includes(field) || OPTIONAL.includes(`${field} of ${names.join(".")}`);
          if (!isOptional) refused(others, `.${field}: `);
          refused({ ...others, [`${field}x`]: value }, `: Unrecognized key: "${field}x"`);
        }
      }
    });
  }
});
