import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import fc from "fast-check";

import { readStackSettings } from "../../cli/stackSettings";
import { ownSettings } from "../../settings/own";
import { needPulumi } from "./pulumiProject";

const PROJECT = `name: kragle
runtime: nodejs
config:
  diskSize: { type: string, default: 4 GiB }
  cpus: { type: integer, default: 2 }
  formats: { default: [raw] }
`;

/** What kragle reads out of a stack's file must be what the Pulumi CLI would hand to the program, or be refused. */
describe("a stack's file under the real Pulumi CLI", function () {
  this.timeout(300_000);
  let folder: string;
  before(async function () {
    await needPulumi(this);
    folder = mkdtempSync(join(tmpdir(), "kragle stack "));
    writeFileSync(join(folder, "Pulumi.yaml"), PROJECT);
    await pulumi("stack", "init", "x");
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true });
  });

  async function pulumi(...args: string[]): Promise<string> {
    const env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${encodeURI(folder)}`,
      PULUMI_CONFIG_PASSPHRASE: "x",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    const all = [...args, "--non-interactive", "--color", "never"];
    return (await promisify(execFile)("pulumi", all, { cwd: folder, env })).stdout;
  }

  /** @returns which of the two refused the file, if one did */
  async function compare(text: string): Promise<"cli" | "kragle" | undefined> {
    writeFileSync(join(folder, "Pulumi.x.yaml"), text);
    const own = (() => {
      try {
        return readStackSettings("x", folder);
      } catch {
        return undefined;
      }
    })();
    const refused = !own || own.problems.length > 0;
    let printed;
    try {
      printed = await pulumi("config", "--json", "--show-secrets", "-s", "x");
    } catch {
      assert.ok(refused, `only the CLI refuses this:\n${text}`);
      return "cli";
    }
    if (refused) return "kragle";
    const config = JSON.parse(printed) as Record<string, { value: string }>;
    const { values } = ownSettings(config, "kragle");
    // objects come as JSON, whose keys are in an order of each side's own
    const read = (value: string): unknown => (value.startsWith("{") ? JSON.parse(value) : value);
    const theirs = Object.entries(values).map(([name, { value }]) => [name, read(value)]);
    const ours = Object.entries(own.values).map(([name, value]) => [
      name,
      read(typeof value === "string" ? value : JSON.stringify(value)),
    ]);
    assert.deepEqual(Object.fromEntries(ours), Object.fromEntries(theirs), text);
    return undefined;
  }

  const files: [string, "cli" | "kragle" | undefined][] = [
    ["", undefined],
    ["config: {diskSize: 6 GiB, aws:region: eu}", undefined],
    ["config: {kragle:config:cpus: 3}", undefined],
    ["common: &c {kragle:cpus: 3}\nconfig:\n  <<: *c\n  diskSize: 5 GiB\n", undefined],
    ["a: &a {cpus: 3}\nb: &b {cpus: 4}\nconfig:\n  <<: [*a, *b]\n", undefined],
    ["config: {kragle:snapshot: 2026-11-01, kragle:path: 2026-1-2}", undefined],
    ["config: {kragle:timeouts: {image: 90, base: 2026-11-01}}", undefined],
    ["config: {kragle:snapshot: , kragle:vnc: off, kragle:privileged: yes}", undefined],
    [
      "config: {kragle:cpus: 2.0, kragle:vnc: 0x1700, kragle:timeouts: {image: 010, base: 1_0}}",
      undefined,
    ],
    ["config: {kragle:version: 1.5, kragle:variables: {PORT: 8080}}", undefined],
    ["config: {kragle:version: 1.10}", "kragle"],
    ["config: {kragle:kernel: 010}", "kragle"],
    ["config: {kragel:diskSize: 6 GiB}", "kragle"],
    ["kragle:diskSize: 6 GiB", "kragle"],
    ["config: {kragle:cpus: 3, cpus: 4}", "kragle"],
    ["config: {a:b:c: 1}", "cli"],
    ["config: 5", "cli"],
    ["[a]", "cli"],
    ["config: {cpus: 1}\nconfig: {cpus: 2}\n", "cli"],
  ];
  for (const [text, refusal] of files) {
    it(`${JSON.stringify(text)} ${refusal ? `is refused by ${refusal}` : "means the same"}`, async () => {
      assert.equal(await compare(text), refusal);
    });
  }

  it("means the same, whatever the values are", async () => {
    const scalar = fc.oneof(
      fc.constantFrom(
        "on",
        "no",
        "True",
        "~",
        "null",
        "1e3",
        "12:30",
        ".5",
        "+3",
        "0o17",
        "''",
        "010",
        "08",
        "1_000",
        "-0b11",
      ),
      fc.integer().map(String),
      fc.stringMatching(/^[a-z][a-z ]{0,6}$/),
    );
    const key = fc.constantFrom("cpus", "kragle:path", "kragle:vnc", "memory", "aws:region");
    const entries = fc.uniqueArray(fc.tuple(key, scalar), { minLength: 1, selector: ([k]) => k });
    await fc.assert(
      fc.asyncProperty(entries, async (all) => {
        await compare(`config:\n${all.map(([k, v]) => `  ${k}: ${v}\n`).join("")}`);
      }),
      { numRuns: 25 },
    );
  });
});
