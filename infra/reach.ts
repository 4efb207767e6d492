import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { atomicWrite, writeOnce } from "../host/atomicWrite";
import { EXIT, StageFailure } from "../host/failure";
import { readIfThere } from "../host/files";
import {
  displayPath,
  fromProgram,
  inPackage,
  inProject,
  isOwnProject,
  LAUNCHER,
} from "../host/project";
import { OWN_REACH, type Reach } from "../plan/invocation";
import { toolsContext } from "../preview/dockerContext";
import { makeBundle } from "../store/bundles";
import { Workplace } from "../store/workplace";

/**
 * How the program's resources reach kragle. Where it is a package, its folder is another one on each machine and after each update; so what
 * they name lies in the project: a launcher, and a copy of what the builder is made of, named by its content. Both are in the project's own
 * `.kragle`, whatever `KRAGLE_HOME` says: its path from here is the same on every machine, and projects that share a home each have their own
 * kragle. A preview needs them too.
 *
 * @throws StageFailure (exit code 3) where they cannot be written
 */
export async function findReach(): Promise<Reach> {
  if (isOwnProject()) return OWN_REACH;
  const own = inProject(".kragle");
  try {
    mkdirSync(join(own, "bin"), { recursive: true, mode: 0o755 });
    requireOwnBin(join(own, "bin"));
    // nothing of it is for others, and this project need not know that
    if (!existsSync(join(own, ".gitignore"))) writeOnce(join(own, ".gitignore"), "*\n");
    await writeLauncher(inProject(LAUNCHER));
    const context = await makeBundle(new Workplace(own), toolsContext());
    return { kragle: fromProgram(LAUNCHER), context: fromProgram(context) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof StageFailure) throw error;
    throw new StageFailure(`${displayPath(own)} cannot be written (${code})`, {
      hint: "let this user write it: resources find kragle there; KRAGLE_HOME moves all else",
      exitCode: EXIT.lacking,
    });
  }
}

/** @throws StageFailure (exit code 3) where the launcher would replace somebody else's file */
function requireOwnBin(bin: string): void {
  const file = join(bin, basename(LAUNCHER));
  const foreign = lstatSync(bin).isSymbolicLink()
    ? bin
    : existsSync(file) && !isLauncher(readIfThere(file))
      ? file
      : undefined;
  if (foreign === undefined) return;
  throw new StageFailure(
    `${displayPath(foreign)} is not kragle's, and stands where its launcher belongs`,
    {
      hint: "see who put it there, move it away, and run the same command again",
      exitCode: EXIT.lacking,
    },
  );
}

async function writeLauncher(path: string): Promise<void> {
  const text = launcher(inPackage("kragle"));
  if (readIfThere(path) === text) return;
  const own = { uid: process.getuid!(), gid: process.getgid!() };
  await atomicWrite(path, text, { ...own, mode: 0o755 });
}

/** By this kragle knows a launcher of its own, whichever version wrote it. */
const BEGINNING = "#!/bin/sh\n# kragle's command line";

/** Also one of which a power failure has left a part, or zeros. */
const isLauncher = (text: string) =>
  text.startsWith(BEGINNING) || BEGINNING.startsWith(text) || /^\0+$/.test(text);

const launcher = (
  kragle: string,
) => `${BEGINNING}, as this project has it; its resources call it. Every run of the program writes it, for this machine.
kragle=${quoted(kragle)}
[ -x "$kragle" ] && exec "$kragle" "$@"
echo ${quoted(`kragle is not in ${dirname(kragle)} any more: run pulumi preview in this folder first`)} >&2
exit ${EXIT.lacking}
`;

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
