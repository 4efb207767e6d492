import assert from "node:assert/strict";

import { filesTsv, folderSizes } from "../../rules/facts";
import { pythonPattern, globRoot, matcher } from "../../rules/glob";
import { judge, neededContents } from "../../rules/judge";
import { findPackages, packagesJson, packagesTsv } from "../../rules/packages";
import { catalogueDigest, RULES } from "../../rules/catalogue";
import type { Assertion } from "../../rules/rule";
import { sshdValue } from "../../rules/sshd";
import { SampleImage } from "./checkSamples";

const statusOf = (image: SampleImage, id: string) =>
  judge(RULES, image.facts).find((finding) => finding.id === id)!;

describe("judging what was not read", () => {
  it("checks nothing of an image whose root cannot be read, and passes nothing of it", () => {
    const image = new SampleImage();
    image.facts.fileSystems[1] = { ...image.facts.fileSystems[1]!, type: "xfs", checked: false };
    image.facts.tree = [];
    image.facts.contents = {};
    const { status, detail } = statusOf(image, "disk.file-systems");
    assert.deepEqual([status, detail], ["not checked", "no reader for xfs on partition 3"]);
    for (const rule of RULES.filter(({ assertion }) => !("probe" in assertion))) {
      assert.equal(statusOf(image, rule.id).status, "not checked", rule.id);
    }
  });

  it("does not pass a rule about a mount point that cannot be read", () => {
    const image = new SampleImage();
    image.facts.fileSystems.push({
      ...image.facts.fileSystems[1]!,
      partition: 4,
      type: "xfs",
      mountPoint: "/var/log",
      checked: false,
    });
    assert.equal(statusOf(image, "logs.files").status, "not checked");
    assert.equal(statusOf(image, "accounts.root-locked").status, "passed");
  });

  it("judges a damaged qcow2 only as a file", () => {
    const image = new SampleImage();
    image.facts.disk.problems = ["1 errors were found"];
    image.facts.table = null;
    assert.equal(statusOf(image, "disk.consistent").status, "failed");
    assert.equal(statusOf(image, "disk.standalone").status, "passed");
    assert.equal(statusOf(image, "disk.partition-table").status, "not checked");
  });

  it("says that secrets were not looked for", () => {
    const image = new SampleImage();
    image.facts.secrets = { scannedBytes: 0, tooShort: [], hits: [] };
    assert.equal(statusOf(image, "payload.secrets").status, "not applicable");
    image.facts.secrets = { scannedBytes: 9, tooShort: ["pin"], hits: [] };
    assert.equal(statusOf(image, "payload.secrets").status, "not checked");
    image.facts.secrets = undefined;
    assert.equal(statusOf(image, "payload.secrets").status, "not checked");
  });

  it("applies rules about a program only where it is installed", () => {
    const image = new SampleImage()
      .remove("/usr/sbin/sshd")
      .remove("/etc/ssh/sshd_config.d/60-keys.conf");
    assert.equal(statusOf(image, "ssh.passwords").status, "not applicable");
  });
});

describe("what was not read", () => {
  const unread = (image: SampleImage, path: string) => {
    delete image.facts.contents[path];
    return image;
  };

  it("is not checked, though it is there", () => {
    for (const [id, path] of [
      ["accounts.no-passwords", "/etc/shadow"],
      ["ssh.passwords", "/etc/ssh/sshd_config.d/60-keys.conf"],
      ["storage.fstab", "/etc/fstab"],
    ] as const) {
      const { status, detail } = statusOf(unread(new SampleImage(), path), id);
      assert.equal(status, "not checked", id);
      assert.ok(detail!.startsWith(path), detail);
    }
  });

  it("is where a link of the SSH server's configuration leads to", () => {
    const image = new SampleImage().link("/etc/ssh/sshd_config", "/opt/sshd_config");
    assert.deepEqual(
      [statusOf(image, "ssh.passwords").status, statusOf(image, "ssh.passwords").detail],
      ["not checked", "/etc/ssh/sshd_config is a link, which is not followed"],
    );
  });
});

describe("a rule on content, of a link", () => {
  const judged = (image: SampleImage, assertion: Assertion) => {
    const rule = { id: "own.rule", asserts: "x", reason: "x", source: "x", assertion };
    const [found] = judge([rule], image.facts);
    return [found!.status, found!.detail];
  };
  const lacks: Assertion = { content: ["/etc/app.conf"], lacks: "debug" };
  const has: Assertion = { content: ["/etc/app.conf"], has: "quiet" };

  it("is on the file to which it leads, through whatever links", () => {
    const image = new SampleImage()
      .link("/etc/app.conf", "../srv/current/app.conf")
      .link("/srv/current", "v2")
      .file("/srv/v2/app.conf", "quiet\ndebug\n");
    assert.deepEqual(judged(image, lacks), ["failed", "/etc/app.conf, line 2"]);
    assert.deepEqual(judged(image, has), ["passed", undefined]);
  });

  it("is not checked where that was not read, and where nobody can tell which it is", () => {
    const unread = new SampleImage()
      .link("/etc/app.conf", "/opt/app.conf")
      .file("/opt/app.conf", "x");
    delete unread.facts.contents["/opt/app.conf"];
    const unknown = new SampleImage().link("/etc/app.conf", "/opt/app.conf").link("/opt", "srv");
    delete unknown.facts.contents["/opt"];
    for (const image of [unread, unknown]) {
      const words = "/etc/app.conf is a link to a file that was not read; name that one, too";
      assert.deepEqual(judged(image, lacks), ["not checked", words]);
      assert.deepEqual(judged(image, has), ["not checked", words]);
    }
  });

  it("is on its target's name where nothing is there, and comes to an end in a circle", () => {
    const dangling = new SampleImage().link("/etc/app.conf", "/run/quiet/app.conf");
    assert.deepEqual(judged(dangling, lacks), ["passed", undefined]);
    assert.deepEqual(judged(dangling, has), ["passed", undefined]);
    const circle = new SampleImage().link("/etc/app.conf", "app.d").link("/etc/app.d", "app.conf");
    assert.deepEqual(judged(circle, lacks), ["passed", undefined]);
    assert.deepEqual(judged(circle, has), ["failed", "/etc/app.conf"]);
  });
});

it("a file's name is told so that it stays in its line", () => {
  const image = new SampleImage().file("/tmp/a\nb\u001b[31m\udcff\\", "");
  assert.equal(
    statusOf(image, "caches.temporary").detail,
    String.raw`/tmp/a\nb\x1b[31m\xff\\ exists`,
  );
});

it("the size of folders is that of all files below them, the largest first", () => {
  const image = new SampleImage();
  image.facts.tree = [];
  image.file("/usr/lib/a/b", "12345").file("/usr/share/c", "123").file("/d", "1").file("/e/f", "");
  assert.deepEqual(folderSizes(image.facts), [
    { path: "/usr", bytes: 8 },
    { path: "/usr/lib", bytes: 5 },
    { path: "/usr/share", bytes: 3 },
  ]);
});

it("the list of files is sorted, and leaves the size of folders out", () => {
  const image = new SampleImage();
  image.facts.tree = [
    ["/usr", 0o040755, 0, 0, 4096],
    ["/bin", 0o120777, 0, 0, 7],
    ["/etc/shadow", 0o100640, 0, 42, 12],
  ];
  assert.equal(
    filesTsv(image.facts),
    "120777\t0\t0\t7\t/bin\n100640\t0\t42\t12\t/etc/shadow\n40755\t0\t0\t0\t/usr\n",
  );
});

describe("globs of the catalogue", () => {
  const cases: [string, string, boolean][] = [
    ["/etc/ssh/ssh_host_*_key*", "/etc/ssh/ssh_host_rsa_key.pub", true],
    ["/etc/*", "/etc/ssh/x", false],
    ["/var/log/**", "/var/log/a/b.log", true],
    ["/{root,home/*}/.x", "/home/me/.x", true],
    ["/{root,home/*}/.x", "/root/yx", false],
    ["/core{,.*}", "/core", true],
    ["/core{,.*}", "/core.1", true],
    ["/core{,.*}", "/cores", false],
    ["/a/[0-9a-f]?", "/a/fz", true],
    ["/a/(b)+", "/a/(b)+", true],
    ["/a/[!0-9]", "/a/x", true],
    ["/a[!0-9]b", "/a/b", false],
    ["/a/**", "/a/b\nc/d", true],
    ["/a/*.pem", "/a/b\nc.pem", true],
    ["/a,b", "/a,b", true],
    ["/a,b", "/a", false],
    ["/a{b", "/a{b", true],
    ["/a[b", "/a[b", true],
    ["/{a,{b,c}d}e", "/cde", true],
  ];
  for (const [glob, path, expected] of cases) {
    it(`${glob} ${expected ? "matches" : "does not match"} ${path}`, () => {
      assert.equal(matcher([glob])(path), expected);
    });
  }

  it("know the folder that they look into", () => {
    assert.equal(globRoot("/var/log/**"), "/var/log");
    assert.equal(globRoot("/etc/fstab"), "/etc/fstab");
    assert.equal(globRoot("/{root,home}/x"), "/");
    assert.equal(globRoot("/var/lib/*lease*"), "/var/lib");
  });

  it("ask for the content of every file that a rule reads", () => {
    const wanted = neededContents(RULES);
    for (const glob of ["/etc/shadow", "/etc/ssh/sshd_config.d/*", "/var/lib/dpkg/status"]) {
      assert.ok(wanted.includes(pythonPattern(glob)), glob);
    }
  });
});

describe("the OpenSSH server's configuration", () => {
  const value = (files: Record<string, string>) => sshdValue(files, "PermitRootLogin");

  it("is not known where a part of it was not read, but for the system's ciphers", () => {
    const of = (include: string) => {
      const image = new SampleImage()
        .file("/etc/ssh/sshd_config.d/10-more.conf", `Include ${include}\n`)
        .file("/opt/ssh/a.conf", "PermitRootLogin yes\n")
        .link("/etc/crypto-policies/back-ends/opensshserver.config", "/usr/share/x");
      delete image.facts.contents["/opt/ssh/a.conf"];
      delete image.facts.contents["/etc/crypto-policies/back-ends/opensshserver.config"];
      const { status, detail } = statusOf(image, "ssh.root-login");
      return detail ?? status;
    };
    for (const path of ["/opt/ssh/*.conf", '"/opt/ssh/a.conf"', "/opt/ssh/[a-c].conf"]) {
      assert.equal(of(path), "/opt/ssh/a.conf, which sshd_config includes, was not read");
    }
    assert.equal(of("/etc/crypto-policies/back-ends/opensshserver.config"), "passed");
    for (const hostile of ["{a,b}".repeat(20), "[z-a]", "[", "\\"]) {
      assert.equal(of(hostile), "passed");
    }
  });
  const main = "/etc/ssh/sshd_config";

  it("counts the first value", () => {
    assert.equal(value({ [main]: "PermitRootLogin no\nPermitRootLogin yes\n" }), "no");
  });

  it("takes included files where their Include stands, in their order", () => {
    const files = {
      [main]: "Include sshd_config.d/*.conf\nPermitRootLogin no\n",
      "/etc/ssh/sshd_config.d/50-b.conf": "permitrootlogin yes\n",
      "/etc/ssh/sshd_config.d/40-a.conf":
        "# PermitRootLogin no\nPermitRootLogin prohibit-password\n",
    };
    assert.equal(value(files), "prohibit-password");
  });

  it("that includes itself is no value that anybody allowed", () => {
    const loop = { [main]: "Include sshd_config.d/*", "/etc/ssh/sshd_config.d/a": "" };
    loop["/etc/ssh/sshd_config.d/a"] = "Include sshd_config.d/*\nPermitRootLogin no";
    assert.match(value(loop)!, /includes itself/);
  });

  it("does not take a Match block for everybody", () => {
    assert.equal(value({ [main]: "Match User a\n  PermitRootLogin yes\n" }), undefined);
  });
});

describe("packages of the image", () => {
  const status = [
    "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nSource: zlib\nInstalled-Size: 165\nVersion: 1:1.2.13",
    "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1",
    "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nSource: bash (5.2-2)\nVersion: 5.2-2+b7\nHomepage: http://example.com\nDescription: a\n b",
  ].join("\n\n");
  const image = () =>
    new SampleImage()
      .file("/usr/lib/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12 (x)"\n')
      .file("/var/lib/dpkg/status", status);

  it("are read from dpkg's database, sorted, without removed ones", () => {
    assert.equal(
      packagesTsv(findPackages(image().facts)),
      "bash\t5.2-2+b7\tamd64\nzlib1g\t1:1.2.13\tamd64\n",
    );
  });

  it("are told with what a bill of materials needs", () => {
    assert.deepEqual(JSON.parse(packagesJson(findPackages(image().facts))), {
      distribution: { id: "debian", versionId: "12", prettyName: "Debian 12 (x)" },
      ecosystem: "deb",
      packages: [
        {
          name: "bash",
          version: "5.2-2+b7",
          architecture: "amd64",
          source: "bash",
          sourceVersion: "5.2-2",
          license: null,
          homepage: "http://example.com",
          installedBytes: 0,
        },
        {
          name: "zlib1g",
          version: "1:1.2.13",
          architecture: "amd64",
          source: "zlib",
          sourceVersion: "1:1.2.13",
          license: null,
          homepage: null,
          installedBytes: 165 * 1024,
        },
      ],
    });
  });

  it("of Debian have the licences that their copyright files name", () => {
    const format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
    const bash = `${format}License: ignored\n\nFiles: *\nLicense: GPL-3+\n text\n\nFiles: a\nCopyright: 1\nLicense: MIT or X11\n\nFiles: b\nLicense: GPL-3+\n\nLicense: BSD\n text\n`;
    const { facts } = image()
      .file("/usr/share/doc/bash/copyright", bash)
      .file("/usr/share/doc/zlib1g/copyright", "This is zlib.\n\nLicense: whatever\n");
    assert.deepEqual(
      findPackages(facts).packages.map(({ name, license }) => [name, license]),
      [
        ["bash", "GPL-3+ and (MIT or X11)"],
        ["zlib1g", null],
      ],
    );
  });

  it("come from rpm's database where that is the image's", () => {
    const { facts } = new SampleImage().remove("/var/lib/dpkg/status");
    facts.rpm = [
      {
        name: "bash",
        version: "4.2.46-35.el7",
        architecture: "x86_64",
        source: "bash",
        sourceVersion: "4.2.46-35.el7",
        license: "GPLv3+",
        homepage: null,
        installedBytes: 3_667_709,
      },
    ];
    const { ecosystem, packages } = findPackages(facts);
    assert.equal(ecosystem, "rpm");
    assert.deepEqual(packages, [{ ...facts.rpm[0]!, state: "installed" }]);
  });

  it("are not known where nobody can read the database", () => {
    const { facts } = new SampleImage().remove("/var/lib/dpkg/status");
    facts.rpm = null;
    const finding = judge(RULES, facts).find(({ id }) => id === "payload.packages")!;
    assert.equal(finding.status, "not checked");
    assert.equal(findPackages(facts).ecosystem, null);
  });
});

it("the catalogue's digest is a SHA-256 that stays the same", () => {
  assert.match(catalogueDigest(), /^[0-9a-f]{64}$/);
  assert.equal(catalogueDigest(), catalogueDigest());
});
