import { type Requirement, verdict } from "./requirements";

/** Whether guests run on the hardware, and what stands in the way: from facts to verdicts. */

export interface ProcessorFacts {
  /** As Node names it. */
  readonly architecture: string;
  /** The flags in /proc/cpuinfo. */
  readonly flags: readonly string[];
}

export interface KvmFacts {
  readonly setting: "auto" | "kvm" | "tcg";
  /** What /dev/kvm is. Docker makes a directory of it for "-v /dev/kvm" on a host without the device. */
  readonly device: "absent" | "directory" | "device";
  /** What a test guest showed; undefined where there is no builder image to run one in. */
  readonly probe: { readonly works: boolean; readonly reason: string } | undefined;
}

const isVirtual = ({ flags }: ProcessorFacts) => flags.includes("hypervisor");
const hasExtension = ({ flags }: ProcessorFacts) => flags.includes("vmx") || flags.includes("svm");

/** @param kvm whether a test guest ran on KVM; then the flags do not matter */
export function processorRequirement(facts: ProcessorFacts, kvm: boolean): Requirement {
  const need = "x86-64 with VT-x (vmx) or AMD-V (svm)";
  const where = isVirtual(facts) ? "in a virtual machine" : "of its own";
  if (facts.architecture !== "x64") {
    const next = "use an x86-64 machine; the builder image and its guests are x86-64";
    return verdict("Processor", "missing", facts.architecture, need, next);
  }
  const flag = ["vmx", "svm"].find((name) => facts.flags.includes(name));
  return verdict(
    "Processor",
    flag || kvm ? "ok" : "degraded",
    `x86-64 ${where}, ${flag ?? "neither vmx nor svm"}`,
    need,
    isVirtual(facts)
      ? "let the hypervisor that this machine runs on pass nested virtualization to it"
      : "switch virtualization on in the firmware's set-up",
  );
}

export function kvmRequirement(facts: KvmFacts, processor: ProcessorFacts): Requirement {
  const { setting, device, probe } = facts;
  const need =
    setting === "kvm" ? "a KVM that runs guests" : "a KVM that runs guests; minutes longer without";
  const unusable = setting === "kvm" ? "missing" : "degraded";
  if (setting === "tcg")
    return verdict("KVM", "ok", "not asked for: the setting accelerator is tcg", need);
  if (device === "directory") {
    const next = "sudo rmdir /dev/kvm, then see that the kernel's module is loaded";
    return verdict("KVM", unusable, "/dev/kvm is a directory, left by a container", need, next);
  }
  if (device === "absent")
    return verdict("KVM", unusable, "no /dev/kvm", need, absentNext(processor));
  if (!probe) {
    const next = "./kragle up builds it, and then says";
    return verdict("KVM", "degraded", "not known until the builder image exists", need, next);
  }
  const next = hasExtension(processor)
    ? "see that the kernel's log has no complaint of kvm, and that no other hypervisor uses the processor"
    : "nothing has to be done; see Processor for what would make it usable";
  return verdict("KVM", probe.works ? "ok" : unusable, probe.reason, need, next);
}

function absentNext(processor: ProcessorFacts): string {
  if (!hasExtension(processor)) return "see Processor";
  return `sudo modprobe ${processor.flags.includes("vmx") ? "kvm_intel" : "kvm_amd"}`;
}
