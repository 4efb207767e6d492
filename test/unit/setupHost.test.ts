import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import {
  aptReachability,
  debianSources,
  parseDeb822,
  parseSourcesList,
} from "../../host/aptSources";
import { hostAptConfiguration, mirrorObstacles } from "../../host/packageMirror";
import { urlPasswords } from "../../host/secrets";
import { hostProxyEnvironment } from "../../host/proxies";

// Mirrors as in a company's network; the names are reserved for examples.
const MIRROR = "https://mirror.example.com/debian";

describe("the host's apt configuration", () => {
  it("reads one-line style, with options and comments", () => {
    const text = [
      `# deb ${MIRROR} bookworm main`,
      `deb [arch=amd64 signed-by=/usr/share/keyrings/vendor.gpg trusted=yes] ${MIRROR}/ bookworm main contrib # ours`,
      `deb-src ${MIRROR} bookworm main`,
    ].join("\n");
    assert.deepEqual(parseSourcesList(text, "sources.list"), [
      {
        uri: `${MIRROR}/`,
        suite: "bookworm",
        components: ["main", "contrib"],
        signedBy: "/usr/share/keyrings/vendor.gpg",
        trusted: true,
        file: "sources.list",
      },
    ]);
  });

  it("reads deb822 style: several suites, comments within, keys written out, entries switched off", () => {
    const text = [
      "Types: deb deb-src",
      "# a comment",
      `URIs: ${MIRROR}`,
      "Suites: bookworm bookworm-updates",
      "Components: main",
      "Signed-By:",
      " -----BEGIN PGP PUBLIC KEY BLOCK-----",
      " .",
      " mQINBF",
      "",
      "Types: deb",
      `URIs: ${MIRROR}`,
      "Suites: sid",
      "Components: main",
      "Enabled: no",
    ].join("\n");
    const found = parseDeb822(text, "debian.sources");
    assert.deepEqual(
      found.map(({ suite }) => suite),
      ["bookworm", "bookworm-updates"],
    );
    assert.match(found[0]!.signedBy, /^-----BEGIN PGP/);
  });

  const source = (suite: string, change = {}) => ({
    uri: MIRROR,
    suite,
    components: ["main"],
    signedBy: "",
    trusted: false,
    file: "debian.sources",
    ...change,
  });
  const unknown = { origin: () => undefined };

  it("keeps Debian's archive and leaves other vendors out", () => {
    const kept = debianSources(
      [
        source("bookworm"),
        source("bookworm-security", { uri: `${MIRROR}-security` }),
        source("bookworm", {
          uri: "https://vendor.example.com/apt",
          signedBy: "/etc/apt/keyrings/vendor.asc",
        }),
        source("bookworm", { uri: "https://other.example.com/apt", file: "other.list" }),
        source("bookworm", { components: ["stable"] }),
        source("bookworm", { uri: "cdrom:[Debian]/" }),
        source("bookworm-backports"),
      ],
      "bookworm",
      unknown,
    );
    assert.equal(
      kept,
      `deb ${MIRROR} bookworm main\ndeb ${MIRROR}-security bookworm-security main\n`,
    );
  });

  it("believes the archive's own word on its origin", () => {
    const inOtherFile = [source("bookworm", { file: "company.list" })];
    assert.notEqual(debianSources(inOtherFile, "bookworm", { origin: () => "Debian" }), "");
    assert.equal(debianSources([source("bookworm")], "bookworm", { origin: () => "Vendor" }), "");
  });

  it("uses the mirror of a host with another Debian release, but not without the release itself", () => {
    const trixie = [source("trixie"), source("trixie-updates")];
    assert.equal(
      debianSources(trixie, "bookworm", { ...unknown, hostRelease: "trixie" }),
      `deb ${MIRROR} bookworm main\ndeb ${MIRROR} bookworm-updates main\n`,
    );
    assert.equal(debianSources(trixie, "bookworm", unknown), "");
    assert.equal(debianSources([source("bookworm-security")], "bookworm", unknown), "");
  });

  it("asks for no updates of a release that is never released", () => {
    const stable = ["bookworm", "bookworm-updates", "bookworm-security"].map((name) =>
      source(name),
    );
    const host = { ...unknown, hostRelease: "bookworm" };
    assert.equal(debianSources(stable, "sid", host), `deb ${MIRROR} sid main\n`);
    assert.equal(debianSources(stable, "trixie", host).split("\n").length, 4);
  });

  it("passes on proxies and the leniency for a frozen mirror, and nothing else", () => {
    const dump = [
      'APT::Architecture "amd64";',
      'Acquire::http::Proxy "http://proxy.example.com:3128/";',
      'Acquire::http::Proxy::mirror.example.com "DIRECT";',
      'Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";',
      'Acquire::https::Verify-Peer "false";',
      'Acquire::https::Proxy "";',
      'Acquire::Check-Valid-Until "false";',
    ].join("\n");
    assert.equal(
      aptReachability(dump),
      'Acquire::http::Proxy "http://proxy.example.com:3128/";\n' +
        'Acquire::http::Proxy::mirror.example.com "DIRECT";\n' +
        'Acquire::Check-Valid-Until "false";\n',
    );
  });

  describe("on a file system", () => {
    let root: string;
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    beforeEach(() => (root = mkdtempSync(join(tmpdir(), "kragle host ü "))));
    afterEach(() => rmSync(root, { recursive: true }));

    it("follows a mirror list and the origin of fetched release files", () => {
      write(
        "etc/apt/sources.list.d/debian.sources",
        "Types: deb\nURIs: mirror+file:/etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
      );
      write(
        "etc/apt/mirrors/debian.list",
        `# first is best\n${MIRROR}\tpriority:1\nhttps://b.example.com\n`,
      );
      write(
        "etc/apt/sources.list.d/ours.list",
        "deb https://user:word@my_own.example.com/deb bookworm main\ndeb https://apt.example.com bookworm main\n",
      );
      write(
        "var/lib/apt/lists/my%5fown.example.com_deb_dists_bookworm_InRelease",
        "Hash: SHA256\nOrigin: Debian\n",
      );
      write("var/lib/apt/lists/apt.example.com_dists_bookworm_Release", "Origin: Example\n");
      assert.equal(
        hostAptConfiguration("bookworm", root).sources,
        `deb ${MIRROR} bookworm main\ndeb https://user:word@my_own.example.com/deb bookworm main\n`,
      );
    });

    it("takes a suite for the release that its archive says it is", () => {
      write("etc/os-release", "ID=debian\nVERSION_CODENAME=trixie\n");
      write(
        "etc/apt/sources.list",
        `deb ${MIRROR} stable main\ndeb ${MIRROR} stable-updates main\n`,
      );
      const line = /left out, since it is not known which release that is/;
      assert.match(mirrorObstacles(root, "").join("\n"), line);
      assert.equal(hostAptConfiguration("bookworm", root).sources, "");
      for (const [suite, codename] of [
        ["stable", "trixie"],
        ["stable-updates", "trixie-updates"],
      ]) {
        write(
          `var/lib/apt/lists/mirror.example.com_debian_dists_${suite}_InRelease`,
          `Origin: Debian\nSuite: ${suite}\nCodename: ${codename}\n`,
        );
      }
      assert.deepEqual(mirrorObstacles(root, ""), []);
      assert.equal(
        hostAptConfiguration("bookworm", root).sources,
        `deb ${MIRROR} bookworm main\ndeb ${MIRROR} bookworm-updates main\n`,
      );
    });

    it("names what of it containers cannot use, and why, and no password", () => {
      write("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");
      write(
        "etc/apt/sources.list",
        [
          "deb http://u:secret@localhost:3142/debian bookworm main",
          "deb [signed-by=/etc/apt/keyrings/company.gpg] http://m.example.com/debian bookworm main",
          "deb file:///srv/debian bookworm main",
          "deb cdrom:[Debian 12]/ bookworm main",
          `deb ${MIRROR} bookworm main`,
        ].join("\n"),
      );
      write("etc/apt/sources.list.d/vendor.list", "deb http://localhost:1/apt stable main\n");
      const proxy = 'Acquire::http::Proxy "http://u:secret@127.0.0.1:3142";\n';
      const found = mirrorObstacles(root, proxy);
      const expected = [
        /^http:\/\/localhost:3142\/debian bookworm \(sources\.list\): containers do not reach/,
        /^http:\/\/m\.example\.com\/debian .* signed by another key than Debian's/,
        /^file:\/\/\/srv\/debian .* cannot read "file:"/,
        /^apt's http::Proxy is on this machine's loopback address/,
      ];
      assert.equal(found.length, expected.length, found.join("\n"));
      expected.forEach((words, index) => assert.match(found[index]!, words));
      assert.doesNotMatch(found.join("\n"), /secret/);
    });

    it("has nothing to name on another distribution, or without apt", () => {
      assert.deepEqual(mirrorObstacles(root, ""), []);
      write("etc/os-release", "ID=ubuntu\nVERSION_CODENAME=noble\n");
      write("etc/apt/sources.list", "deb file:///srv/ubuntu noble main\n");
      assert.deepEqual(mirrorObstacles(root, ""), []);
    });

    it("is empty where the host has no apt, or is another distribution", () => {
      assert.deepEqual(hostAptConfiguration("bookworm", root), { sources: "", conf: "" });
      write("etc/os-release", "ID=ubuntu\nVERSION_CODENAME=jammy\n");
      write("etc/apt/sources.list", "deb http://archive.example.com/ubuntu jammy main\n");
      assert.equal(hostAptConfiguration("bookworm", root).sources, "");
    });
  });
});

describe("the host's proxies", () => {
  it("are given in both spellings", () => {
    assert.deepEqual(
      hostProxyEnvironment({ HTTP_PROXY: "http://p:1", no_proxy: "x", PATH: "/bin" }),
      {
        http_proxy: "http://p:1",
        HTTP_PROXY: "http://p:1",
        no_proxy: "x",
        NO_PROXY: "x",
      },
    );
  });
});

describe("passwords in addresses", () => {
  it("are found as they stand there and as they are typed", () => {
    assert.deepEqual(urlPasswords('http://u:p%2F4ss@proxy:3128/ "https://h/x.iso"'), [
      "u:p%2F4ss@",
      "p%2F4ss",
      "p/4ss",
    ]);
    assert.deepEqual(urlPasswords('["https://h/x.iso?token=abcdefgh&v=1"]'), ["abcdefgh"]);
    assert.deepEqual(urlPasswords("http://h:80/a?b=c"), []);
  });
});
