/**
 * What Pulumi loads when it is pointed at this folder as a plugin (PulumiPlugin.yaml): it serves kragle's component to programs in any
 * language. In a clone that is TypeScript, in the published package what was built of it.
 */
const { existsSync } = require("node:fs");
const { enableCompileCache, flushCompileCache } = require("node:module");
const { join } = require("node:path");

// as the launcher does it: other users of this machine must not be able to write what is made
process.umask(process.umask() | 0o002);

const loader = join(module.path, "../setup/loader.cjs");
if (existsSync(loader))
  require(loader); // first: what follows is loaded by it
else {
  // compiled code is kept between runs, as setup/node.sh does it
  const { HOME = "/", XDG_CACHE_HOME = join(HOME, ".cache") } = process.env;
  enableCompileCache?.(join(XDG_CACHE_HOME, "kragle/compile-cache"));
}

// Pulumi calls an exported function
module.exports = () => {
  const { servePlugin } = require("./host");
  // now, since Pulumi ends this process by a signal
  flushCompileCache?.();
  return servePlugin();
};
