import { projectFolder } from "../../host/project";
import { ProgramMissing, runProgram } from "../../host/process";
import { shellScripts } from "./sources";

/** ShellCheck, where it is on PATH, over every shell script, whatever its name; its rules are in .shellcheckrc. */
async function main(): Promise<number> {
  const scripts = shellScripts();
  try {
    const { exitCode, stdout } = await runProgram(
      ["shellcheck", "--format", "gcc", "--external-sources", ...scripts],
      { cwd: projectFolder },
    );
    process.stdout.write(stdout);
    console.log(`${scripts.length} shell scripts read`);
    return exitCode ?? 1;
  } catch (error) {
    if (!(error instanceof ProgramMissing)) throw error;
    console.log("skipped: shellcheck is not installed (Debian and Ubuntu: the package shellcheck)");
    return 0;
  }
}

void main().then((code) => (process.exitCode = code));
