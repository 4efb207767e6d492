import { z } from "zod";

import { step } from "../steps";
import { contract, type DescriptionOf, plan, type Planned } from "./contract";
import { fileDigests, key, sha256 } from "./fields";
import { type image, madeOn } from "./image";

/** The file of a point: what was written since the point before it. */
export const POINT = "disk.qcow2";

/** A file on which a point lies. */
const chainFile = z.strictObject({ stage: z.enum(["base", "image", "point"]), key, sha256 });

export type ChainFile = z.infer<typeof chainFile>;

/**
 * The disk as it was after one step, from which a later build goes on. No stage of its own makes it: the image's does, by the way,
 * and in no other key is it: an image that was built from a point has the key of one that was not.
 */
export const point = contract({
  stage: "point",
  version: 1,
  inputs: z.strictObject({
    programs: fileDigests,
    template: fileDigests,
    /** Those that run before the first step. */
    scripts: fileDigests,
    step,
  }),
  /** The point after the step before this one, or what the image is made on. */
  upstream: z.strictObject({ before: key }),
  request: z.strictObject({}),
  result: z.union([
    z.strictObject({
      disk: z.literal(POINT),
      /** Version of the QEMU that wrote it; an older one may not read it. */
      qemu: z.string(),
      /**
       * The files on which it lies, that of the base or of another image first. By their content: what was built again under the same key has another, and this
       * point has only what differs from the one that it was made on.
       */
      below: z.array(chainFile).min(1),
      /** By which to tell whether secrets that the steps until then saw have other values now; absent where they saw none. */
      secrets: z.string().optional(),
    }),
    /** In the place of one from which a guest was started that did not answer, without a file. It says how. */
    z.strictObject({ silent: z.string() }),
  ]),
});

/** kragle's own scripts and the template's that run before the steps, see `scripts` of the image's inputs. */
const BEFORE_STEPS = /^[0-4]\d-/;

/** The points that the build of an image passes: one after each of its steps. */
export function pointsOf(built: DescriptionOf<typeof image>): Planned<typeof point>[] {
  const { programs, template, scripts, steps } = built.inputs;
  const before = Object.fromEntries(
    Object.entries(scripts).filter(([name]) => BEFORE_STEPS.test(name)),
  );
  const points: Planned<typeof point>[] = [];
  for (const one of steps) {
    const below = points.at(-1)?.key ?? madeOn(built.upstream).key;
    const inputs = { programs, template, scripts: before, step: one };
    points.push(plan(point, inputs, { before: below }));
  }
  return points;
}
