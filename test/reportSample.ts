import { planImage } from "../plan/imagePlan";
import type { BootFacts } from "../plan/stages/smoke";
import { provenance } from "../release/provenance";
import type { ReportFacts } from "../release/report/page";
import type { ReleasedImage, StackRow } from "../release/report/stackPage";
import { IMAGE_IDENTITY } from "./sampleCalls";
import { digest, sampleFiles, sampleSpec } from "./samples";

/** Text as an image could have it that means harm. */
export const EVIL = `<img src=x onerror="document.title='owned'">&'</script><script>document.title='owned'</script>`;

const one = (name: string, version: string, installedBytes: number) => ({
  ...{ name, version, installedBytes, architecture: "amd64", source: name, sourceVersion: version },
  ...{ license: null, homepage: null },
});

/** A PNG of one pixel. */
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** A release with something in every section, and harmful text wherever an image may have put it. */
export function sampleReport(): ReportFacts {
  const { base, image } = planImage(sampleSpec, sampleFiles, null);
  const stage = (root: string, from: "run" | "store", start: number, seconds: number) => ({
    origin: { from, why: from === "run" ? "scripts/50-1-app.sh: 111 → 222" : "nothing changed" },
    run: {
      ...{ root, key: image.key, description: image.description, seconds },
      phases: [
        { name: `${root} begins`, seconds: seconds / 4 },
        { name: `${root} ends`, seconds: (seconds * 3) / 4 },
      ],
      startedOn: new Date(start * 1000).toISOString(),
      finishedOn: new Date((start + seconds) * 1000).toISOString(),
    },
  });
  const begin = 1_790_000_000;
  const packages = [
    one("bash", "5.2.15-2+b7", 7_000_000),
    one("linux-image", "6.1.0", 100_000_000),
    one("zlib1g", "1:1.2.13", 160_000),
    one(EVIL, EVIL, 1),
  ];
  const lines = Array.from({ length: 600 }, (_, i) => `[${i}.0] kernel: line ${i}`);
  const log = ["\u001b[2J\u001b[1;1HGRUB loading", ...lines, EVIL, "\u001b[0;32mdebian login:"];
  const boot: BootFacts = {
    seconds: { kernel: 10.6, login: 64.3, running: 76.6, poweroff: 79.8 },
    ...{ firmware: "uefi", complaints: [EVIL], serialLog: "serial.log", screenshot: "login.png" },
    tests: [{ script: EVIL, args: [EVIL], seconds: 2.5, log: "test-1.log" }],
  };
  return {
    ...{ stack: "dev", releasedAt: "2026-11-25T02:02:00.000Z", accelerator: "tcg" },
    image: { sha256: digest("a"), bytes: 454_098_944, virtualBytes: 2 ** 32, ...IMAGE_IDENTITY },
    changed: ["note"],
    steps: [
      {
        ...{ title: "packages nginx", kind: "packages", sha256: digest("1") },
        ...{ seconds: null, output: "" },
      },
      {
        ...{ title: EVIL, kind: "script", sha256: digest("2"), seconds: 12.3 },
        output: `\u001b[31mconfigured\u001b[0m\n${EVIL}`,
      },
      { title: "reboot", kind: "reboot", sha256: digest("3"), seconds: 30, output: "" },
    ],
    formats: ["raw"],
    signer: "SHA256:abc",
    stages: [
      stage("base", "store", begin - 1e6, 80),
      stage("image", "run", begin, 60),
      stage("check", "run", begin + 61, 5),
      // after a failure somebody went home
      stage("smoke", "run", begin + 50_000, 80),
    ],
    check: {
      ...{ passed: true, imageSha256: digest("a"), packages: 4, fileSystems: [] },
      rules: [
        {
          ...{ id: "disk.consistent", area: "disk", status: "passed" },
          ...{ asserts: "the qcow2 is whole", reason: "it is to boot", source: "qemu-img(1)" },
        },
        {
          ...{ id: "logs.journal", area: "logs", status: "waived", asserts: "there is no journal" },
          ...{ detail: EVIL, waiver: "we want it", reason: "it grows", source: "systemd" },
        },
      ],
      folders: [
        { path: "/usr", bytes: 3e8 },
        { path: "/usr/lib", bytes: 2e8 },
      ],
      packageFiles: { unowned: 1, derived: 1, changed: 1, configured: 0, unread: 0 },
    },
    removed: [
      { done: "deleted", why: "identity", path: EVIL, script: "join-domain.sh" },
      { done: "emptied", why: "trace", path: "/var/log/dpkg.log", script: "" },
    ],
    packageFiles: [
      { path: EVIL, state: "changed", package: EVIL, bytes: 7, sha256: digest("b") },
      { path: "/srv/data/data.bin", state: "unowned", package: null, bytes: 2e7, sha256: null },
    ],
    smoke: {
      ...{ passed: true, driver: "qemu", proof: "quick", channel: "agent", accelerator: "tcg" },
      imageSha256: digest("a"),
      boots: { first: boot },
    },
    boots: [
      {
        ...boot,
        name: "first",
        log: log.join("\r\n"),
        screen: PIXEL,
        outputs: [`checking\n${EVIL}`],
      },
    ],
    packages: {
      distribution: { id: "debian", versionId: "12", prettyName: "Debian GNU/Linux 12" },
      ecosystem: "deb",
      packages,
    },
    changes: {
      previousImageSha256: digest("b"),
      previousReleasedAt: "2026-11-24T02:02:00.000Z",
      added: [{ name: "zlib1g", architecture: "amd64", version: "1:1.2.13" }],
      removed: [{ name: EVIL, architecture: "amd64", version: "1" }],
      changed: [{ name: "bash", architecture: "amd64", from: "5.1", to: "5.2.15-2+b7" }],
    },
    provenance: provenance({
      subjects: [{ name: "packer-kragle-qcow2", sha256: digest("a") }],
      parameters: { diskSize: "4 GiB", formats: ["raw"], note: EVIL },
      inputs: { base: base.description, image: image.description },
      ...{ stages: [], containers: [], kragle: { version: "0.1.0" }, tools: { packer: "1.6.6" } },
      ...{ accelerator: "tcg", invocationId: "an-id" },
      ...{ startedOn: "2026-11-25T02:00:00.000Z", finishedOn: "2026-11-25T02:02:00.000Z" },
    }),
  };
}

/** One as large as that of a Debian image: packages with licences, rules, files and inputs with digests. */
export function largeReport(): ReportFacts {
  const sample = sampleReport();
  const many = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, index) => make(index));
  const { predicate } = sample.provenance;
  const packages = many(226, (index) => ({
    ...one(`a-package-of-some-length-${index}`, `2:1.${index}.0-2+deb12u3~really`, index * 1000),
    license: "GPL-2+, GPL-3+ with an exception, LGPL-2.1+, BSD-3-clause, Apache-2.0, public-domain",
  }));
  const folder = (index: number) => `/usr/share/some/folder/of/a/program/file-${index}`;
  return {
    ...sample,
    check: {
      ...sample.check,
      rules: many(70, (index) => ({
        ...{ id: `area.rule-${index}`, area: `area${index % 14}`, status: "passed" as const },
        asserts: "what a finished image must fulfil, in a sentence of the usual length",
        reason: "why that is so, which takes a sentence of some length as well, as reasons do",
        source: "a manual's page, systemd.service(5), and the section in it",
      })),
    },
    removed: many(80, (index) => ({
      ...{ done: "deleted" as const, why: "trace" as const, path: folder(index), script: "" },
    })),
    packages: { ...sample.packages, packages },
    packageFiles: many(130, (index) => ({
      ...{ path: folder(index), state: "unowned" as const, package: null, bytes: index },
      sha256: digest("c"),
    })),
    provenance: {
      ...sample.provenance,
      predicate: {
        ...predicate,
        buildDefinition: {
          ...predicate.buildDefinition,
          resolvedDependencies: many(40, (index) => ({
            name: `image/programs/common/program_${index}.py`,
            digest: { sha256: digest("d") },
          })),
        },
      },
    },
  };
}

/** The page's rows of a stack: images of every kind, with harmful text wherever a file may have put it. */
export function sampleStack(): StackRow[] {
  const release: ReleasedImage = {
    ...{ imageSha256: digest("a"), imageBytes: 454_098_944, imageVirtualBytes: 2 ** 32 },
    ...{ imageVersion: "1.4", packages: 226, releasedAt: "2026-11-25T02:02:00.000Z" },
    conversions: { raw: { path: "x", sha256: digest("b"), bytes: 1 } },
    smoke: { passed: true, driver: "qemu", seconds: { login: 64.3, running: 76.6 } },
    signer: { kind: "ssh", fingerprint: "SHA256:x" },
  };
  return [
    { name: "base", on: [], page: "../../build/base/output/report.html", release },
    {
      ...{ name: "web", on: ["base"], page: "../../build/w%20%3A/report.html" },
      release: {
        ...{ ...release, imageVersion: EVIL, conversions: {}, signer: null },
        smoke: { passed: false, driver: "none", seconds: {} },
      },
    },
    { name: "db", on: ["base"], page: undefined, release: `not released yet: ${EVIL}` },
  ];
}

/** As many images as a fleet has. */
export const largeStack = (count: number): StackRow[] =>
  Array.from({ length: count }, (_, n) => ({ ...sampleStack()[0]!, name: `role-number-${n}` }));
