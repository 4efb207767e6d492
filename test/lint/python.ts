import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type Diagnostic, PositionEncoding, Workspace } from "@astral-sh/ruff-wasm-nodejs";
import { parse } from "smol-toml";

import { projectFolder } from "../../host/project";
import { pythonPrograms } from "./sources";

const read = (path: string) => readFileSync(join(projectFolder, path), "utf8");

/** Ruff, compiled to WebAssembly, over every Python program, whatever its name; its rules are in ruff.toml. */
function main(): number {
  const ruff = new Workspace(parse(read("ruff.toml")), PositionEncoding.Utf16);
  const programs = pythonPrograms();
  const findings = programs.flatMap((path) =>
    (ruff.check(read(path)) as Diagnostic[]).map(
      ({ code, message, start_location: { row, column } }) =>
        `${path}:${row}:${column}: ${code ?? "syntax"} ${message}`,
    ),
  );
  for (const finding of findings) console.log(finding);
  console.log(`${programs.length} Python programs read, ${findings.length} findings`);
  return findings.length > 0 ? 1 : 0;
}

process.exitCode = main();
