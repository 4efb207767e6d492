/**
 * Loads the project's TypeScript as CommonJS, by esbuild: for the command line from the start, under the Pulumi CLI from the first line
 * of program.cjs and plugin/main.cjs on. The published package has JavaScript instead, and no loader.
 */
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const { enableCompileCache, setSourceMapsSupport } = require("node:module");
const { dirname, join, relative } = require("node:path");
const { isMainThread } = require("node:worker_threads");

// as the launcher does it: other users of this machine must not be able to write what is made
if (isMainThread) process.umask(process.umask() | 0o002);

const root = dirname(module.path);
const isInstalled = /\/(node_modules|plugins)\//.test(root);
const caches = cacheFolder();
// several versions may be installed on one machine
const cache = join(caches, "compiled", isInstalled ? root : "");
const ownSource = readFileSync(module.filename);

require.extensions[".ts"] = (module, file) => {
  const source = readFileSync(file, "utf8");
  const digest = createHash("sha256").update(ownSource).update(file).update(source).digest("hex");
  // a file outside the project would leave the cache's folder
  const compiled = join(cache, relative(root, file).replace(/^(\.\.\/)+/, "outside/") + ".js");
  module._compile(readCompiled(compiled, digest) ?? compile(source, file, digest, compiled), file);
};

/**
 * Where what was compiled is kept: in a clone beside it. The folder of what a package manager or the Pulumi CLI has installed is theirs, and
 * nothing is written there. setup/node.sh decides the same.
 */
function cacheFolder() {
  if (!isInstalled) return join(root, ".kragle");
  const { HOME = "/", XDG_CACHE_HOME = join(HOME, ".cache") } = process.env;
  return join(XDG_CACHE_HOME, "kragle");
}

const lastLine = (digest, body) =>
  `// ${digest} ${createHash("sha256").update(body).digest("hex")}\n`;

/**
 * What was compiled before, if it was from this very source, and is whole: the last line tells both. It is not worth a sync, and a
 * power cut may leave any part of it.
 */
function readCompiled(compiled, digest) {
  try {
    const code = readFileSync(compiled, "utf8");
    const end = code.lastIndexOf("\n//") + 1;
    return code.slice(end) === lastLine(digest, code.slice(0, end)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function compile(source, file, digest, compiled) {
  const { code: body } = require("esbuild").transformSync(source, {
    loader: "ts",
    format: "cjs",
    platform: "node",
    target: "node22",
    // import() becomes a require: relative imports have no extension, which only CommonJS can resolve
    supported: { "dynamic-import": false },
    sourcefile: file,
    sourcemap: "inline",
  });
  const code = body + lastLine(digest, body);
  const unfinished = `${compiled}.${process.pid}`;
  try {
    mkdirSync(dirname(compiled), { recursive: true });
    // renamed into place, since another run may read it at this moment
    writeFileSync(unfinished, code);
    renameSync(unfinished, compiled);
  } catch {
    // a checkout that is read-only, or on a full disk, works, only slower
    rmSync(unfinished, { force: true });
  }
  return code;
}

// where the launcher has not set it; compiled code halves the time that loading the SDK takes
enableCompileCache?.(join(caches, "compile-cache"));

/**
 * What the Pulumi SDK loads to turn functions into resources, which kragle never does: the TypeScript compiler and npm's reader of
 * dependencies take longer than all else in a run without changes. They are loaded when somebody asks for a part of them.
 */
const FOR_FUNCTIONS = ["../../typescript-shim", "@npmcli/arborist"];

// in these modules alone: Node warns of its old modules where a file outside of node_modules stands between them and a package
function loadLater(module, file) {
  if (!file.includes("/@pulumi/pulumi/runtime/closure/")) return;
  const load = module.require;
  module.require = (id) => {
    if (!FOR_FUNCTIONS.includes(id)) return load.call(module, id);
    let loaded;
    // the SDK asks whether it is an ES module before it uses anything of it
    const part = (_, name) =>
      name === "__esModule" ? true : (loaded ??= load.call(module, id))[name];
    return new Proxy({}, { get: part });
  };
}

const byNode = require.extensions[".js"];
require.extensions[".js"] = (module, file) => {
  loadLater(module, file);
  byNode(module, file);
};

// stack traces point at our own lines; the source maps of dependencies are not worth the time they take to read
setSourceMapsSupport?.(true, { nodeModules: false });
