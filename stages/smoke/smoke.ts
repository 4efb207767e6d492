import { rename } from "node:fs/promises";
import { join } from "node:path";

import { deadlineFor } from "../../executors/deadline";
import { StageFailure } from "../../host/failure";
import { stopIfInterrupted } from "../../host/interrupt";
import { planBoots, type PlannedBoot } from "./boots";
import { type BootFailure, climb, type Climbed } from "./climb";
import { containerDriver } from "./containerDriver";
import { type BootFacts, smoke as contract } from "../../plan/stages/smoke";
import type { Driver, SmokeContext } from "./driver";
import { explainBoot } from "./explainBoot";
import { libvirtDriver } from "./libvirtDriver";
import { UserTests } from "./userTests";
import { ImageRefused } from "../../run/refusal";
import type { StageProgram } from "../../run/stage";

/**
 * Boots throw-away overlays of the image and follows them to a clean power-off; proves that the image is still the same file.
 *
 * Its files: `serial.log` and `login.png` of the first boot, with `second-` and `sibling-` before the names those of the others, and
 * `test-1.log`, `test-2.log` and so on, what the user's tests printed.
 */
export const smoke: StageProgram<typeof contract> = {
  contract,
  async run(context) {
    const { inputs, upstream, work, logs } = context;
    const { driver, boots, imageSha256 } = await prove(context).catch((error) => {
      // a guest that is really at fault freezes again
      if (!(error instanceof FrozenUnderEmulation)) throw error;
      context.detail(
        `${error.message.split("\n")[0]}; so does QEMU's emulation now and then: once more`,
      );
      return prove(context);
    });
    if (imageSha256 !== upstream.imageSha256) {
      throw new StageFailure(
        `the image changed while it was booted: its SHA-256 was ${upstream.imageSha256} and is ${imageSha256}`,
        { hint: "see what else writes into its folder, then run the same command again" },
      );
    }
    for (const { serialLog, screenshot, tests = [] } of Object.values(boots)) {
      for (const name of [serialLog, screenshot, ...tests.map(({ log }) => log)]) {
        await rename(join(logs, name), join(work, name));
      }
    }
    const { proof, channel } = inputs;
    return {
      result: {
        passed: true,
        driver: driver.name,
        ...{ proof, channel, accelerator: driver.accelerator, boots, imageSha256 },
      },
    };
  },
};

/** A freeze is QEMU's fault as often as the image's where QEMU emulates several CPUs. */
class FrozenUnderEmulation extends ImageRefused {}

async function prove(context: SmokeContext) {
  const { libvirt } = context.request;
  const driver = libvirt ? libvirtDriver(context, libvirt) : await containerDriver(context);
  const tests = new UserTests(context, driver.accelerator, context);
  try {
    return { driver, ...(await proveBy(driver, tests, context)) };
  } finally {
    await driver.remove();
  }
}

/** Boots one guest after another, then looks at the image; the guests are gone in any case. */
async function proveBy(driver: Driver, tests: UserTests, context: SmokeContext) {
  const boots: Record<string, BootFacts> = {};
  const planned = planBoots(
    { ...context.inputs, diskBytes: context.request.diskBytes },
    () => boots.first!.identity!,
    tests,
  );
  for (const boot of planned) {
    const { seconds, complaints, findings } = await climbOne(driver, boot, planned, tests, context);
    const { machine, screenshot } = boot;
    for (const complaint of complaints) {
      context.detail(`the system runs, but: ${complaint.trim()}`);
    }
    boots[machine.name] = {
      firmware: machine.firmware,
      seconds: { ...seconds },
      complaints: [...complaints],
      ...{ serialLog: machine.serialLog, screenshot },
      ...findings,
    };
  }
  context.phase("prove the image untouched");
  return { boots, imageSha256: await driver.imageSha256() };
}

async function climbOne(
  driver: Driver,
  boot: PlannedBoot,
  all: readonly PlannedBoot[],
  tests: UserTests,
  { request, phase, signal }: SmokeContext,
): Promise<Climbed> {
  const guest = await driver.guest(boot.machine);
  const deadlineSeconds = deadlineFor(driver.accelerator, request.timeoutSeconds);
  const emulated = driver.name === "qemu" && driver.accelerator === "tcg";
  // as long as the whole boot may take with KVM
  const freeze = emulated ? { freezeSeconds: request.timeoutSeconds } : {};
  const prefix = all.length > 1 ? `${boot.title}: ` : "";
  let failure: BootFailure;
  try {
    return await climb(
      guest,
      { rungs: boot.rungs, deadlineSeconds, ...freeze },
      { ...boot, onWait: (title) => phase(`${prefix}wait for the ${title}`) },
    );
  } catch (error) {
    failure = error as BootFailure;
  } finally {
    await guest.destroy();
  }
  stopIfInterrupted(signal);
  const hostFailure = await guest.hostFailure?.();
  if (hostFailure) throw hostFailure;
  const { message, details } = explainBoot(boot, failure, tests.running);
  throw failure.progress.frozen
    ? new FrozenUnderEmulation(message, details)
    : new ImageRefused(message, details);
}
