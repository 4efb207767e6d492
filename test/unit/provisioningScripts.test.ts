import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programsFolder } from "../../host/project";
import { encodingOf, scriptProblem, scriptWarnings, windowsLine } from "../../settings/scripts";
import { parseSettings } from "../../settings/stack";
import encodings from "../vectors/scriptEncodings.json";
import vectors from "../vectors/scriptLineEnds.json";

describe("a provisioning script", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle scripts "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const script = (name: string, content: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const warnings = (...provision: string[]) =>
    scriptWarnings(parseSettings({ provision }, "dev")).map((w) => w.replaceAll(`${folder}/`, ""));

  for (const { what, hex, line } of vectors) {
    it(`is judged by its line ends only where it is text: ${what}`, () => {
      assert.equal(windowsLine(Buffer.from(hex, "hex")) ?? null, line);
    });
  }

  for (const { what, hex, encoding } of encodings) {
    it(`is judged by its byte-order mark: ${what}`, () => {
      assert.equal(encodingOf(Buffer.from(hex, "hex")) ?? null, encoding);
    });
  }

  it("is judged in the same way by the program that runs it", () => {
    const code = `
import json, sys
sys.path.insert(0, ${JSON.stringify(join(programsFolder, "common"))})
import packer_template as judge
said = {judge.windows_line: json.loads(sys.argv[1]), judge.encoding_of: json.loads(sys.argv[2])}
print(json.dumps([[judged(bytes.fromhex(text)) for text in texts] for judged, texts in said.items()]))`;
    const texts = [vectors, encodings].map((all) => JSON.stringify(all.map(({ hex }) => hex)));
    const { stdout, stderr } = spawnSync("python3", ["-B", "-c", code, ...texts], {
      encoding: "utf8",
    });
    assert.deepEqual(
      JSON.parse(stdout || "null"),
      [vectors.map(({ line }) => line), encodings.map(({ encoding }) => encoding)],
      stderr,
    );
  });

  it("may have any name, and a proxy any password: Packer takes none for a command of its templates", () => {
    const path = script("a {{user `p`}} {{{b.sh", "#!/bin/sh\n");
    const code = `
import json, sys
sys.path.insert(0, ${JSON.stringify(join(programsFolder, "common"))})
import packer_template
name, path = sys.argv[1:]
made = packer_template.with_scripts({"_credentials": "x gets p"}, {name: path}, {"http_proxy": "http://u:{{p@h"}, 9)
print(json.dumps(made["provisioners"][1]))`;
    const { stdout, stderr } = spawnSync("python3", ["-B", "-c", code, "50-it's {{{b}}.sh", path], {
      encoding: "utf8",
    });
    const made = JSON.parse(stdout || stderr) as Record<string, string | string[]>;
    const command = made.execute_command as string;
    assert.equal(made.script, path.replaceAll("{{", '{{"{{"}}'));
    assert.deepEqual(made.environment_vars, ['http_proxy=http://u:{{"{{"}}p@h']);
    assert.deepEqual(command.match(/\{\{[^}]*\}\}/g), ["{{.Vars}}", "{{.Path}}"]);
    const shown = spawnSync("sh", ["-c", command.replace(/^.*guest\.sh run/, "printf %s\\\\n")], {
      encoding: "utf8",
    });
    assert.equal(shown.stdout.split("\n")[0], "50-it's {{{b}}.sh");
  });

  it("that cannot run is a wrong setting, told before anything is built", () => {
    mkdirSync(join(folder, "scripts.d"));
    const problem = (path: string) => scriptProblem(path)?.replace(`${folder}/`, "");
    assert.match(problem(script("dos.sh", "#!/bin/sh\r\n"))!, /"dos\.sh" has Windows line ends/);
    assert.equal(problem(script("empty.sh", "\n \t\n")), '"empty.sh" is empty');
    assert.equal(problem(join(folder, "scripts.d")), '"scripts.d" is not a file');
    assert.equal(problem(join(folder, "none.sh")), '"none.sh" is not a file');
    assert.match(
      problem(script("mark.sh", "\ufeff#!/bin/sh\n"))!,
      /"mark\.sh" begins with the byte-order mark of UTF-8.*save it as UTF-8 without one/,
    );
    assert.equal(problem(script("good.sh", "#!/bin/sh\n")), undefined);
    const provision = [join(folder, "dos.sh")];
    assert.throws(() => parseSettings({ provision }, "dev"), /has Windows line ends/);
  });

  it("that env would not run, but end as if it had, is a wrong setting too", () => {
    const problem = (first: string) => scriptProblem(script("env.sh", `${first}\nrm -rf /srv/x\n`));
    // prints the variables, exit code 0
    assert.match(
      problem("#!/usr/bin/env -u LANG bash")!,
      /env gets all that follows as one word; write #!\/usr\/bin\/env -S -u LANG bash$/,
    );
    assert.match(problem("#! /usr/bin/env bash -e ")!, /write #!\/usr\/bin\/env -S bash -e$/);
    assert.match(problem("#!/usr/bin/env -i")!, /as one word/);
    assert.match(problem("#!/usr/bin/env")!, /names no program/);
    for (const good of ["env bash", "env bash ", "env -S bash -e", "env -S -u X A=b python3 -u"]) {
      assert.equal(problem(`#!/usr/bin/${good}`), undefined, good);
      assert.deepEqual(warnings(join(folder, "env.sh")), [], good);
    }
    script("env.sh", "#!/usr/bin/env -S -u X A=b ruby -w\n");
    assert.match(warnings(join(folder, "env.sh"))[0]!, /is run by ruby/);
  });

  it("gets a warning where it probably is not what was meant", () => {
    const ruby = script("app.rb", "#!/usr/bin/env ruby\nputs 1\n");
    const plain = script("plain.sh", "echo 1\n");
    const local = script("local.sh", "#!/usr/local/bin/bash\n");
    assert.deepEqual(warnings(ruby, plain, plain, local), [
      '"plain.sh" stands in the list twice, and runs twice',
      '"app.rb" is run by ruby (its first line), which debian12 does not bring along; an earlier script has to install it',
      '"plain.sh" has no first line such as "#!/bin/sh"; the guest\'s sh runs it',
      '"local.sh" is run by /usr/local/bin/bash (its first line), which debian12 does not bring along; an earlier script has to install it',
    ]);
  });

  it("may be an installer of many gigabytes", () => {
    const path = script("cuda.run", "#!/bin/sh\n");
    truncateSync(path, 5 * 2 ** 30);
    assert.equal(scriptProblem(path), undefined);
    assert.deepEqual(warnings(path), []);
  });

  it("gets none where it is one like many", () => {
    const heads = ["/bin/sh", "/bin/sh -e", " /bin/bash", "/usr/bin/env python3", "/usr/bin/perl"];
    const many = heads.map((head, index) => script(`${index}.sh`, `#!${head}\ntrue\n`));
    const program = script("program", Buffer.from("\x7fELF\x02\x01\x00\r\n", "latin1"));
    assert.deepEqual(warnings(...many, program), []);
  });
});
