import { sep } from "node:path";

import { projectFolder } from "../host/project";

/**
 * Loads modules of the project anew, as in a process with this environment: which store and which Docker daemon are used is
 * decided when they are loaded.
 *
 * @param load `require`s what is wanted
 */
export function freshly<T>(environment: Readonly<Record<string, string>>, load: () => T): T {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  const own = Object.entries(require.cache).filter(([file]) => isOwn(file));
  for (const [file] of own) delete require.cache[file];
  Object.assign(process.env, environment);
  try {
    return load();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    for (const file of Object.keys(require.cache)) if (isOwn(file)) delete require.cache[file];
    for (const [file, module] of own) require.cache[file] = module;
  }
}

const isOwn = (file: string) =>
  file.startsWith(projectFolder + sep) && !file.includes(`${sep}node_modules${sep}`);
