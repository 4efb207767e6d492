import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readStackSettings } from "../../cli/stackSettings";
import { parseSettings, SettingsError } from "../../settings/stack";
import { RULES } from "../../rules/catalogue";
import { judge } from "../../rules/judge";
import { parseRuleFile, readRuleFiles, RuleFileError } from "../../rules/ruleFile";
import { SampleImage } from "./checkSamples";

const BANNER = `
rules:
  - id: site.banner
    asserts: the banner names the owner
    assertion: { content: [/etc/issue.net], has: "Example Ltd", required: true }
    reason: whoever logs in has to know whose machine it is
`;

describe("rules of the user", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "kragle-rules-"))));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it("are UTF-8: of another encoding a part would become something else", () => {
    const path = join(folder, "latin1.yaml");
    writeFileSync(path, Buffer.from(BANNER.replace("Ltd", "Größe"), "latin1"));
    assert.throws(() => readRuleFiles([path]), /it is not UTF-8 text/);
  });

  const problems = (text: string, taken: string[] = []): readonly string[] => {
    try {
      parseRuleFile(text, "site.yaml", new Set(taken));
    } catch (error) {
      assert.ok(error instanceof RuleFileError, String(error));
      return error.problems;
    }
    return [];
  };

  it("are judged like those of the catalogue", () => {
    const [rule] = readRuleFiles([file("site.yaml", BANNER)]);
    assert.equal(rule!.source, "site.yaml");
    const status = (image: SampleImage) => judge([rule!], image.facts)[0]!.status;
    assert.equal(status(new SampleImage()), "failed");
    assert.equal(status(new SampleImage().file("/etc/issue.net", "Machine of A Ltd\n")), "failed");
    assert.equal(status(new SampleImage().file("/etc/issue.net", "Example Ltd\n")), "passed");
  });

  it("may assert what the catalogue's do, but for its programs", () => {
    for (const { id, assertion, asserts, reason, source, when } of RULES) {
      const text = JSON.stringify({ rules: [{ id, assertion, asserts, reason, source, when }] });
      if ("probe" in assertion) {
        assert.deepEqual(problems(text), [
          "rules[0].assertion: write one of absent, anyOf, content, sshd",
        ]);
      } else {
        const [rule] = parseRuleFile(text, "x", new Set());
        assert.deepEqual(rule, JSON.parse(JSON.stringify(RULES.find((r) => r.id === id))));
      }
    }
  });

  const withAssertion = (assertion: object) =>
    JSON.stringify({ rules: [{ id: "a.b", asserts: "x", assertion, reason: "x" }] });

  it("cannot keep the check busy", function () {
    this.timeout(5000);
    const passwd = "root:x:0:0:root:/root:/bin/bash\n".repeat(1000);
    const image = new SampleImage().file("/etc/passwd", passwd);
    for (const lacks of ["^(([a-z:/0-9])+)+!$", "(a|aa)+$", "^(.*,){11}P", "(\\s*)*!"]) {
      const text = withAssertion({ content: ["/etc/passwd"], lacks });
      const [rule] = parseRuleFile(text, "x", new Set());
      assert.equal(judge([rule!], image.facts)[0]!.status, "passed", lacks);
    }
  });

  it("are refused by name where an expression would need an engine that goes back", () => {
    for (const [has, why] of [
      ["(?<=a)b", /^rules\[0\]\.assertion\.has: invalid named capture; expressions are RE2's/],
      ["(?!a)b", /has: invalid or unsupported Perl syntax; expressions are RE2's/],
      ["(a)\\1", /has: invalid escape sequence; expressions are RE2's/],
    ] as const) {
      const found = problems(withAssertion({ content: ["/x"], has }));
      assert.match(found.join("\n"), why);
    }
    assert.match(problems(withAssertion({ absent: ["/a[z-a]"] })).join(), /absent\.0: .*order/);
    assert.match(
      problems(withAssertion({ absent: ["/" + "{a,b}".repeat(12)] })).join(),
      /absent\.0: it has more than 1000 alternatives/,
    );
  });

  it("have everything that is wrong with them told at once", () => {
    const rules = [
      { id: "Site", asserts: "", assertion: { absent: ["etc/motd"], onyl: "file" }, reason: 5 },
      { id: "a.b", asserts: "x", assertion: { content: ["/x"], has: "(" }, reason: "x", why: "x" },
      { id: "a.c", asserts: "x", assertion: { content: ["/x"] }, reason: "x" },
      { id: "ssh.passwords", asserts: "x", assertion: { anyOf: [] }, reason: "x" },
      { id: "a.d", asserts: "x", assertion: { anyOf: ["/x"], absent: ["/x"] }, reason: "x" },
    ];
    assert.deepEqual(problems(JSON.stringify({ rules })), [
      'rules[0].id: write it as "area.name" in lower case',
      "rules[0].asserts: is empty",
      "rules[0].assertion.absent.0: a path begins with /",
      "rules[0].assertion: onyl is unknown; allowed are absent, only, nonEmpty",
      'rules[0].reason: write a sentence, such as "whoever logs in has to know whose machine it is"',
      "rules[1].assertion.has: missing closing ); expressions are RE2's, without look-around and references back",
      "rules[1]: why is unknown; allowed are id, asserts, assertion, reason, source, when",
      "rules[2].assertion: write one of has and lacks",
      "rules[3].assertion.anyOf: at least one path is needed",
      "rules[4].assertion: write one of absent, anyOf, content, sshd",
    ]);
  });

  it("have an id of their own", () => {
    assert.deepEqual(problems(BANNER, ["site.banner"]), [
      'rules[0].id: "site.banner" is the id of another rule',
    ]);
    const paths = [file("one.yaml", BANNER), file("two.yaml", BANNER)];
    assert.throws(() => readRuleFiles(paths), {
      problems: [`${paths[1]}: rules[0].id: "site.banner" is the id of another rule`],
    });
  });

  it("stand in a list under rules", () => {
    for (const text of ["", "5", "- id: a.b", "rules: x"]) assert.equal(problems(text).length, 1);
    assert.match(problems("rules: [")[0]!, /^it is not YAML: /);
  });
});

describe("the setting check", () => {
  const problems = (check: unknown): readonly string[] => {
    try {
      parseSettings({ ...readStackSettings("dev").values, check }, "dev");
    } catch (error) {
      assert.ok(error instanceof SettingsError, String(error));
      return error.problems;
    }
    return [];
  };
  const known = RULES.map(({ id }) => id).join(", ");
  const reason = "reached by console only";

  it("takes waivers, as objects and as Pulumi hands them over", () => {
    const check = { waive: [{ rule: "ssh.passwords", reason }] };
    for (const value of [check, JSON.stringify(check)]) {
      const spec = parseSettings({ ...readStackSettings("dev").values, check: value }, "dev");
      assert.deepEqual(spec.check, { rules: [], ...check });
    }
  });

  it("has everything that is wrong with it told at once", () => {
    const waive = [
      { rule: "ssh.password", reason },
      { rule: "ssh.passwords", reason: " " },
      { rule: "ssh.passwords", reason },
      "ssh.passwords",
    ];
    assert.deepEqual(problems({ waive }), [
      `kragle:check.waive[0].rule: "ssh.password" is not a rule; known are ${known}`,
      "kragle:check.waive[1].reason: a waiver needs a reason",
      'kragle:check.waive[3]: "ssh.passwords" is not a waiver; write it as in {"rule": "ssh.passwords", "reason": "reached by console only"}',
      'kragle:check.waive: "ssh.passwords" is waived twice',
    ]);
    assert.deepEqual(problems({ rules: ["nowhere.yaml"], waive: [{ rule: "x.y", reason: "" }] }), [
      `kragle:check.rules: nowhere.yaml: there is no such file`,
      "kragle:check.waive[0].reason: a waiver needs a reason",
    ]);
    assert.deepEqual(problems({ waived: [] }), [
      "kragle:check: waived is unknown; allowed are rules, waive",
    ]);
    assert.equal(problems("strict").length, 1);
    assert.equal(problems({ rules: "site.yaml" }).length, 1);
  });
});

describe("a waived rule", () => {
  const waive = (rule: string) => ({ [rule]: "reached by console only" });
  const finding = (image: SampleImage, id: string) =>
    judge(RULES, image.facts, waive(id)).find((f) => f.id === id)!;

  it("does not fail the image, and says why", () => {
    const image = new SampleImage().remove("/etc/ssh/sshd_config.d/60-keys.conf");
    const { status, detail, waiver } = finding(image, "ssh.passwords");
    assert.deepEqual(
      [status, detail, waiver],
      ["waived", "PasswordAuthentication is yes", "reached by console only"],
    );
  });

  it("that could not be checked is waived, too", () => {
    const image = new SampleImage();
    image.facts.fileSystems[1]!.checked = false;
    assert.equal(finding(image, "logs.files").status, "waived");
  });

  it("that the image keeps is passed; the waiver is still told", () => {
    const { status, waiver } = finding(new SampleImage(), "ssh.passwords");
    assert.deepEqual([status, waiver], ["passed", "reached by console only"]);
  });

  it("waives no other", () => {
    const image = new SampleImage().file("/root/.bash_history", "x");
    const failed = judge(RULES, image.facts, waive("ssh.passwords"));
    assert.deepEqual(
      failed.filter(({ status }) => status === "failed").map(({ id }) => id),
      ["logs.history"],
    );
  });
});
