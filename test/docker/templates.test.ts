import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { homeFolder } from "../../host/home";
import { builderFolder } from "../../host/project";
import { packerParts } from "./packerParts";

const PYKICKSTART = "3.78";

describe("the templates", function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle templates "));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  describe("have a kickstart that", () => {
    const kickstart = readFileSync(join(builderFolder, "templates/rhel7/ks.cfg"), "utf8");
    let validator: string;

    before(function () {
      const environment = join(homeFolder(), `pykickstart-${PYKICKSTART}`);
      validator = join(environment, "bin/ksvalidator");
      if (existsSync(validator)) return;
      const python = spawnSync("python3", ["-m", "venv", environment], { encoding: "utf8" });
      const pip = spawnSync(
        join(environment, "bin/pip"),
        ["install", "--quiet", `pykickstart==${PYKICKSTART}`],
        { encoding: "utf8" },
      );
      if (python.status === 0 && pip.status === 0) return;
      rmSync(environment, { recursive: true, force: true });
      const why = python.error?.message ?? (python.stderr || pip.stderr || pip.error?.message);
      console.log(`      skipped: pykickstart is not to be had here: ${why?.split("\n")[0]}`);
      this.skip();
    });

    const validate = (text: string) => {
      const file = join(folder, "ks.cfg");
      writeFileSync(file, text);
      return spawnSync(validator, ["--version", "RHEL7", "--followincludes", file], {
        encoding: "utf8",
      });
    };

    it("the installer of RHEL 7 understands", () => {
      const { status, stdout, stderr } = validate(kickstart);
      assert.equal(status, 0, stdout + stderr);
    });

    it("would be refused with a command or an option that it does not know", () => {
      for (const line of ["rhsm --organization=1", "part / --no-such-option"]) {
        assert.notEqual(validate(`${line}\n${kickstart}`).status, 0, line);
      }
    });

    it("holds no credential and ends with the proof that it came to its end", () => {
      assert.doesNotMatch(kickstart, /rhsm|subscription-manager|--plaintext|password=/i);
      const scripts = kickstart.split(/^%post/m);
      assert.match(
        scripts.at(-1)!,
        /\nprintf 'kragle: %s\\n' 'the installation is complete'\n%end\n$/,
      );
      assert.doesNotMatch(kickstart, /kragle: the installation is complete/);
    });
  });

  describe("are valid for the Packer on PATH:", () => {
    const packer = spawnSync("packer", ["version"], { encoding: "utf8" });

    for (const [path, name] of packerParts) {
      it(name, function () {
        if (packer.error) {
          console.log(
            "      skipped: there is no packer on PATH; the one of the tools image was asked",
          );
          return this.skip();
        }
        mkdirSync(join(folder, "seed"));
        writeFileSync(join(folder, "seed/user-data"), "");
        writeFileSync(join(folder, "key"), "");
        const file = join(builderFolder, path);
        const known = (JSON.parse(readFileSync(file, "utf8")) as { variables: object }).variables;
        const values = {
          ...{ base: file, iso: file, kernel: file, initrd: file },
          ...{ seed_folder: join(folder, "seed"), template_folder: join(file, "..") },
        };
        const variables = Object.entries(values)
          .filter(([variable]) => variable in known)
          .map(([variable, value]) => `-var=${variable}=${value}`);
        const { status, stdout, stderr } = spawnSync("packer", ["validate", ...variables, file], {
          encoding: "utf8",
          env: { ...process.env, CHECKPOINT_DISABLE: "1" },
        });
        const said = stdout + stderr;
        if (/plugin/i.test(said) && status !== 0) {
          console.log(`      skipped: ${packer.stdout.split("\n")[0]} has no QEMU plugin here`);
          return this.skip();
        }
        assert.equal(status, 0, said);
      });
    }
  });
});
