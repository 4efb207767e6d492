import assert from "node:assert/strict";

import { entries } from "../../rules/facts";
import { packaged } from "../packagedFiles";
import { inspectTinyDisk } from "./tinyDisk";
import { toolsImage } from "./toolsImage";
import { sha256 } from "../sha256";

describe("the inspector, on tiny disks with planted faults", function () {
  this.timeout(60_000);
  let image: string;

  before(async function () {
    image = await toolsImage(this);
  });

  const inspect = (
    fault: string,
    secrets: Record<string, string> = {},
    files: Record<string, string> = {},
  ) => inspectTinyDisk({ image, fault, secrets, files });

  it("reads partitions, both kinds of file systems, folders, contents and links", async () => {
    const facts = await inspect("none");
    assert.deepEqual(facts.disk.problems, []);
    assert.deepEqual(facts.table!.problems, []);
    assert.deepEqual(
      facts.fileSystems.map(({ type, mountPoint, checked, problems }) => [
        type,
        mountPoint,
        checked,
        problems,
      ]),
      [
        ["vfat", "/boot/efi", true, []],
        ["ext4", "/", true, []],
      ],
    );
    const paths = entries(facts).map(({ path }) => path);
    assert.ok(paths.includes("/boot/efi/EFI/BOOT/BOOTX64.EFI"), paths.join(" "));
    assert.ok(paths.includes("/etc/with space ü"));
    assert.equal(facts.contents["/usr/lib/os-release"], "ID=tiny\n");
    assert.equal(facts.contents["/etc/localtime"], "/usr/share/zoneinfo/Etc/UTC");
    assert.equal(facts.contents["/etc/long-link"], "/" + "long".repeat(30));
    assert.deepEqual(facts.secrets, { scannedBytes: 0, tooShort: [], hits: [] });
  });

  it("knows file systems by whatever name fstab has for them", async () => {
    const fstab =
      "LABEL=my\\040root / ext4 defaults 0 1\n" +
      "/dev/disk/by-uuid/1234-ABCD /srv/my\\040data vfat defaults 0 0\n";
    const facts = await inspect("labelled", {}, { "etc/fstab": fstab });
    assert.deepEqual(
      facts.fileSystems.map(({ label, mountPoint }) => [label, mountPoint]),
      [
        ["", "/srv/my data"],
        ["my root", "/"],
      ],
    );
    const paths = entries(facts).map(({ path }) => path);
    assert.ok(paths.includes("/srv/my data/EFI/BOOT/BOOTX64.EFI"), paths.join(" "));
  });

  it("reads XFS", async () => {
    const facts = await inspect("xfs", { password: "s3cr3t/of+run" });
    assert.deepEqual(
      facts.fileSystems.map(({ type, mountPoint, checked, problems }) => [
        type,
        mountPoint,
        checked,
        problems,
      ]),
      [
        ["vfat", "/boot/efi", true, []],
        ["xfs", "/", true, []],
      ],
    );
    const found = new Map(facts.tree.map(([path, ...entry]) => [path, entry]));
    assert.deepEqual(found.get("/etc/token"), [0o100640, 0, 42, 20]);
    assert.deepEqual(found.get("/etc"), [0o040755, 0, 0, found.get("/etc")![3]]);
    assert.equal(facts.contents["/usr/lib/os-release"], "ID=tiny\n");
    assert.equal(facts.contents["/etc/localtime"], "/usr/share/zoneinfo/Etc/UTC");
    assert.equal(facts.contents["/etc/long-link"], "/" + "long".repeat(30));
    assert.deepEqual(facts.secrets!.hits.map(({ form, where }) => `${form} ${where}`).sort(), [
      "URL-escaped /etc/url",
      "base64 /etc/encoded",
      "plain /etc/token",
    ]);
  });

  it("sees files whatever they are called, and what is no file", async () => {
    const facts = await inspect("names");
    const below = (paths: string[]) =>
      paths.filter((path) => /^\/opt\/names\/(?!deep)/.test(path)).sort();
    const read = below(Object.keys(facts.contents));
    const named = read.filter((path) => facts.contents[path] === path.slice(11));
    // eleven files, and the link to itself
    assert.equal(named.length, 12, JSON.stringify(read));
    assert.equal(facts.contents["/opt/names/link"], 'to\n"debugfs: stat <12>\nx');
    assert.deepEqual(
      below(entries(facts).map(({ path }) => path)),
      [...read, "/opt/names/huge", "/opt/names/pipe"].sort(),
    );
    assert.ok(entries(facts).some(({ path }) => path.endsWith("/deep".repeat(150))));
    assert.ok(facts.fileSystems.every(({ checked }) => checked));
  });

  it("sees files of XFS whatever they are called", async () => {
    const facts = await inspect("xfs-names", {}, { "opt/file-ABCDEFGHIJ": "x", "etc/y": "y" });
    const name = "/opt/f (good)\n1 2 \udcff\\";
    assert.deepEqual(
      facts.tree.filter(([path]) => path.startsWith("/opt/")).map(([path]) => path),
      [name],
      JSON.stringify(facts.fileSystems),
    );
    assert.equal(facts.contents[name], "x");
    assert.equal(facts.contents["/etc/localtime"], '/usr/share/zoneinfo/Etc/"\n\\');
  });

  it("does not check a file system with a folder inside of itself, and comes to an end", async () => {
    const root = (await inspect("cyclic")).fileSystems.at(-1)!;
    assert.equal(root.checked, false);
    assert.match(root.problems.join("\n"), /the folder \/etc\/again is in two places/);
  });

  it("notices an XFS that is not clean", async () => {
    const root = (await inspect("dirty-xfs")).fileSystems.at(-1)!;
    assert.equal(root.type, "xfs");
    assert.notDeepEqual(root.problems, []);
  });

  for (const kind of ["bdb", "sqlite"]) {
    it(`reads the packages of an rpm database, ${kind}`, async () => {
      const packages = (await inspect(`rpm-${kind}`)).rpm!;
      packages.sort((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(packages, [
        {
          name: "bash",
          version: "4.2.46-35.el7",
          architecture: "x86_64",
          source: "bash",
          sourceVersion: "4.2.46-35.el7",
          license: "GPLv3+",
          homepage: "http://www.gnu.org/software/bash",
          installedBytes: 3_667_709,
        },
        {
          name: "openssl-libs",
          version: "1:1.0.2k-26.el7_9",
          architecture: "x86_64",
          source: "openssl",
          sourceVersion: "1.0.2k-26.el7_9",
          license: "OpenSSL",
          homepage: null,
          installedBytes: 3_200_172,
        },
      ]);
    });
  }

  for (const fault of ["none", "xfs"]) {
    it(`tells which files their packages do not account for, ${fault === "xfs" ? "XFS" : "ext4"}`, async () => {
      const { packageFiles } = await inspect(fault, {}, packaged.files);
      const found = packageFiles!.filter(({ path }) => path in packaged.states);
      assert.deepEqual(
        Object.fromEntries(found.map(({ path, state, sha256 }) => [path, `${state} ${sha256}`])),
        packaged.states,
      );
      assert.ok(!packageFiles!.some(({ path }) => path === "/usr/bin/whole"));
      const loader = packageFiles!.find(({ path }) => path === "/boot/efi/EFI/BOOT/BOOTX64.EFI");
      const content = "boot loader";
      assert.deepEqual(
        [loader?.state, loader?.bytes, loader?.sha256],
        ["unowned", content.length, sha256(content)],
      );
    });
  }

  it("compares nothing where there is no package database", async () => {
    assert.equal((await inspect("none")).packageFiles, null);
  });

  it("does not take an rpm database that cannot be read for an empty one", async () => {
    assert.equal((await inspect("rpm-broken")).rpm, null);
    assert.equal((await inspect("none")).rpm, undefined);
  });

  it("notices a file that is cut off, and reads nothing of it", async () => {
    const facts = await inspect("truncated");
    assert.ok(facts.disk.problems.length > 0);
    assert.equal(facts.table, null);
  });

  it("notices a backing file", async () => {
    assert.match((await inspect("backing")).disk.backingFile!, /image-below\.qcow2/);
  });

  for (const copy of ["backup", "primary"]) {
    it(`notices a broken ${copy} of the partition table`, async () => {
      const { table } = await inspect(`gpt-${copy}`);
      assert.match(table!.problems.join("\n"), new RegExp(`The ${copy} GPT table is corrupt`));
    });
  }

  it("notices that there is no partition table", async () => {
    assert.equal((await inspect("no-table")).table, null);
  });

  it("notices a file system that is not clean", async () => {
    const root = (await inspect("dirty-ext4")).fileSystems.at(-1)!;
    assert.match(root.problems.join("\n"), /deleted\/unused inode/);
  });

  it("reports a file system that it has no reader for", async () => {
    const root = (await inspect("unknown")).fileSystems.at(-1)!;
    assert.deepEqual([root.type, root.checked], ["crypto_LUKS", false]);
  });

  it("finds secrets in every form, and says in which file", async () => {
    const { secrets } = await inspect("none", {
      password: "s3cr3t/of+run",
      other: "not-on-it",
      pin: "12",
    });
    const hits = secrets!.hits.map(({ secret, form, where }) => `${secret} ${form} ${where}`);
    assert.deepEqual(hits.sort(), [
      "password URL-escaped /etc/url",
      "password base64 /etc/encoded",
      "password plain /etc/token",
    ]);
    assert.deepEqual(secrets!.tooShort, ["pin"]);
  });

  it("finds a secret in JSON as Go and PHP write it", async () => {
    const { secrets } = await inspect(
      "none",
      { password: "pass&word<1>/x" },
      { "etc/config.json": String.raw`{"password": "pass\u0026word\u003c1\u003e\/x"}` },
    );
    assert.deepEqual(
      secrets!.hits.map(({ form, where }) => `${form} ${where}`),
      ["JSON-escaped /etc/config.json"],
    );
  });

  it("finds a long secret in base64 that is cut into lines, and the lines of a private key", async () => {
    const long = "correct horse/battery+staple of an activation key";
    const key = ["MC4CAQAwBQYDK2VwBCIEIOzUFS", "b3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl"];
    const armour = (name: string) => `-----${name} PRIVATE KEY-----`;
    const { secrets } = await inspect(
      "none",
      { long, key: [armour("BEGIN"), ...key, armour("END"), ""].join("\n") },
      {
        "etc/wrapped": Buffer.from("x".repeat(35) + long)
          .toString("base64")
          .replace(/.{76}/g, "$&\n"),
        "etc/indented": key.map((line) => `    ${line}\n`).join(""),
        "etc/armour": armour("BEGIN"),
      },
    );
    const hits = secrets!.hits.map(({ secret, form, where }) => `${secret} ${form} ${where}`);
    assert.deepEqual(hits.sort(), [
      "key plain /etc/indented",
      "key plain /etc/indented",
      "long base64 /etc/wrapped",
    ]);
  });

  it("finds secrets in deleted files", async () => {
    const { secrets } = await inspect("deleted-secret", { password: "s3cr3t/of+run" });
    assert.deepEqual(
      secrets!.hits.map(({ form, where }) => `${form} ${where}`).sort(),
      ["URL-escaped", "base64", "plain"].map(
        (form) => `${form} a deleted file or free space, partition 3`,
      ),
    );
  });
});
