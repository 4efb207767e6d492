import assert from "node:assert/strict";
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import { builderFolder, programsFolder } from "../../host/project";
import { filesBelow, templateScripts, readInputFiles } from "../../preview/inputFiles";
import { parseSettings } from "../../settings/stack";
import { readStackSettings } from "../../cli/stackSettings";
import { PROGRAMS, type ProgramSet } from "../../plan/programs";

/** "rhel7" stands for systems that an ISO's installer puts onto the disk, "cloud" for those that are on a disk already. */
const STACKS = ["dev", "rhel7", "cloud"] as const;
type Stack = (typeof STACKS)[number];

const inAll = (stages: string) => ({ dev: stages, rhel7: stages, cloud: stages });
const NOTHING = {};

/**
 * Every file below builder/, and the stages of each stack whose keys contain it. Who adds a file says here what it costs to change
 * it; a file that no key contains costs nothing but the image that is used by hand.
 */
const TABLE: Readonly<Record<string, Partial<Record<Stack, string>>>> = {
  Dockerfile: inAll("builder"),
  "install-tools.sh": inAll("builder"),
  // the Dockerfile once more, with ignore rules of its own
  ".dockerignore": NOTHING,
  "tools.Dockerfile": NOTHING,
  "tools.Dockerfile.dockerignore": NOTHING,
  // by hand
  "docker-entrypoint.py": NOTHING,
  "byhand/accelerator.py": NOTHING,
  "byhand/bootstrap.py": NOTHING,
  "byhand/by_hand.py": NOTHING,
  "byhand/iso_by_hand.py": NOTHING,
  "byhand/ssh_key.py": NOTHING,
  "byhand/template_folder.py": NOTHING,
  // what every container starts with
  "stages/common/lifeline.py": inAll("base check convert image smoke"),
  "stages/common/stage.py": inAll("base check image"),
  "stages/common/compact.py": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/disk_reading.py": {
    dev: "check image",
    rhel7: "base check image",
    cloud: "base check image",
  },
  "stages/common/guest_screen.py": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/package_cache.py": { dev: "base image", rhel7: "image", cloud: "image" },
  "stages/common/package_proxy.py": { dev: "base image", rhel7: "image", cloud: "image" },
  "stages/common/package_request.py": { dev: "base image", rhel7: "image", cloud: "image" },
  "stages/common/packer_run.py": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/terminal_line.py": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/packer_template.py": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/qemu-recorded": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/qemu_watch.py": { dev: "image", rhel7: "base image", cloud: "image" },
  "stages/common/secret_scan.py": inAll("check image"),
  // what it fetches is in the key by its SHA-256
  "stages/base/fetch_file.py": NOTHING,
  "stages/base/web_page.py": NOTHING,
  "stages/base/decompress.py": { cloud: "base" },
  "stages/base/disk_headers.py": { cloud: "base" },
  "stages/base/disk_system.py": { cloud: "base" },
  "stages/base/import_disk.py": { cloud: "base" },
  "stages/base/install_system.py": { rhel7: "base" },
  "stages/base/install_watch.py": { rhel7: "base" },
  "stages/base/iso_medium.py": { rhel7: "base" },
  "stages/image/build_image.py": inAll("image"),
  "stages/image/kept_guest.py": inAll("image"),
  "stages/image/files.sh": inAll("image"),
  "stages/image/guest.sh": inAll("image"),
  "stages/image/guest_ssh.py": inAll("image"),
  "stages/image/packages.sh": inAll("image"),
  "stages/image/restart.py": inAll("image"),
  "stages/image/run_ansible.py": inAll("image"),
  "stages/image/point.sh": inAll("image"),
  "stages/image/points.py": inAll("image"),
  "stages/image/steps.py": inAll("image"),
  "stages/check/ext_file_system.py": inAll("check"),
  "stages/check/facts_file.py": inAll("check"),
  "stages/check/fat_file_system.py": inAll("check"),
  "stages/check/file_pieces.py": inAll("check"),
  "stages/check/file_systems.py": inAll("check"),
  "stages/check/folder_walk.py": inAll("check"),
  "stages/check/inspect_image.py": inAll("check"),
  "stages/check/package_files.py": inAll("check"),
  "stages/check/partition_table.py": inAll("check"),
  "stages/check/qcow2_file.py": inAll("check"),
  "stages/check/rpm_packages.py": inAll("check"),
  "stages/check/xfs_file_system.py": inAll("check"),
  // in that of smoke where the user has tests
  "stages/smoke/run_test.sh": NOTHING,
  "provision/90-generalise.sh": inAll("image"),
  "templates/debian12/apt_sources.py": { dev: "base" },
  "templates/debian12/apt_words.py": { dev: "base" },
  "templates/debian12/base.py": { dev: "base" },
  "templates/debian12/boot_loader.py": { dev: "base" },
  "templates/debian12/disk_image.py": { dev: "base" },
  "templates/debian12/files/etc/cloud/cloud.cfg.d/50-host-keys.cfg": { dev: "base" },
  "templates/debian12/files/etc/default/grub.d/50-kragle.cfg": { dev: "base" },
  "templates/debian12/files/etc/default/locale": { dev: "base" },
  "templates/debian12/files/etc/dpkg/dpkg.cfg.d/50-small": { dev: "base" },
  "templates/debian12/files/etc/initramfs-tools/conf.d/50-kragle.conf": { dev: "base" },
  "templates/debian12/files/etc/repart.d/50-root.conf": { dev: "base" },
  "templates/debian12/files/etc/ssh/sshd_config.d/60-keys-only.conf": { dev: "base" },
  "templates/debian12/files/etc/systemd/network/80-dhcp.network": { dev: "base" },
  "templates/debian12/files/etc/systemd/resolved.conf.d/50-dns-only.conf": { dev: "base" },
  "templates/debian12/files/etc/systemd/system/ssh-host-keys.service": { dev: "base" },
  "templates/debian12/files/etc/systemd/system/systemd-networkd-wait-online.service.d/50-any.conf":
    { dev: "base" },
  "templates/debian12/image.json": { dev: "image" },
  "templates/debian12/template.json": { dev: "base" },
  "templates/rhel7/firstboot/kragle-firstboot": { rhel7: "base" },
  "templates/rhel7/firstboot/kragle-firstboot.service": { rhel7: "base" },
  "templates/rhel7/image.json": { rhel7: "image" },
  "templates/rhel7/install.json": { rhel7: "base" },
  "templates/rhel7/ks.cfg": { rhel7: "base" },
  "templates/rhel7/provision/10-subscribe.sh": { rhel7: "image" },
  "templates/rhel7/provision/20-guest-tools.sh": { rhel7: "image" },
  "templates/rhel7/provision/80-unsubscribe.sh": { rhel7: "image" },
  "templates/cloud/image.json": { cloud: "image" },
  // what the settings read of it is in the keys by itself
  "templates/cloud/template.json": NOTHING,
  "templates/rhel7/template.json": NOTHING,
};

/** Templates of which the table has a stack. */
const OTHER_TEMPLATES = /^templates\/(?!debian12\/|rhel7\/|cloud\/)|__pycache__/;

/** The stages whose keys contain each file below builder/. */
function readTable(stack: Stack): Record<string, string> {
  const sha256 = "a".repeat(64);
  const values =
    stack === "cloud"
      ? { template: "cloud", from: { path: "x.qcow2", sha256 } }
      : { ...readStackSettings(stack).values, ...(stack === "rhel7" ? { isoSha256: sha256 } : {}) };
  const spec = parseSettings(values, stack);
  const files = readInputFiles(spec);
  const stages = new Map<string, Set<string>>();
  const note = (stage: string, name: string) =>
    stages.set(name, (stages.get(name) ?? new Set()).add(stage));
  const template = spec.template.folder.replace(/^builder\//, "");
  const scripts = templateScripts(spec);
  for (const name of Object.keys(files.builder)) note("builder", name);
  for (const [stage, programs] of Object.entries(files.programs)) {
    for (const name of Object.keys(programs)) note(stage, `stages/${name}`);
  }
  for (const name of Object.keys(files.base)) note("base", join(template, name));
  for (const name of Object.keys(files.template)) note("image", join(template, name));
  for (const name of Object.keys(files.scripts)) {
    note("image", scripts[name]!.replace(/^builder\//, ""));
  }
  return Object.fromEntries([...stages].map(([name, set]) => [name, [...set].sort().join(" ")]));
}

describe("a file below builder/", () => {
  it("is in the table that says whose keys it changes", () => {
    const names = filesBelow(builderFolder).filter((name) => !OTHER_TEMPLATES.test(name));
    assert.deepEqual(names.sort(), Object.keys(TABLE).sort());
  });

  for (const stack of STACKS) {
    it(`changes the keys that the table says: stack ${stack}`, () => {
      const expected = Object.entries(TABLE).flatMap(([name, stages]) =>
        stages[stack] ? [[name, stages[stack]]] : [],
      );
      assert.deepEqual(readTable(stack), Object.fromEntries(expected));
    });
  }

  it("is reached by links to files only: pulumi new copies no link to a folder", () => {
    const names = readdirSync(builderFolder, { recursive: true, encoding: "utf8" });
    const links = names
      .map((name) => join(builderFolder, name))
      .filter((path) => lstatSync(path).isSymbolicLink() && statSync(path).isDirectory());
    assert.deepEqual(links, []);
  });

  it("has a name that no other program has, since a container sees them in one folder", () => {
    const names = filesBelow(builderFolder)
      .filter((name) => /^(stages|byhand)\//.test(name) && !name.includes("__pycache__"))
      .map((name) => basename(name));
    assert.deepEqual(names.sort(), [...new Set(names)].sort());
  });
});

/** Where each set begins: the program that a container runs, and files that programs name but do not import. */
const ENTRIES: Readonly<Record<ProgramSet, readonly string[]>> = {
  bootstrap: ["stages/common/lifeline.py", "templates/debian12/base.py"],
  install: [
    "stages/common/lifeline.py",
    "stages/base/install_system.py",
    "stages/common/qemu-recorded",
  ],
  importDisk: ["stages/common/lifeline.py", "stages/base/import_disk.py"],
  fetch: ["stages/common/lifeline.py", "stages/base/fetch_file.py"],
  image: [
    "stages/common/lifeline.py",
    "stages/image/build_image.py",
    "stages/image/files.sh",
    "stages/image/guest.sh",
    "stages/image/packages.sh",
    "stages/image/point.sh",
    "stages/image/restart.py",
    "stages/common/qemu-recorded",
  ],
  check: ["stages/common/lifeline.py", "stages/check/inspect_image.py"],
  tests: ["stages/smoke/run_test.sh"],
  command: ["stages/common/lifeline.py"],
};

/** Python's own reading of what the files import, wherever in them. */
const IMPORTS = `
import ast, json, sys
def imports(path):
    with open(path, encoding="utf-8") as file:
        for node in ast.walk(ast.parse(file.read())):
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module
print(json.dumps({path: sorted(set(imports(path))) for path in sys.argv[1:]}))
`;

function readImports(): ReadonlyMap<string, string[]> {
  const names = filesBelow(builderFolder).filter(
    (name) => name.endsWith(".py") && /^(stages|templates\/debian12)\//.test(name),
  );
  const done = spawnSync("python3", ["-c", IMPORTS, ...names], {
    cwd: builderFolder,
    encoding: "utf8",
  });
  assert.equal(done.status, 0, done.stderr);
  const imports = JSON.parse(done.stdout) as Record<string, string[]>;
  const byModule = new Map(names.map((name) => [basename(name, ".py"), name]));
  return new Map(
    Object.entries(imports).map(([name, modules]) => [
      name,
      modules.flatMap((module) => byModule.get(module) ?? []),
    ]),
  );
}

describe("kragle's programs in a container", () => {
  for (const set of Object.keys(PROGRAMS) as ProgramSet[]) {
    it(`are just those that it runs and what these import: ${set}`, () => {
      const imports = readImports();
      const closure = new Set<string>();
      const add = (name: string) => {
        if (closure.has(name)) return;
        closure.add(name);
        for (const other of imports.get(name) ?? []) add(other);
      };
      for (const entry of ENTRIES[set]) add(entry);
      const listed = PROGRAMS[set].map((name) => `stages/${name}`);
      const own = [...closure].filter((name) => name.startsWith("stages/"));
      assert.deepEqual(listed.sort(), own.sort());
    });
  }

  it("load with nothing else beside them", () => {
    const folder = mkdtempSync(join(tmpdir(), "kragle programs "));
    try {
      for (const set of ["install", "importDisk", "fetch", "image"] as const) {
        const alone = join(folder, set);
        mkdirSync(alone);
        for (const name of PROGRAMS[set]) {
          copyFileSync(join(programsFolder, name), join(alone, basename(name)));
        }
        const program = basename(ENTRIES[set][1]!, ".py");
        const done = spawnSync("python3", ["-B", "-c", `import ${program}`], {
          cwd: alone,
          encoding: "utf8",
        });
        assert.equal(done.status, 0, done.stderr);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the Dockerfile", () => {
  it("is the same at the project's root, where the original's line finds it", () => {
    const text = (name: string) => readFileSync(join(dirname(builderFolder), name), "utf8");
    assert.equal(text("Dockerfile"), text("builder/Dockerfile"));
  });
});
