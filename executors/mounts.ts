import { copyFileSync } from "node:fs";
import { join, sep } from "node:path";

import type Docker from "dockerode";

import { hostCertificateBundle } from "../host/certificates";
import { selinuxEnforces } from "../host/selinux";
import { PROGRAMS_AT, type Task } from "./executor";

export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
  /** Where SELinux confines containers, the source gets their label; what lies in kragle's own folder always does. */
  readonly relabel?: boolean;
}

/** What a task's container sees of this machine. */
export function bindsOf(home: string, { programs, inputs = [], outputs = [] }: Task): Bind[] {
  return [
    { source: programs, target: PROGRAMS_AT, readOnly: true },
    ...inputs.map(({ at, path, foreign = false }) => ({
      source: path,
      target: at,
      readOnly: true,
      relabel: foreign,
    })),
    ...outputs.map(({ at, path }) => ({ source: path, target: at })),
    ...certificates(home),
  ];
}

/** A mirror or proxy of the host's may have a certificate that only the host knows. */
function certificates(home: string): Bind[] {
  const bundle = hostCertificateBundle();
  if (!bundle) return [];
  const target = "/etc/ssl/certs/ca-certificates.crt";
  if (!selinuxEnforces()) return [{ source: bundle, target, readOnly: true }];
  // the host's own file must keep its label
  const source = join(home, "ca-certificates.crt");
  copyFileSync(bundle, source);
  return [{ source, target, readOnly: true }];
}

/**
 * How Docker is told of folders and files. Labels for SELinux (`:z`: the type container_file_t, shared by all containers) can only
 * be asked for in the older form, and only what is kragle's own is relabelled, or was handed over for that.
 */
export function mountsOf(
  home: string,
  binds: readonly Bind[],
  enforcing: boolean,
): Pick<Docker.HostConfig, "Mounts" | "Binds"> {
  const ours = (bind: Bind) => bind.relabel || isInside(home, bind.source);
  return {
    Mounts: binds
      .filter((bind) => !enforcing || !ours(bind))
      .map(({ source, target, readOnly }) => ({
        Type: "bind" as const,
        Source: source,
        Target: target,
        ReadOnly: readOnly ?? false,
      })),
    ...(enforcing
      ? {
          Binds: binds
            .filter(ours)
            .map(({ source, target, readOnly }) => `${source}:${target}:${readOnly ? "ro," : ""}z`),
        }
      : {}),
  };
}

const isInside = (folder: string, path: string) => path === folder || path.startsWith(folder + sep);
