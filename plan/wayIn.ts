import { image } from "./stages/image";

/** Values of sshd's PermitRootLogin by which a key lets root in. */
const LETS_ROOT_IN = ["yes", "prohibit-password", "without-password"];

/** What a pattern of names has in it besides a name; whom it stands for is not looked into. */
const PATTERN = /[*?!@]/;

/** An address that nobody reaches from outside. */
const OWN_ADDRESS = /^(127\.|\[::1\]|localhost:)/;

/**
 * What keeps out the build of an image that is made on another one: it comes in by SSH as root, by a key, on the port by which the build of that
 * one came. Told is what is sure to; an AllowUsers with a pattern, say, is not.
 *
 * @param result of the stage that made the image below; that of an earlier version says nothing of it
 * @returns words for each obstacle
 */
function obstaclesOf(result: unknown): string[] {
  const lines = image.result.safeParse(result).data?.wayIn ?? [];
  const values = (option: string) =>
    lines.flatMap((line) => (line.startsWith(`${option} `) ? [line.slice(option.length + 1)] : []));
  const words = (option: string) => values(option).flatMap((value) => value.split(" "));
  const lacks = (option: string, names: readonly string[]) => {
    const listed = words(option);
    return listed.length > 0 && !listed.some((one) => PATTERN.test(one) || names.includes(one));
  };
  const groups = words("groups-of-root");
  const [root] = values("permitrootlogin");
  const [methods] = values("authenticationmethods");
  const [port] = values("came-by");
  const listening = words("listenaddress");
  const ports = listening
    .filter((address) => !OWN_ADDRESS.test(address))
    .map((address) => address.slice(address.lastIndexOf(":") + 1));
  const where = ports.length > 0 ? `port ${[...new Set(ports)].join(", ")}` : "the loopback alone";
  // a socket listens where its unit says
  const isElsewhere =
    listening.length > 0 &&
    port !== undefined &&
    !ports.includes(port) &&
    values("socket").length === 0;

  const obstacles: readonly (readonly [is: boolean, what: string])[] = [
    [root !== undefined && !LETS_ROOT_IN.includes(root), `PermitRootLogin is ${root}`],
    [values("pubkeyauthentication").includes("no"), "PubkeyAuthentication is no"],
    [lacks("authenticationmethods", ["any", "publickey"]), `AuthenticationMethods is ${methods}`],
    [values("authorizedkeysfile").includes("none"), "AuthorizedKeysFile is none"],
    [lacks("allowusers", ["root"]), "AllowUsers lacks root"],
    [words("denyusers").includes("root"), "DenyUsers has root"],
    [lacks("allowgroups", groups), "AllowGroups has no group of root"],
    [words("denygroups").some((one) => groups.includes(one)), "DenyGroups has a group of root"],
    [isElsewhere, `it listens on ${where}, not on ${port}`],
  ];
  return obstacles.flatMap(([is, what]) => (is ? [what] : []));
}

/** The sentence of it, where something does. */
export function shutOutBy(result: unknown): string | undefined {
  const obstacles = obstaclesOf(result);
  if (obstacles.length === 0) return undefined;
  return `its SSH daemon lets no build in, which comes as root, by a key: ${obstacles.join("; ")}`;
}

/** What there is to do about it. */
export const LET_IN =
  "take what shuts root out, such as sshd's PermitRootLogin no, from there into the last step of each image that is made on it";
