import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

import { parseAllDocuments } from "yaml";

import { readText } from "../host/files";
import { inProject, projectFolder } from "../host/project";
import { readTree } from "../host/tree";

/** How what travels with a playbook is read: a container sees no links. */
export const PLAYBOOK_TREE = { leftOut: [".git", "__pycache__"], follow: true };

/**
 * Why a playbook cannot run, as far as its files tell.
 *
 * @param path of the playbook
 * @param folder what travels with it
 */
export function playbookProblems(path: string, folder: string): string[] {
  const [file, top] = [inProject(path), inProject(folder)];
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return [`"${path}" is not a file`];
  if (!liesIn(top, file)) return [`"${path}" does not lie in "${folder}"`];
  if (liesIn(top, projectFolder)) {
    const where = top === projectFolder ? "the" : `"${folder}", which holds the`;
    return [
      `"${path}" lies in ${where} project's own folder; put it into one of its own, since all of that travels with it`,
    ];
  }
  try {
    const tree = readTree(top, PLAYBOOK_TREE).problems.map((problem) => `"${folder}": ${problem}`);
    const roles = missingRoles(readPlays(file), top, file);
    return [...tree, ...roles.map((role) => lacks(path, folder, role))];
  } catch (error) {
    return [`"${path}": ${(error as Error).message}`];
  }
}

const liesIn = (folder: string, path: string) => !/^\.\.(\/|$)/.test(relative(folder, path));

const lacks = (path: string, folder: string, role: string) =>
  `"${path}" needs the role "${role}", which is neither in roles/ beside it nor where ansible.cfg says, as far as that lies in "${folder}": nothing else travels with it`;

type Play = Readonly<Record<string, unknown>>;

function readPlays(file: string): Play[] {
  const [document] = parseAllDocuments(readText(file), { logLevel: "silent" });
  const [error] = document && "errors" in document ? document.errors : [];
  if (error) throw error;
  const plays: unknown = document && "toJS" in document ? document.toJS() : undefined;
  if (!Array.isArray(plays)) throw new Error("is no playbook, which is a list of plays");
  return plays.filter((play): play is Play => typeof play === "object" && play !== null);
}

/** Roles that are named as such, and lie nowhere. What a variable names is known in the run only. */
function missingRoles(plays: readonly Play[], top: string, file: string): string[] {
  const beside = dirname(file);
  const places = [join(beside, "roles"), join(top, "roles"), beside, ...configured(top)];
  const names = plays
    .flatMap(({ roles }) => (Array.isArray(roles) ? (roles as unknown[]) : []))
    .map(nameOf);
  return names.filter((name): name is string => {
    if (name === undefined || name.includes("{{")) return false;
    const collection = /^(\w+)\.(\w+)\.(\w+)$/.exec(name);
    // those of collections come with Ansible, or lie where only it knows
    const found = places.map((place) => join(place, name)).filter((role) => liesIn(top, role));
    return !collection && !found.some((role) => existsSync(role));
  });
}

function nameOf(role: unknown): string | undefined {
  if (typeof role === "string") return role;
  const { role: name, name: other } = (role ?? {}) as { role?: unknown; name?: unknown };
  return [name, other].find((one) => typeof one === "string");
}

/** The folders of `roles_path`, which are relative to ansible.cfg. */
function configured(top: string): string[] {
  const config = join(top, "ansible.cfg");
  if (!existsSync(config)) return [];
  const [, value = ""] = /^\s*roles_path\s*=\s*(.*)$/m.exec(readText(config)) ?? [];
  return value
    .split(":")
    .map((folder) => folder.trim())
    .filter(Boolean)
    .map((folder) => resolve(top, folder));
}
