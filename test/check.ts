import { join } from "node:path";
import { styleText } from "node:util";

import { projectFolder } from "../host/project";
import { type Command, runProgram } from "../host/process";

const program = (name: string, ...args: string[]): Command => [
  process.execPath,
  join(projectFolder, "node_modules/.bin", name),
  ...args,
];
const own = (file: string, ...args: string[]): Command => [
  process.execPath,
  ...["--require", "./setup/loader.cjs", file, ...args],
];

/** What is checked, the slowest first. */
const CHECKS: Readonly<Record<string, Command>> = {
  lint: program("oxlint"),
  format: program("prettier", "--check", ".", "--log-level", "warn"),
  python: own("test/lint/python.ts"),
  rooms: program("depcruise", "--config", ".dependency-cruiser.mjs", "."),
  generated: own("generate/main.ts", "--check"),
  shell: own("test/lint/shell.ts"),
};

/** `npm run check [-- NAME…]`: looks at the source without running it, all checks side by side, and shows what each found. */
async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !Object.hasOwn(CHECKS, name));
  if (unknown.length > 0) {
    console.error(`check: no such check: ${unknown.join(", ")}; there are ${all().join(", ")}`);
    return 2;
  }
  const results = await Promise.all((names.length > 0 ? names : all()).map(check));
  return results.every(Boolean) ? 0 : 1;
}

const all = () => Object.keys(CHECKS);

async function check(name: string): Promise<boolean> {
  const started = Date.now();
  const lines: string[] = [];
  const { exitCode } = await runProgram(CHECKS[name]!, {
    cwd: projectFolder,
    onLine: (line) => lines.push(line),
  });
  const passed = exitCode === 0;
  const verdict = styleText(passed ? "green" : "red", passed ? "passed" : "failed");
  console.log(`${name}: ${verdict} in ${Math.round((Date.now() - started) / 1000)} s`);
  for (const line of lines) if (line.trim()) console.log(`  ${line}`);
  return passed;
}

void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
