import { chown, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { facts as factsSchema, type Facts, folderSizes } from "./check/facts";
import { type Finding, judge, neededContents } from "./check/judge";
import { packageList, packagesJson, packagesTsv } from "./check/packages";
import { RULES } from "./check/rules";
import { BUILD_GID, BUILD_UID } from "./container";
import { StageFailure } from "./failure";
import type { StageContext, StageProgram } from "./stage";

const settings = z.object({
  toolsImage: z.string(),
  image: z.object({ key: z.string(), sha256: z.string() }),
  timeoutSeconds: z.number(),
});

type Settings = z.infer<typeof settings>;

/**
 * Looks at the finished image offline, without root, KVM or a mount, and judges it by the catalogue. Leaves `check.json`
 * (every rule's finding, the size of each folder), `packages.json` (what is installed, see packages.ts) and `packages.tsv`, the same in short.
 */
export const check: StageProgram<Settings> = {
  name: "check",
  settings,
  async run(context) {
    const { settings, work, phase } = context;
    const facts = await inspect(context);
    phase("judge");
    const findings = judge(RULES, facts);
    const list = packageList(facts);
    const count = (status: Finding["status"]) => findings.filter((f) => f.status === status).length;
    const result = {
      passed: count("failed") + count("not checked") === 0,
      imageSha256: settings.image.sha256,
      rules: findings,
      packages: list.packages.length,
      fileSystems: facts.fileSystems.map(({ partition, type, mountPoint, checked }) => ({
        partition,
        type,
        mountPoint,
        checked,
      })),
      folders: folderSizes(facts),
    };
    await writeFile(join(work, "check.json"), JSON.stringify(result, null, 2) + "\n");
    await writeFile(join(work, "packages.json"), packagesJson(list));
    await writeFile(join(work, "packages.tsv"), packagesTsv(list));
    for (const { id, status, detail } of findings) {
      if (status === "not checked") context.detail(`not checked: ${id}: ${detail}`);
    }
    if (count("failed") > 0) throw explain(findings);
    context.detail(`${count("passed")} rules hold, ${count("not applicable")} do not apply`);
    return { result };
  },
};

/** Runs the inspector in the container; its scratch folder, with the unpacked disk, is gone afterwards. */
async function inspect(context: StageContext<Settings>): Promise<Facts> {
  const { settings, secrets, store, work, container } = context;
  const image = await store.artifact("image", settings.image.key);
  const scratch = join(work, "scratch");
  await mkdir(scratch);
  await chown(scratch, BUILD_UID, BUILD_GID);
  const { exitCode, tail } = await container({
    image: settings.toolsImage,
    run: ["python3", "/usr/local/lib/kragle/inspect_image.py"],
    user: "builder",
    network: "none",
    binds: [
      { source: image.folder, target: "/image", readOnly: true },
      { source: scratch, target: "/scratch" },
    ],
    settings: { image: "/image/image.qcow2", contents: neededContents(RULES) },
    secrets,
    deadlineSeconds: settings.timeoutSeconds,
  });
  if (exitCode !== 0) {
    throw new StageFailure(
      `the image could not be inspected (exit code ${exitCode})\n${tail.slice(-10).join("\n")}`,
      {
        evidence: ["logs/container.log"],
        hint: "see that the store's disk has room for the unpacked image, then run the same command again",
      },
    );
  }
  const facts = factsSchema.parse(JSON.parse(await readFile(join(scratch, "facts.json"), "utf8")));
  await rm(scratch, { recursive: true });
  return facts;
}

function explain(findings: readonly Finding[]): StageFailure {
  const failed = findings.filter(({ status }) => status === "failed");
  const lines = failed.flatMap(({ id, detail }) => {
    const rule = RULES.find((r) => r.id === id)!;
    return [`- ${id}: ${detail}`, `  should be: ${rule.asserts}; ${rule.reason} (${rule.source})`];
  });
  const rules = failed.length === 1 ? "1 rule" : `${failed.length} rules`;
  return new StageFailure(`the image breaks ${rules}:\n${lines.join("\n")}`, {
    evidence: ["check.json", "packages.tsv"],
    hint: "mend it in a provisioning script, or in what the rule names; the image is kept in the store for inspection",
  });
}
