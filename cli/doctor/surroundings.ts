import { isLoopbackAddress } from "../../host/aptSources";
import { StageFailure } from "../../host/failure";
import { displayPath } from "../../host/project";
import { isAtLeast } from "../../host/version";
import { digestInWords } from "../../plan/publishedDigest";
import { SettingsError } from "../../settings/stack";
import { SOURCE_WORDS, type WantedSource } from "../../store/sourceFile";
import { type Requirement, type Status, verdict } from "./requirements";
import { isUnset } from "./unsetDigests";

/** What surrounds kragle on a machine: registry, Pulumi, SELinux, proxies; from facts to verdicts. */

export interface RegistryFacts {
  readonly reference: string;
  /** Why no registry answers; undefined where one does. */
  readonly obstacle: string | undefined;
  /** Reference of an image to build on that the daemon has. */
  readonly present: string | undefined;
  /** A bootstrapped Debian can stand in for the reference. */
  readonly replaceable: boolean;
  readonly mmdebstrap: boolean;
}

export function registryRequirement(facts: RegistryFacts): Requirement {
  const need = `one that has ${facts.reference}, or mmdebstrap`;
  const judge = (status: Status, found: string, next = "") =>
    verdict("Container registry", status, found, need, next);
  if (facts.obstacle === undefined) return judge("ok", "answers");
  const silent = `no answer (${facts.obstacle})`;
  if (facts.present) return judge("ok", `${silent}, not needed: Docker has ${facts.present}`);
  if (!facts.replaceable) {
    const next = `see that "docker pull ${facts.reference}" works, or change the setting baseImage to another image`;
    return judge("missing", silent, next);
  }
  if (!facts.mmdebstrap) return judge("missing", `${silent}, and no mmdebstrap`, "./kragle setup");
  const next =
    "nothing has to be done; the base image is made here by mmdebstrap, in about a minute";
  return judge("degraded", silent, next);
}

/**
 * @param found version of the Pulumi CLI; undefined where there is none
 * @param problems what of the stack's settings only the Pulumi CLI can do, where it is none that the SDK works with
 */
export function pulumiRequirement(
  found: string | StageFailure | undefined,
  oldest: readonly number[],
  problems: readonly (SettingsError | StageFailure)[] = [],
): Requirement {
  const name = "Pulumi CLI";
  const need = `${oldest.join(".")} or newer, for "pulumi up", encrypted settings and the driver libvirt`;
  if (found instanceof StageFailure) {
    return verdict(name, "missing", found.message, need, found.details.hint);
  }
  if (found && isAtLeast(found, oldest)) return verdict(name, "ok", found, need);
  const none = found ? `${found}, which is too old` : "none";
  const next = "https://www.pulumi.com/docs/iac/download-install/";
  if (problems.length === 0) {
    const instead = "./kragle up runs the program in its own process (the embedded engine)";
    return verdict(name, "degraded", `${none}; ${instead}`, need, next);
  }
  const told = problems.flatMap((problem) =>
    problem instanceof SettingsError ? problem.problems : problem.message,
  );
  const words = [none, ...told].join("\n");
  const row = verdict(name, "missing", words, need, `${next}, or do without what needs it`);
  return problems.some((problem) => problem instanceof SettingsError)
    ? { ...row, wrongSettings: true }
    : row;
}

export interface SelinuxFacts {
  readonly enforcing: boolean;
  /** Docker gives its containers a label. */
  readonly confinesContainers: boolean;
}

/** What containers are to read and write gets its label when they start (`mountsOf`), so nothing has to be done beforehand. */
export function selinuxRequirement({ enforcing, confinesContainers }: SelinuxFacts): Requirement {
  const found = !enforcing
    ? "not enforcing"
    : confinesContainers
      ? "enforcing; kragle's own folder and the ISO get the label container_file_t"
      : "enforcing, not for containers";
  return verdict("SELinux", "ok", found, "nothing");
}

export interface SourceFacts {
  readonly wanted: WantedSource & { readonly urls: readonly string[] };
  /** The file, here or in the cache. */
  readonly found: string | undefined;
  /** The base is in the store, so it need not be installed. */
  readonly installed: boolean;
}

export function sourceRequirement({ wanted, found, installed }: SourceFacts): Requirement {
  const setting = SOURCE_WORDS[wanted.kind];
  const name = wanted.kind === "iso" ? "Installation ISO" : "Disk to begin with";
  const file = wanted.path ?? "a file";
  if (isUnset(wanted.digest)) {
    const what = found ? displayPath(found) : wanted.urls.length > 0 ? "to be fetched" : "none";
    const next = `give the digest that the publisher shows; see Settings`;
    return {
      ...verdict(
        name,
        "missing",
        `${what}; its digest is not set`,
        `${file}, and its digest`,
        next,
      ),
      wrongSettings: true,
    };
  }
  const judge = (status: Status, words: string) =>
    verdict(
      name,
      status,
      words,
      `${file} with the ${digestInWords(wanted.digest)}`,
      `put the file there, or give the setting ${setting.path} or ${setting.urls}`,
    );
  if (found) return judge("ok", displayPath(found));
  const [first] = wanted.urls;
  if (first) return judge("ok", `is fetched from ${new URL(first).host}`);
  return judge(
    installed ? "degraded" : "missing",
    installed ? "none; the installed base is in the store" : "none",
  );
}

/**
 * A proxy of the host is passed into the containers, where "localhost" is the container itself.
 *
 * @returns undefined where no proxy is configured
 */
export function proxyRequirement(
  environment: Readonly<Record<string, string>>,
): Requirement | undefined {
  const proxies = Object.entries(environment).filter(([name]) => /^(https?|all)_proxy$/.test(name));
  if (proxies.length === 0) return undefined;
  const local = proxies.filter(([, value]) => isLoopbackAddress(value));
  return verdict(
    "Proxy",
    local.length ? "degraded" : "ok",
    local.length
      ? `${local.map(([name]) => name).join(" and ")} on this machine's loopback address`
      : proxies.map(([name]) => name).join(" and "),
    "one that containers reach",
    "let the proxy listen on the address of Docker's bridge too, and name that address",
  );
}

/** @param obstacles what of the host's mirror and of apt's proxies containers cannot use, a line each */
export function mirrorRequirement(obstacles: readonly string[]): Requirement {
  return verdict(
    "Package mirror",
    obstacles.length > 0 ? "degraded" : "ok",
    obstacles.join("\n") || "the host's, or Debian's own",
    "one that containers reach and believe; where none is left, Debian's own is asked",
    "mend the lines that are named, or see that containers reach Debian's own mirror",
  );
}
