/**
 * Loads the project's TypeScript for the command line, as CommonJS, by the same esbuild that tsx uses. tsx itself, under the
 * Pulumi CLI and in the tests, also reads and scans every JavaScript file of the dependencies, some 1,500 of them; that
 * takes longer than a run in which nothing has changed.
 */
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { setSourceMapsSupport } = require("node:module");
const { dirname, join, relative } = require("node:path");

const root = dirname(module.path);
const cache = join(root, ".kragle", "compiled");
const ownSource = readFileSync(module.filename);

require.extensions[".ts"] = (module, file) => {
  const source = readFileSync(file, "utf8");
  const digest = createHash("sha256").update(ownSource).update(file).update(source).digest("hex");
  // a file outside the project would leave the cache's folder
  const compiled = join(cache, relative(root, file).replace(/^(\.\.\/)+/, "outside/") + ".js");
  module._compile(readCompiled(compiled, digest) ?? compile(source, file, digest, compiled), file);
};

/** What was compiled before, if it was from this very source: the first line tells. */
function readCompiled(compiled, digest) {
  try {
    const code = readFileSync(compiled, "utf8");
    return code.startsWith(`// ${digest}\n`) ? code : undefined;
  } catch {
    return undefined;
  }
}

function compile(source, file, digest, compiled) {
  const { code } = require("esbuild").transformSync(source, {
    loader: "ts",
    format: "cjs",
    platform: "node",
    target: "node22",
    // import() becomes a require: relative imports have no extension, which only CommonJS can resolve
    supported: { "dynamic-import": false },
    banner: `// ${digest}`,
    sourcefile: file,
    sourcemap: "inline",
  });
  try {
    mkdirSync(dirname(compiled), { recursive: true });
    // renamed into place, since another run may read it at this moment
    writeFileSync(`${compiled}.${process.pid}`, code);
    renameSync(`${compiled}.${process.pid}`, compiled);
  } catch {
    // a read-only checkout works, only slower
  }
  return code;
}

// stack traces point at our own lines; the source maps of dependencies are not worth the time they take to read
setSourceMapsSupport?.(true, { nodeModules: false });
