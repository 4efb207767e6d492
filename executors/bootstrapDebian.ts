import { createReadStream, existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Site } from "./site";
import { EXIT, saysDiskIsFull, StageFailure } from "../host/failure";
import { hostAptConfiguration } from "../host/packageMirror";
import { hostCertificateBundle, LOCAL_CERTIFICATES } from "../host/certificates";
import { stopIfInterrupted } from "../host/interrupt";
import { type Command, endOf, runProgram } from "../host/process";
import { findProgram } from "../host/program";
import { displayPath } from "../host/project";
import { sudoWithoutQuestion } from "../host/sudo";

export interface BootstrapOptions extends Pick<Site, "docker"> {
  /** The Debian release's code name. */
  readonly release: string;
  /** Under which reference the daemon gets it. */
  readonly image: string;
  /** For the root file system (about 170 MB) until the daemon has it. The caller holds a lock on it. */
  readonly folder: string;
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a Docker image of a minimal Debian by mmdebstrap on this host: from the host's mirror, with the host's certificate authorities.
 *
 * @throws StageFailure (exit code 3) where mmdebstrap is not installed, or fails
 */
export async function bootstrapImage(options: BootstrapOptions): Promise<void> {
  const { release, image, folder, print } = options;
  if (!findProgram("mmdebstrap")) {
    throw lacking(
      "no registry answers, and mmdebstrap, which could make the image here, is not installed",
    );
  }
  await mkdir(folder, { recursive: true });
  const tar = join(folder, "root.tar");
  const { sources, conf } = hostAptConfiguration(release);
  try {
    const command = await mmdebstrap([
      "--variant=minbase",
      "--include=ca-certificates",
      // as options, not as a file: mmdebstrap in a user namespace cannot read files in a private home
      ...conf
        .split("\n")
        .filter(Boolean)
        .map((line) => `--aptopt=${line}`),
      ...certificateHooks(),
      release,
      tar,
      // "-": the sources come on stdin; without it mmdebstrap takes the release's default mirrors
      ...(sources ? ["-"] : []),
    ]);
    await runToEnd(command, sources, options);
    print("import it into Docker");
    await importImage(options.docker, tar, image, release);
  } finally {
    await rm(tar, { force: true });
  }
}

/** As root where that is to be had without a question, else in mmdebstrap's own choice of a mode for plain users. It ends with this process. */
async function mmdebstrap(args: readonly string[]): Promise<Command> {
  const command: Command = ["setpriv", "--pdeathsig", "TERM", "mmdebstrap", ...args];
  const bySudo = process.getuid!() !== 0 && (await sudoWithoutQuestion());
  return bySudo ? ["sudo", "-n", "--", ...command] : command;
}

/** The host's own authorities go in as they are installed on Debian; its bundle holds what was trusted in any other way. */
function certificateHooks(): string[] {
  const hook = (script: string) => `--customize-hook=${script}`;
  const bundle = hostCertificateBundle();
  return [
    ...(existsSync(LOCAL_CERTIFICATES)
      ? [
          hook(`cp -RL ${LOCAL_CERTIFICATES}/. "$1${LOCAL_CERTIFICATES}/"`),
          hook('chroot "$1" update-ca-certificates'),
        ]
      : []),
    ...(bundle ? [hook(`cp -L ${bundle} "$1/etc/ssl/certs/ca-certificates.crt"`)] : []),
  ];
}

const TAIL_LINES = 12;
const HEARTBEAT_SECONDS = 25;

async function runToEnd(
  command: Command,
  sources: string,
  { folder, print, signal }: BootstrapOptions,
): Promise<void> {
  const tail: string[] = [];
  const started = performance.now();
  const beat = setInterval(() => {
    print(`… mmdebstrap is at work, ${Math.round((performance.now() - started) / 1000)} s so far`);
  }, HEARTBEAT_SECONDS * 1000);
  const onLine = (line: string) => {
    if (!line) return;
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    // apt and dpkg are too talkative to be passed on
    if (/^[IWE]: /.test(line)) print(line);
    beat.refresh();
  };
  try {
    const ended = await runProgram(command, { input: sources, onLine, signal });
    stopIfInterrupted(signal);
    if (ended.exitCode !== 0) {
      const words = tail.join("\n");
      throw lacking(
        `no registry answers, and mmdebstrap failed with ${endOf(ended)}\n${words}`,
        saysDiskIsFull(words)
          ? `make room, about 500 MB each: in ${tmpdir()} (TMPDIR), where mmdebstrap unpacks, and on the disk of ${displayPath(folder)}`
          : undefined,
      );
    }
  } finally {
    clearInterval(beat);
  }
}

async function importImage(
  docker: Site["docker"],
  tar: string,
  image: string,
  release: string,
): Promise<void> {
  const [repo, tag] = image.split(":");
  const stream = await docker.importImage(createReadStream(tar), {
    repo,
    tag,
    message: `Debian ${release}, bootstrapped by mmdebstrap`,
    changes: ['CMD ["/bin/bash"]'],
  });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
  });
}

const INSTALL =
  'run "./kragle setup", which installs mmdebstrap; or change the setting baseImage to a Debian image that this machine can pull, or has';

function lacking(message: string, hint = INSTALL): StageFailure {
  return new StageFailure(message, {
    hint,
    exitCode: EXIT.lacking,
  });
}
