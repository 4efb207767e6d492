import assert from "node:assert/strict";

import { guestContainer } from "./guestContainer";
import { programs } from "./programs";

/**
 * A mirror with one package, and another package under its name that somebody has made; `build` starts the proxy of a build of its own,
 * `packages` is a step that installs it, `which` tells which of the two is installed, and how often the mirror was asked for it.
 */
const MIRROR = `
mkdir /repo /cache
package() {
  mkdir -p /made/$1/DEBIAN /made/$1/srv
  printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: m <m@example>\\nDescription: d\\n' >/made/$1/DEBIAN/control
  echo $1 >/made/$1/srv/which
  dpkg-deb --build /made/$1 /made/$1.deb >/dev/null
}
package right; package wrong
cp /made/right.deb /repo/p_1_all.deb
{ cat /made/right/DEBIAN/control; stat -c 'Size: %s' /made/right.deb; echo 'Filename: ./p_1_all.deb'
  echo "SHA256: $(sha256sum </made/right.deb | cut -c1-64)"; } >/repo/Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] http://127.0.0.1:8000/ ./' >/etc/apt/sources.list
python3 -m http.server --directory /repo --bind 127.0.0.1 8000 >/dev/null 2>/asked &
until bash -c ': <>/dev/tcp/127.0.0.1/8000' 2>/dev/null; do sleep 0.1; done
build() {
  rm -f /port
  sleep 1000 | python3 -c 'if True:
    import sys
    sys.path.insert(0, "/kragle")
    import package_proxy
    with package_proxy.serving(2**30, "/cache") as proxy:
        print(proxy.address("127.0.0.1"), file=open("/port", "w"), flush=True)
        sys.stdin.read()' &
  until [ -s /port ]; do sleep 0.1; done
  export KRAGLE_PACKAGES=$(cat /port)
}
packages() {
  cp /guest/packages.sh /run/kragle/script
  setsid --wait sh /run/kragle/guest.sh run 1 MK /run/kragle/script $(echo 'set -- "$@" p' | base64 -w0) | grep -e 'Failed.*mismatch$' -e 'once more'
}
forge() { rm /cache/*; cp /made/wrong.deb /cache/$(printf %s http://127.0.0.1:8000/./p_1_all.deb | sha256sum | cut -c1-64).$(sha256sum </made/wrong.deb | cut -c1-64); }
which() { cat /srv/which 2>/dev/null || echo none; grep -c 'GET /./p_1' /asked; dpkg --purge p >/dev/null 2>&1; apt-get clean; }
`;

describe("apt in a guest, behind the cache of packages", function () {
  this.timeout(300_000);
  const { run } = guestContainer();
  const inGuest = (script: string) => run(MIRROR + script, "--volume", `${programs()}:/kragle:ro`);

  it("gets a package from the mirror once, and one that was cut once more", () => {
    const said = inGuest(`
build; packages; which
build; packages; which; ls /cache | wc -l
truncate -s 100 /cache/*
build; packages; which`);
    assert.deepEqual(said, ["right", "1", "right", "1", "1", "right", "2"]);
  });

  it("never installs what somebody has forged: a step of packages downloads it, a script fails until then", () => {
    const said = inGuest(`
build; packages; which
forge; build; packages; which
forge; build
script 2 <<'END' | grep -e 'Failed.*mismatch$' -e refused -e code
#!/bin/sh
apt-get update && apt-get install --yes p >/dev/null 2>&1
END
which
script 3 <<'END' | grep -e code
#!/bin/sh
apt-get install --yes p
END
which`);
    const refused =
      /Failed to fetch http:\/\/127\.0\.0\.1:8000\/\.\/p_1_all\.deb {2}Hash Sum mismatch$/;
    assert.match(said[2]!, refused);
    const others = said.filter((line) => !refused.test(line));
    assert.deepEqual(others, [
      ...["right", "1"],
      ...["MK|once more, with what is lacking from the mirror", "right", "2"],
      ...["MK!apt has refused p_1_all.deb: it is not what it has to be", "code 100", "none", "2"],
      ...["code 0", "right", "3"],
    ]);
  });

  it("goes on without where the guest does not reach it, and asks for nothing else through it", () => {
    const said = inGuest(`
export KRAGLE_PACKAGES=http://127.0.0.1:8901 https_proxy=http://corp:1
packages; which
apt-config dump 2>/dev/null | grep -i proxy
APT_CONFIG=/run/kragle-apt.conf apt-config dump | grep -i proxy
build
script 1 <<'END'
#!/bin/sh
[ "$KRAGLE_PACKAGES" = "$(cat /port)" ] && apt-config dump | grep Proxy | sed 's/:89[0-9]*/:PORT/'
END
find /etc/apt /var/lib/apt -newer /port -type f | grep -v lists
grep -rs corp /etc/apt $(readlink /run/kragle)`);
    assert.deepEqual(said, [
      ...["right", "1"],
      'MK|Acquire::http::Proxy "http://127.0.0.1:PORT";',
      'MK|Acquire::https::Proxy "http://corp:1";',
      "code 0",
    ]);
  });
});
