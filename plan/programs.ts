/** The part of a stage that is kragle's own and runs in a container. */
export type ProgramSet =
  "bootstrap" | "install" | "importDisk" | "fetch" | "image" | "check" | "tests" | "command";

const LIFELINE = "common/lifeline.py";
const STAGE = "common/stage.py";
const PACKER = [
  "common/guest_screen.py",
  "common/packer_run.py",
  "common/packer_template.py",
  "common/qemu-recorded",
  "common/qemu_watch.py",
  "common/terminal_line.py",
];
const PACKAGES = [
  "common/package_cache.py",
  "common/package_proxy.py",
  "common/package_request.py",
];
const DISK = ["common/compact.py", "common/disk_reading.py"];

/**
 * Which of the files below `builder/stages/` each container gets, and the keys of its stage therefore contain: the program, all that it
 * imports, and the lifeline, which every container starts with. A test compares this with what the programs really import.
 */
export const PROGRAMS: Readonly<Record<ProgramSet, readonly string[]>> = {
  /** For the template's own program, which makes the disk of a system that is bootstrapped. */
  bootstrap: [LIFELINE, STAGE, ...PACKAGES],
  install: [
    LIFELINE,
    STAGE,
    ...DISK,
    ...PACKER,
    "base/install_system.py",
    "base/install_watch.py",
    "base/iso_medium.py",
  ],
  importDisk: [
    LIFELINE,
    STAGE,
    "common/disk_reading.py",
    "base/decompress.py",
    "base/disk_headers.py",
    "base/disk_system.py",
    "base/import_disk.py",
  ],
  /** In no key: the SHA-256 of the ISO or disk says what was fetched. */
  fetch: [LIFELINE, STAGE, "base/fetch_file.py", "base/web_page.py"],
  image: [
    LIFELINE,
    STAGE,
    ...DISK,
    ...PACKER,
    ...PACKAGES,
    "common/secret_scan.py",
    "image/build_image.py",
    "image/files.sh",
    "image/guest.sh",
    "image/guest_ssh.py",
    "image/kept_guest.py",
    "image/packages.sh",
    "image/restart.py",
    "image/run_ansible.py",
    "image/point.sh",
    "image/points.py",
    "image/steps.py",
  ],
  check: [
    LIFELINE,
    STAGE,
    "common/disk_reading.py",
    "common/secret_scan.py",
    "check/ext_file_system.py",
    "check/facts_file.py",
    "check/fat_file_system.py",
    "check/file_pieces.py",
    "check/file_systems.py",
    "check/folder_walk.py",
    "check/inspect_image.py",
    "check/package_files.py",
    "check/partition_table.py",
    "check/qcow2_file.py",
    "check/rpm_packages.py",
    "check/xfs_file_system.py",
  ],
  /** Is sent into the guest for each of the user's own tests. */
  tests: ["smoke/run_test.sh"],
  /** For a command of the distribution, such as qemu-img. */
  command: [LIFELINE],
};
