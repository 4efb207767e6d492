/** Lines of guests' consoles: kragle's watches in TypeScript and Python have to understand them alike. */

/** A guest that writes one of these has failed for good. */
export const FATAL_LINES: readonly string[] = [
  "No bootable device.",
  "BdsDxe: No bootable option or device was found.",
  "UEFI Interactive Shell v2.2",
  "Shell> ",
  "grub rescue> ",
  "grub> ",
  "[   22.655705] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
  "[    0.012] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug and send a report.",
  "[    1.0] VFS: Unable to mount root fs on unknown-block(0,0)",
  "Fatal glibc error: CPU does not support x86-64-v3",
  "ALERT!  UUID=deadbeef does not exist.  Dropping to a shell!",
  "(initramfs) ",
  "dracut-initqueue[300]: Warning: dracut-initqueue timeout - starting timeout scripts",
  "dracut:/# ",
  // dracut 033 of EL7
  "dracut-initqueue[256]: Warning: Could not boot.",
  "dracut-initqueue[256]: Warning: /dev/disk/by-uuid/3f1c does not exist",
  "[    3.1] dracut: FATAL: No or empty root= argument",
  "[    3.1] dracut: Refusing to continue",
  "         Starting Dracut Emergency Shell...",
  'Generating "/run/initramfs/rdsosreport.txt"',
  "Entering emergency mode. Exit the shell to continue.",
  'Welcome to emergency mode! After logging in, type "journalctl -xb" to view',
  'You are in emergency mode. After logging in, type "journalctl -xb"',
  "Cannot open access to console, the root account is locked.",
  "Give root password for maintenance",
  "[!!!!!!] systemd[1]: Freezing execution.",
];

export const PROMPTS = [
  "localhost login: ",
  "web-1 login: ",
  "For authorised users only. localhost login: ",
];
export const NO_PROMPTS = [
  "Last login: Mon Nov 23 on ttyS0",
  "Starting User Login Management",
  "login: x",
  "Nov 23 08:31:05 web-1 sshd[1]: Last login: ",
];

interface Console {
  readonly what: string;
  /** Each line has its end, but for one that is not finished. */
  readonly text: string;
  readonly goesOn: boolean;
  readonly stall: string | null;
}

const STUCK = "watchdog: BUG: soft lockup - CPU#0 stuck for 45s! [modprobe:190]";
const RCU = "rcu: INFO: rcu_sched self-detected stall on CPU";

/** What a piece of console says: whether the guest goes on, and whether its kernel is stuck. */
export const CONSOLES: readonly Console[] = [
  { what: "the kernel works", text: "[    1.1] NET: Registered\n", goesOn: true, stall: null },
  { what: "a service starts", text: "[  OK  ] Reached target\n", goesOn: true, stall: null },
  { what: "nothing is said", text: "\n\n", goesOn: false, stall: null },
  { what: "the kernel's line is not finished", text: "[    1.1] NET", goesOn: false, stall: null },
  { what: "a question is asked", text: "Passphrase: ", goesOn: true, stall: null },
  { what: "a CPU is stuck", text: `[   64.605802] ${STUCK}\n`, goesOn: false, stall: STUCK },
  {
    what: "a stuck CPU shows its registers",
    text: `[   64.605802] ${STUCK}\n[   64.721600] RIP: 0010:sk_filter_trim_cap+0x36/0x250\n`,
    goesOn: false,
    stall: STUCK,
  },
  { what: "a task hangs in RCU", text: `[[  9.5] ${RCU}\n`, goesOn: false, stall: RCU },
  {
    what: "the guest goes on after a stall",
    text: `[   64.605802] ${STUCK}\n[  OK  ] Reached target\n`,
    goesOn: true,
    stall: null,
  },
];
