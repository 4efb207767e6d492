import { existsSync } from "node:fs";
import { basename } from "node:path";

import { z } from "zod";

import { inProject } from "../host/project";
import { readTree } from "../host/tree";
import type { FileCopy } from "../plan/steps";
import { scriptProblem } from "./scripts";
import { onlyKeys, path, quote, refusing, spelled, text } from "./values";

/** What the kinds of steps are made of. */

export const script = path("scripts/app.sh").superRefine(refusing(scriptProblem));

export const argument = spelled("--with-demo");

export const lines = text("systemctl enable app").refine(
  (value) => value.trim() !== "",
  "is empty",
);

/** A package by its name in Debian's or Red Hat's world, of which a version may be asked for. */
const PACKAGE = /^[A-Za-z0-9][A-Za-z0-9+._:-]*(=[A-Za-z0-9][A-Za-z0-9+.~:^*_-]*)?$/;

export const packageName = text("nginx").refine((name) => PACKAGE.test(name), {
  error: ({ input }) =>
    `${quote(input)} is no name of a package; write it as in nginx, or nginx=1.22.1-9 for a version`,
});

/** YAML reads 0644 as a number, and not every reader as the same. */
const mode = z
  .string({ error: ({ input }) => `${quote(input)} is not text; write it in quotes, as in "0644"` })
  .refine((value) => /^0?[0-7]{3}$|^[0-7]{4}$/.test(value), {
    error: ({ input }) => `${quote(input)} is no mode; write it in octal, as in "0644"`,
  })
  .transform((value) => value.padStart(4, "0"));

const ACCOUNT = String.raw`([A-Za-z_][A-Za-z0-9_.-]*\$?|\d+)`;
const OWNER = new RegExp(`^${ACCOUNT}(:${ACCOUNT})?$`);

const owner = text("app:app").refine((value) => OWNER.test(value), {
  error: ({ input }) => `${quote(input)} is no owner; write it as in app, or app:app with a group`,
});

// oxlint-disable-next-line no-control-regex
const NO_PATH = /^[^/]|^$|[\x00-\x1f\x7f]|(^|\/)\.\.(\/|$)/;

const guestPath = text("/etc/app.conf").refine((value) => !NO_PATH.test(value), {
  error: ({ input }) =>
    `${JSON.stringify(input)} is no absolute path in the guest; write it as in "/etc/app.conf"`,
});

export const fileCopy = z
  .strictObject(
    {
      from: path("files/app.conf").describe(
        "A file or folder, relative to the project; of a folder its content is copied",
      ),
      to: guestPath.describe(
        "Its absolute path in the guest; with a `/` at the end the folder that gets the file",
      ),
      mode: mode
        .optional()
        .describe(
          "Mode of the files in octal, such as `0640`; `0644`, or `0755` for what is executable, where none is given",
        ),
      owner: owner
        .default("root:root")
        .describe("User, or `user:group`, which the guest has by then"),
    },
    onlyKeys("are from, to, mode, owner", '{"from": "files/app.conf", "to": "/etc/app.conf"}'),
  )
  .transform(({ from, to, mode, owner }, context): FileCopy => {
    const found = inProject(from);
    const say = (message: string) =>
      context.addIssue({ code: "custom", path: ["from"], message: `"${from}" ${message}` });
    if (!existsSync(found)) {
      say("is neither a file nor a folder");
      return z.NEVER;
    }
    const { entries, problems } = readTree(found);
    for (const problem of problems) say(`cannot be copied: ${problem}`);
    const intoFolder = to.endsWith("/") && entries[0]?.kind === "file";
    return { from, to: intoFolder ? to + basename(from) : to, mode: mode ?? null, owner };
  });
