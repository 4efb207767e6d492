/**
 * `npm run build`: what the published package has, in dist/. That is this folder again, with JavaScript in the place of TypeScript, and
 * without what only a clone needs; so each path within kragle leads there as it does here.
 */
const { cpSync, mkdirSync, rmSync, writeFileSync } = require("node:fs");
const { dirname, join, posix, relative } = require("node:path");

const ts = require("typescript");

const root = dirname(module.path);
const dist = join(root, "dist");

/** What somebody starts or imports; all else follows from it. */
const ENTRIES = [
  "index.ts",
  "cli/main.ts",
  "executors/removeAbandoned.ts",
  "plugin/host.ts",
  "setup/main.ts",
];

/** What is read at run time besides: files, or folders with the files in them that count. */
const FILES = [
  "kragle",
  "PulumiPlugin.yaml",
  "builder",
  "host/hashWorker.cjs",
  "host/watchdogWorker.cjs",
  "plugin/main.cjs",
  "plugin/schema.json",
  "release/report/script.js",
  "release/report/style.css",
  // their digest tells whether images have to be checked again
  "rules",
  "setup/node.sh",
  "setup/setup.sh",
];

/** A package that is not published: it travels along. */
const LIBVIRT = { name: "@pulumi/libvirt", at: "sdks/libvirt/index" };

function build() {
  rmSync(dist, { recursive: true, force: true });
  const program = load();
  const emitted = emit(program);
  const declarations = reachable(emitted, "index.d.ts");
  refuseFaults(program, declarations);
  for (const [path, text] of emitted) {
    if (/\.d\.ts$/.test(path) && !declarations.has(path)) continue;
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    writeFileSync(join(dist, path), text);
  }
  for (const path of FILES) {
    const filter = (from) => !/(^|\/)__pycache__(\/|$)/.test(from);
    cpSync(join(root, path), join(dist, path), { recursive: true, dereference: true, filter });
  }
  writeFileSync(join(dist, "package.json"), JSON.stringify(manifest(), null, 2) + "\n");
}

/** What the package's own files say of it to those who come from within: which kragle this is, and what Pulumi loads as a plugin. */
function manifest() {
  const { name, version, description, license, main } = require(join(root, "package.json"));
  return { name, version, description, license, private: true, main };
}

/** The compiler's program. What its types say is for `npm run check`. */
function load() {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const chosen = { ...config, files: ENTRIES, include: [] };
  const { options, fileNames } = ts.parseJsonConfigFileContent(chosen, ts.sys, root);
  return ts.createProgram(fileNames, {
    ...options,
    ...{ module: ts.ModuleKind.CommonJS, noEmit: false, rootDir: root, outDir: dist },
    ...{ declaration: true, sourceMap: true },
    // otherwise the compiler would take it for another's package, and leave it out
    paths: { [LIBVIRT.name]: [join(root, `${LIBVIRT.at}.ts`)] },
  });
}

/** JavaScript, source maps and declarations, by their paths in dist/. */
function emit(program) {
  const emitted = new Map();
  program.emit(undefined, (file, text) => {
    const path = relative(dist, file).replaceAll("\\", "/");
    if (!path.endsWith(".json")) emitted.set(path, withLibvirt(path, text));
  });
  return emitted;
}

function withLibvirt(path, text) {
  const there = posix.relative(posix.dirname(path), LIBVIRT.at);
  return text.replaceAll(`"${LIBVIRT.name}"`, `"${there}"`);
}

/** The declarations that one of them leads to. */
function reachable(emitted, first) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path) || !emitted.has(path)) return;
    found.add(path);
    for (const { fileName } of ts.preProcessFile(emitted.get(path)).importedFiles) {
      visit(posix.join(posix.dirname(path), `${fileName}.d.ts`));
    }
  };
  visit(first);
  return found;
}

/** A declaration that the compiler cannot write would be missed by whoever uses the package. */
function refuseFaults(program, declarations) {
  const faults = [...declarations].flatMap((path) => {
    const source = program.getSourceFile(join(root, path.replace(/\.d\.ts$/, ".ts")));
    return program.getDeclarationDiagnostics(source);
  });
  if (faults.length === 0) return;
  process.stderr.write(ts.formatDiagnostics(faults, ts.createCompilerHost({})));
  process.exit(1);
}

build();
