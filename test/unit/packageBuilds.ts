import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Mirror, PackageProxies, type PackageProxy } from "./packageProxyProcess";

/** A package that the mirror has. */
export const DEB = "/debian/pool/main/h/hello/hello_2.10-3_amd64.deb";
export const MIB = 2 ** 20;

/** Builds that share a cache of packages. */
class PackageBuilds {
  folder!: string;
  mirror!: Mirror;
  proxies!: PackageProxies;

  /** A build, which has a proxy of its own. */
  readonly build = (bytes = MIB, environment = {}): Promise<PackageProxy> =>
    this.proxies.build(this.folder, bytes, environment);

  /** What a build of its own gets. */
  readonly got = async (path = DEB, headers = {}): Promise<string> => {
    const proxy = await this.build();
    return (await proxy.get(this.mirror.at(path), headers)).body;
  };

  /** The paths of the files in the cache. */
  readonly kept = () => readdirSync(this.folder).map((name) => join(this.folder, name));
}

/** For a `describe`, whose tests each get an empty cache, and a mirror. */
export function packageBuilds(): PackageBuilds {
  const at = new PackageBuilds();
  before(() => (at.proxies = new PackageProxies()));
  after(() => at.proxies.kill());
  beforeEach(async () => {
    at.folder = mkdtempSync(join(tmpdir(), "kragle packages "));
    at.mirror = new Mirror();
    await at.mirror.start();
    at.mirror.files[DEB] = "a package";
  });
  afterEach(() => {
    at.mirror.stop();
    rmSync(at.folder, { recursive: true, force: true });
  });
  return at;
}
