/**
 * What each room (a folder of the architecture) may import: other rooms, or single files of theirs. The same table, in words,
 * stands in docs/architecture.md; a test compares the two. Types count as imports.
 */
export const KNOWS = {
  plan: [],
  host: ["plan/units.ts"],
  store: ["host", "plan"],
  executors: ["host", "plan"],
  run: ["executors", "store", "host", "plan"],
  rules: ["host", "plan"],
  release: ["store", "host", "plan"],
  destinations: ["release", "store", "host"],
  stages: ["run", "destinations", "release", "rules", "executors", "store", "host", "plan"],
  disk: ["executors", "host", "plan"],
  sdks: [],
  components: ["plan", "sdks"],
  settings: ["release/layout.ts", "rules", "host", "plan"],
  preview: ["settings", "release", "rules", "executors", "store", "host", "plan"],
  infra: ["components", "preview", "settings", "executors", "store", "host", "plan"],
  generate: ["settings", "host", "plan"],
  plugin: ["infra"],
  engine: ["infra", "preview", "run", "executors", "store", "host", "plan"],
  setup: ["executors", "host", "plan"],
  cli: "everything",
};

const rooms = Object.keys(KNOWS);
const allowed = (room) => (KNOWS[room] === "everything" ? rooms : [room, ...KNOWS[room]]);
const pattern = (name) => `^${name.replaceAll(".", "\\.")}${name.includes(".") ? "$" : "/"}`;
const anyRoom = `^(${rooms.join("|")})/`;
const ownCode = `^(${[...rooms, "builder", "examples", "test"].join("|")})/`;

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...rooms.map((room) => ({
      name: `${room} may import only: ${allowed(room).join(", ")}`,
      severity: "error",
      from: { path: pattern(room) },
      to: { path: ownCode, pathNot: allowed(room).map(pattern) },
    })),
    {
      name: "a stage imports no other stage",
      severity: "error",
      from: { path: "^stages/([^/]+)/" },
      to: { path: "^stages/", pathNot: "^stages/$1/" },
    },
    {
      name: "no circle of imports, not even of types",
      severity: "error",
      from: { path: anyRoom },
      to: { circular: true },
    },
    {
      name: "only components, infra, generate, engine, plugin and sdks import Pulumi",
      severity: "error",
      from: { path: anyRoom, pathNot: "^(components|infra|generate|engine|plugin|sdks)/" },
      to: { path: "node_modules/@pulumi/" },
    },
    {
      name: "only executors import Docker's interface",
      severity: "error",
      from: { path: anyRoom, pathNot: "^executors/" },
      to: { path: "node_modules/(@types/)?dockerode/" },
    },
    {
      name: "every import is found",
      severity: "error",
      from: { path: anyRoom },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(build|dist|\\.kragle)/" },
  },
};
