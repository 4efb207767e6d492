import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { projectFolder } from "../../host/project";

type Knows = Readonly<Record<string, readonly string[] | "everything">>;

const CONFIGURATION = join(projectFolder, ".dependency-cruiser.mjs");
/** Folders with a row of their own whose imports are not restricted, or that have none. */
const WITHOUT_ARROWS = ["builder", "examples", "test"];

describe("the rooms of the architecture", () => {
  let knows: Knows;

  before(async () => {
    ({ KNOWS: knows } = (await import(CONFIGURATION)) as { KNOWS: Knows });
  });

  it("are every folder that has TypeScript", () => {
    const files = execFileSync("git", ["ls-files", "*.ts"], {
      cwd: projectFolder,
      encoding: "utf8",
    });
    const folders = new Set(
      files
        .trim()
        .split("\n")
        .filter((file) => file.includes("/"))
        .map((file) => file.split("/")[0]!),
    );
    assert.deepEqual([...folders].filter((name) => !(name in knows)).sort(), ["examples", "test"]);
    assert.deepEqual(
      Object.keys(knows).filter((room) => !folders.has(room)),
      [],
    );
  });

  it("have every file of theirs that a document names", () => {
    const pages = execFileSync("git", ["ls-files", "*.md"], { cwd: projectFolder });
    const file = new RegExp(
      `\`((?:${[...Object.keys(knows), ...WITHOUT_ARROWS].join("|")})/[\\w./-]+\\.[a-z]+)\``,
      "g",
    );
    let named = 0;
    for (const page of pages.toString().trim().split("\n")) {
      for (const [, path] of readFileSync(join(projectFolder, page), "utf8").matchAll(file)) {
        assert.ok(existsSync(join(projectFolder, path!)), `${page} names ${path}`);
        named++;
      }
    }
    assert.ok(named > 50);
  });

  it("stand in docs/architecture.md with the arrows that the lint allows", () => {
    const documented = readTable();
    assert.deepEqual(
      Object.keys(documented).sort(),
      [...Object.keys(knows), ...WITHOUT_ARROWS].sort(),
    );
    for (const [room, allowed] of Object.entries(knows)) {
      const words = allowed === "everything" ? ["everything"] : [...allowed].sort();
      assert.deepEqual(documented[room]!.knows, words, room);
    }
  });

  it("each have a row in CONTRIBUTING.md that says what to run", () => {
    const rows = readFileSync(join(projectFolder, "CONTRIBUTING.md"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("| "));
    const covered = (room: string) =>
      rows.some((row) => row.split("|")[1]!.includes(`\`${room}/\``));
    const rooms = [...Object.keys(knows), ...WITHOUT_ARROWS];
    assert.deepEqual(
      rooms.filter((room) => !covered(room)),
      [],
    );
  });

  it("each say when a change goes there", () => {
    for (const [room, { change }] of Object.entries(readTable())) {
      assert.ok(change.length > 20, `${room}: ${change}`);
    }
  });
});

describe("the lint of rooms", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle-rooms-"));
    put("tsconfig.json", '{ "compilerOptions": { "module": "preserve" } }');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };

  function lint(): { exitCode: number | null; output: string } {
    const program = join(projectFolder, "node_modules/.bin/depcruise");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [program, "--config", CONFIGURATION, "."],
      { cwd: folder, encoding: "utf8" },
    );
    return { exitCode: status, output: stdout + stderr };
  }

  it("passes what the table allows", () => {
    put("plan/a.ts", "export const a = 1;");
    put("store/b.ts", 'import { a } from "../plan/a";\nexport const b = a;');
    put("cli/c.ts", 'export const c = import("../store/b");');
    const { exitCode, output } = lint();
    assert.equal(exitCode, 0, output);
    assert.match(output, /3 modules, 2 dependencies/);
  });

  it("refuses an arrow that the table does not have, whatever its form", () => {
    put("store/b.ts", "export interface B {}\nexport const b = 1;");
    put("executors/value.ts", 'import { b } from "../store/b";\nexport const a = b;');
    put("executors/type.ts", 'import type { B } from "../store/b";\nexport type A = B;');
    put("executors/inline.ts", 'import { type B } from "../store/b";\nexport type A = B;');
    put("executors/expression.ts", 'export type A = import("../store/b").B;');
    put("executors/late.ts", 'export const a = () => import("../store/b");');
    put("executors/required.ts", 'export const a = require("../store/b");');
    put("executors/passedOn.ts", 'export * from "../store/b";');
    put("plan/test.ts", 'export * from "../test/samples";');
    put("test/samples.ts", "export const sample = 1;");
    const { exitCode, output } = lint();
    for (const name of "value type inline expression late required passedOn".split(" ")) {
      assert.ok(output.includes(`executors/${name}.ts → store/b.ts`), `${name}\n${output}`);
    }
    assert.ok(output.includes("plan/test.ts → test/samples.ts"), output);
    assert.equal(exitCode, 8, output);
  });

  it("lets a single file of a room be known without the rest", () => {
    put("plan/units.ts", "export const GiB = 2 ** 30;");
    put("plan/other.ts", "export const other = 1;");
    put("host/a.ts", 'export * from "../plan/units";');
    put("host/b.ts", 'export * from "../plan/other";');
    const { exitCode, output } = lint();
    assert.ok(output.includes("host/b.ts → plan/other.ts"), output);
    assert.equal(exitCode, 1, output);
  });

  it("refuses a circle, of types too", () => {
    put("plan/a.ts", 'import type { B } from "./b";\nexport interface A { b?: B }');
    put("plan/b.ts", 'import type { A } from "./a";\nexport interface B { a?: A }');
    const { exitCode, output } = lint();
    assert.match(output, /no circle of imports, not even of types: plan\/a\.ts/);
    assert.notEqual(exitCode, 0);
  });

  it("refuses a stage that imports another stage", () => {
    put("stages/check/a.ts", "export const a = 1;");
    put("stages/smoke/b.ts", 'export * from "../check/a";');
    put("stages/index.ts", 'export * from "./smoke/b";');
    const { exitCode, output } = lint();
    assert.ok(output.includes("stages/smoke/b.ts → stages/check/a.ts"), output);
    assert.equal(exitCode, 1, output);
  });
});

/** The rows of the table of rooms: what a room knows, sorted, and when a change goes there. */
function readTable(): Record<string, { knows: string[]; change: string }> {
  const text = readFileSync(join(projectFolder, "docs/architecture.md"), "utf8");
  const rows = text.split("| room | ")[1]!.split("\n\n")[0]!.split("\n").slice(2);
  return Object.fromEntries(
    rows.map((row) => {
      const [room, , known, change] = row
        .split("|")
        .slice(1)
        .map((cell) => cell.trim().replaceAll("`", ""));
      const knows = known === "–" ? [] : known!.split(", ").sort();
      return [room!.replace(/\/$/, ""), { knows, change: change! }];
    }),
  );
}
