import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { projectFolder } from "../host/project";
import { listFiles } from "../host/files";

/** Licences under which a package may be used beside Apache-2.0, as SPDX names them. */
const ALLOWED =
  /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-[34]\.0|(Python|PSF)-2\.0|Unlicense|MPL-2\.0|WTFPL)\b/;

interface AuditReport {
  readonly vulnerabilities?: Record<string, { severity: string; isDirect: boolean; range: string }>;
  readonly error?: { code?: string; summary?: string };
  readonly message?: string;
}

/** `npm run audit`: known weaknesses of the packages in the lock file, where a registry answers, and their licences. */
async function main(): Promise<number> {
  const bad = [...weaknesses(), ...(await foreignLicences())];
  for (const line of bad) console.error(line);
  return bad.length > 0 ? 1 : 0;
}

function weaknesses(): string[] {
  const { stdout } = spawnSync("npm", ["audit", "--json", "--omit=dev"], {
    cwd: projectFolder,
    encoding: "utf8",
    timeout: 60_000,
  });
  const report = readReport(stdout);
  if (!report.vulnerabilities) {
    const why = (report.error?.summary || report.message || "no answer").replace(/ - .*/, "");
    console.log(`weaknesses: skipped, since the registry answers no audit (${why})`);
    return [];
  }
  const all = Object.entries(report.vulnerabilities);
  console.log(`weaknesses: ${all.length} packages are known to have one`);
  for (const [name, { severity, range }] of all) console.log(`  ${severity}: ${name} ${range}`);
  return all
    .filter(([, { severity }]) => ["high", "critical"].includes(severity))
    .map(([name, { severity }]) => `${name} has a weakness of severity ${severity}`);
}

function readReport(text: string): AuditReport {
  try {
    return JSON.parse(text) as AuditReport;
  } catch {
    return {};
  }
}

async function foreignLicences(): Promise<string[]> {
  const folder = join(projectFolder, "node_modules");
  const manifests = (await listFiles(folder)).filter((name) =>
    /(^|\/node_modules\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(`/node_modules/${name}`),
  );
  const foreign: string[] = [];
  let count = 0;
  for (const name of manifests) {
    const facts = JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      name?: string;
      version?: string;
      license?: string | { type?: string };
      licenses?: { type?: string }[];
    };
    if (!facts.name || !facts.version) continue;
    count++;
    const { license = facts.licenses?.[0] } = facts;
    let words = (typeof license === "string" ? license : license?.type) ?? "none";
    const file = /^SEE LICENSE IN (\S+)$/.exec(words)?.[1];
    if (file && /^(The )?MIT License/i.test(textOf(join(folder, dirname(name), file))))
      words = "MIT";
    if (!ALLOWED.test(words)) foreign.push(`${facts.name} ${facts.version}: licence ${words}`);
  }
  console.log(`licences: ${count} packages read, ${foreign.length} under one that is not allowed`);
  return foreign;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

void main().then((code) => (process.exitCode = code));
