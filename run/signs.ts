import { KERNEL_LINE, STALL } from "./stall";

/** What firmware, boot loader, kernel and init write to the console when a boot has failed for good. */
export interface Sign {
  readonly pattern: RegExp;
  readonly meaning: string;
}

/** Patterns without flags, and such that Python's `re` reads alike, see {@link consoleSigns}. */
export const FATAL_SIGNS: readonly Sign[] = [
  { pattern: /No bootable device/, meaning: "the firmware found nothing to boot" },
  { pattern: /BdsDxe: No bootable option/, meaning: "the firmware found nothing to boot" },
  { pattern: /^(UEFI Interactive Shell|Shell>)/, meaning: "the firmware found nothing to boot" },
  { pattern: /^grub rescue>/, meaning: "GRUB did not find its files" },
  { pattern: /^grub>/, meaning: "GRUB found no configuration" },
  // TCG on a busy host: the ticks come too late for the kernel's check of its timer, which KVM's guests leave out
  {
    pattern: /Kernel panic - not syncing: IO-APIC \+ timer doesn't work/,
    meaning: "the kernel took its late timer for broken (no_timer_check on its command line helps)",
  },
  { pattern: /Kernel panic - not syncing/, meaning: "the kernel panicked" },
  {
    pattern: /VFS: Unable to mount root/,
    meaning: "the kernel could not mount the root file system",
  },
  { pattern: /Fatal glibc error: CPU does not support/, meaning: "the system needs a newer CPU" },
  {
    pattern: /^ALERT!.*(does not exist|Dropping)/,
    meaning: "the initramfs did not find the root file system",
  },
  { pattern: /^\(initramfs\)/, meaning: "the initramfs gave up and opened a shell" },
  {
    pattern: /[Dd]racut.*([Ee]mergency|[Tt]imeout)/,
    meaning: "dracut did not find the root file system",
  },
  // dracut of EL7 says so in several ways, not all of which name it
  {
    pattern: /Warning: (Could not boot\.|\/dev\/\S+ does not exist)|dracut: (FATAL|Refusing)/,
    meaning: "dracut did not find the root file system",
  },
  { pattern: /^dracut:\/#|rdsosreport\.txt/, meaning: "dracut gave up and opened a shell" },
  {
    pattern: /Entering emergency mode|(You are in|Welcome to) (emergency|rescue) mode/,
    meaning: "the system is in emergency mode",
  },
  {
    pattern: /Cannot open access to console, the root account is locked/,
    meaning: "the system is in emergency mode",
  },
  { pattern: /Give root password for maintenance/, meaning: "the system is in emergency mode" },
  { pattern: /systemd.*Freezing execution/, meaning: "systemd stopped working" },
];

/**
 * What getty prints when the start is over; not "Last login: …". It prints /etc/issue before that, and a text without a line end stays in
 * front: of such a line the prompt is the end. Python's `re` reads it alike.
 */
export const LOGIN_PROMPT = /^(?!Last )\S+ login: |\S(?<!\bLast) login: $/;

/** All of that for a program in a container that watches a guest's console, see QemuWatch: regular expressions, as text. */
export const consoleSigns = () => ({
  /** Pattern → meaning. */
  fatal: Object.fromEntries(FATAL_SIGNS.map(({ pattern, meaning }) => [pattern.source, meaning])),
  stall: STALL.source,
  kernel: KERNEL_LINE.source,
  login: LOGIN_PROMPT.source,
});
