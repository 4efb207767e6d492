import { LIBVIRT_POOL } from "../plan/libvirt";
import type { AnswerTo, domainType, RequestTo } from "../plan/stages/questions";
import { probeAccelerator } from "./accelerator";
import { EXIT, StageFailure } from "../host/failure";
import type { Site } from "./site";
import { ProgramMissing } from "../host/process";
import { Virsh } from "../host/virsh";

/** What a daemon needs that boots an image as proof, beside its address. */
export const forProof = { pool: LIBVIRT_POOL, otherwise: "set smoke to qemu" } as const;

/**
 * Looks whether a daemon has a pool that takes volumes.
 *
 * @param otherwise what else can be done than to mend it
 * @throws StageFailure (exit code 3) where virsh, the connection or the pool is missing
 */
export async function requireLibvirt(uri: string, pool: string, otherwise: string): Promise<void> {
  const virsh = new Virsh(uri);
  const lacking = (what: string, why: Error, hint: string) => {
    if (why instanceof ProgramMissing) {
      return new StageFailure(why.message, {
        ...why.details,
        hint: `${why.details.hint}, or ${otherwise}`,
      });
    }
    return new StageFailure(`${what}: ${why.message}`, {
      hint: `${hint}, or ${otherwise}`,
      exitCode: EXIT.lacking,
    });
  };
  await virsh.run("uri").catch((why: Error) => {
    const hint =
      "install and start libvirt there (docs/libvirt.md), see that you may use it (group libvirt)";
    throw lacking(`libvirt cannot be reached at ${uri}`, why, hint);
  });
  const step = (command: string) => `virsh -c '${uri}' ${command} '${pool}'`;
  const start = step("pool-start");
  const info = await virsh.run("pool-info", pool).catch((why: Error) => {
    const define = `${step("pool-define-as")} dir --target '${poolFolder(pool)}'`;
    throw lacking(
      `libvirt at ${uri} lacks the pool ${pool}`,
      why,
      `make one: ${define} && ${step("pool-build")} && ${start}`,
    );
  });
  const state = /^State: +(.*)$/m.exec(info)?.[1];
  if (state !== "running") {
    const problem = new Error(`the pool ${pool} is ${state}`);
    throw lacking(`libvirt at ${uri}`, problem, `start it: ${start}`);
  }
}

/** Where libvirt's own tools put theirs. */
const poolFolder = (pool: string) =>
  pool === LIBVIRT_POOL ? "/var/lib/libvirt/images" : `/var/lib/libvirt/${pool}`;

type Answer = AnswerTo<typeof domainType>;

/**
 * Decides of which type the guest under libvirt is.
 *
 * @throws StageFailure where "kvm" is asked for and cannot be used
 */
export async function chooseDomainType(
  site: Site,
  { uri, accelerator, toolsImage }: RequestTo<typeof domainType>,
  print: (line: string) => void,
): Promise<Answer> {
  const decide = (type: Answer["type"], reason: string) => {
    print(`domain type ${type}: ${reason}`);
    return { type };
  };
  if (accelerator === "tcg") return decide("qemu", "TCG is set");
  const obstacle = await new Virsh(uri).run("domcapabilities", "--virttype", "kvm").then(
    () => undefined,
    (error: Error) => error,
  );
  if (obstacle instanceof StageFailure) throw obstacle;
  if (obstacle && accelerator === "kvm") {
    throw new StageFailure(
      `accelerator is set to kvm, but libvirt at ${uri} has no KVM: ${obstacle.message}`,
      { hint: "mend that, or set accelerator to auto", exitCode: EXIT.lacking },
    );
  }
  if (obstacle) return decide("qemu", `libvirt has no KVM: ${obstacle.message}`);
  // whether KVM really works there cannot be tried, since the test guest runs on this machine
  if (new URL(uri).hostname) return decide("kvm", "the remote libvirt offers it");
  const probe = await probeAccelerator(site, { setting: accelerator, toolsImage });
  return decide(probe.accelerator === "kvm" ? "kvm" : "qemu", probe.reason);
}
