import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  check as contract,
  type Finding,
  PACKAGE_FILES,
  PACKAGES,
  type Status,
} from "../../plan/stages/check";
import { countStates } from "../../plan/packageFiles";
import { image, IMAGE } from "../../plan/stages/image";
import { counted } from "../../plan/units";
import { readPlanned } from "../../store/bundles";
import { deletePoints } from "../../store/pointChain";
import { artifactOf } from "../../store/typed";
import { RULES } from "../../rules/catalogue";
import { SECRETS } from "../../rules/catalogue/system";
import {
  facts as factsSchema,
  type Facts,
  filesTsv,
  folderSizes,
  otherFiles,
} from "../../rules/facts";
import { judge, neededContents } from "../../rules/judge";
import { findPackages, packagesJson, packagesTsv } from "../../rules/packages";
import type { Rule } from "../../rules/rule";
import { readRuleFiles } from "../../rules/ruleFile";
import { searchFor } from "../../host/secretForms";
import { PROGRAMS_AT } from "../../executors/executor";
import { closeToOthers } from "../../executors/handOver";
import { ifDiskIsFull, StageFailure } from "../../host/failure";
import { occupiedBytes, requireFreeSpace } from "../../host/freeSpace";
import { displayPath, inProject } from "../../host/project";
import { ImageRefused } from "../../run/refusal";
import { searchedSecrets } from "../../run/searchedSecrets";
import type { StageContext, StageProgram } from "../../run/stage";
import { readStageFile } from "../../run/stageFile";
import { plannedPrograms } from "../../run/task";

/**
 * Looks at the finished image offline, without root, KVM or a mount, and judges it by the catalogue and the user's rules.
 * Leaves `check.json` (every rule's finding, the size of each folder), `packages.json` (what is installed, see packages.ts)
 * `packages.tsv`, the same in short, `files.tsv`, which files it has, and `package-files.json`, those that no package accounts for.
 */
export const check: StageProgram<typeof contract> = {
  contract,
  async run(context) {
    const { inputs, upstream, work, phase } = context;
    const rules = [...RULES, ...ownRules(context)];
    const { result: built } = await artifactOf(context.store, image, context.request.imageKey);
    const facts = {
      ...(await inspect(context, rules)),
      identity: built.identity,
      secretsAtBuild: built.secrets,
    };
    phase("judge");
    const findings = judge(rules, facts, inputs.waive);
    const list = findPackages(facts);
    const others = otherFiles(facts);
    const having = (status: Status) => findings.filter((finding) => finding.status === status);
    const result = {
      passed: having("failed").length + having("not checked").length === 0,
      imageSha256: upstream.imageSha256,
      rules: findings,
      packages: list.packages.length,
      fileSystems: facts.fileSystems.map(({ partition, type, mountPoint, checked }) => ({
        partition,
        type,
        mountPoint,
        checked,
      })),
      folders: folderSizes(facts),
      packageFiles: others && countStates(others),
    };
    await writeFile(join(work, "check.json"), JSON.stringify(result, null, 2) + "\n");
    await writeFile(join(work, PACKAGES), packagesJson(list));
    await writeFile(join(work, "packages.tsv"), packagesTsv(list));
    await writeFile(join(work, "files.tsv"), filesTsv(facts));
    await writeFile(join(work, PACKAGE_FILES), JSON.stringify(others, null, 1) + "\n");
    for (const { id, detail } of having("not checked")) {
      context.detail(`not checked: ${id}: ${detail}`);
    }
    for (const { id, detail, waiver } of having("waived")) {
      context.detail(`waived: ${id}: ${detail} (${waiver})`);
    }
    if (having("failed").length > 0) throw await explain(having("failed"), context);
    const [hold, apart] = [having("passed").length, having("not applicable").length];
    context.detail(
      `${counted(hold, "rule holds", "rules hold")}, ${apart} ${apart === 1 ? "does" : "do"} not apply`,
    );
    return { result };
  },
};

/** The user's rules as they were planned: the key has their digests. */
function ownRules({ inputs, request }: StageContext<typeof contract>): Rule[] {
  const digests = Object.values(inputs.ownRules ?? {});
  const texts = request.rules.map((path, index) => {
    const { bytes } = readPlanned({ source: inProject(path), digest: digests[index] ?? "" });
    return [path, bytes.toString()] as const;
  });
  return readRuleFiles(request.rules, (path) => new Map(texts).get(path)!);
}

/** Runs the inspector in the container; its scratch folder, with the unpacked disk, is gone afterwards. */
async function inspect(
  { inputs, request, secrets, store, work, container }: StageContext<typeof contract>,
  rules: readonly Rule[],
): Promise<Facts> {
  const artifact = await artifactOf(store, image, request.imageKey);
  await requireFreeSpace(
    work,
    await occupiedBytes(join(artifact.folder, IMAGE)),
    "the unpacked image",
  );
  const { exitCode, tail } = await container({
    image: request.toolsImage,
    programs: plannedPrograms(inputs.programs),
    run: [`${PROGRAMS_AT}/inspect_image.py`],
    user: "builder",
    network: "none",
    artifacts: { "/image": artifact },
    results: { "/scratch": "scratch" },
    settings: { image: `/image/${IMAGE}`, contents: neededContents(rules) },
    secrets: { search: JSON.stringify(searchFor(searchedSecrets(secrets))) },
    deadlineSeconds: request.timeoutSeconds,
  });
  if (exitCode !== 0) {
    throw new StageFailure(
      `the image could not be inspected (exit code ${exitCode})\n${tail.slice(-10).join("\n")}`,
      {
        evidence: ["logs/container.log"],
        hint: "run the same command again; the image is kept",
        ...ifDiskIsFull(tail),
      },
    );
  }
  const facts = readStageFile(work, "scratch/facts.json", factsSchema);
  await rm(join(work, "scratch"), { recursive: true });
  return facts;
}

/** The failure's message: rule, file, why, and where the image lies. The store keeps it, so that it can be looked into. */
async function explain(failed: readonly Finding[], context: StageContext<typeof contract>) {
  const { store, request } = context;
  const { folder } = await artifactOf(store, image, request.imageKey);
  if (failed.some(({ id }) => id === SECRETS)) await closeToOthers(folder);
  const lines = failed.flatMap(({ id, detail, asserts, reason, source }) => [
    `- ${id}: ${detail}`,
    `  should be: ${asserts}; ${reason} (${source})`,
  ]);
  const rules = counted(failed.length, "rule");
  return new ImageRefused(
    [
      `the image breaks ${rules}:`,
      ...lines,
      `the image is kept for inspection: ${displayPath(join(folder, IMAGE))}`,
      ...(await dropPoints(failed, context)),
    ].join("\n"),
    {
      evidence: ["check.json", PACKAGES, "packages.tsv"],
      hint: "mend it in a provisioning script, or in what the rule names; where it is meant to be so, waive the rule with a reason (setting check)",
    },
  );
}

/**
 * Deletes the points of an image in which a secret was found, for they may have it, too, and later images would be made of them.
 *
 * @returns what to tell of it
 */
async function dropPoints(
  failed: readonly Finding[],
  { store, request, signal, detail }: StageContext<typeof contract>,
): Promise<string[]> {
  if (!failed.some(({ id }) => id === SECRETS)) return [];
  const { manifest } = await artifactOf(store, image, request.imageKey);
  const onWait = () => detail("waiting: another build goes on from points of this image");
  try {
    const deleted = await deletePoints(store, manifest.description, { signal, onWait });
    const left =
      "its points may have the secret, too, and are deleted: the next build begins with its first step";
    return deleted > 0 ? [left] : [];
  } catch (error) {
    return [
      `its points may have the secret, too, and could not be deleted: ${(error as Error).message}`,
    ];
  }
}
