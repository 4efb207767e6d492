import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findPulumi } from "../../engine/choose";
import { BUILD_GID, BUILD_UID } from "../../executors/handOver";
import { buildKeySecrets } from "../../stages/image/buildKey";
import { hostAptConfiguration } from "../../host/packageMirror";
import { consoleSigns } from "../../run/signs";
import { type Manifest, readManifest } from "../../store/manifest";
import type { Figure } from "../bench";
import { Clone } from "../clone";
import { programs } from "../docker/programs";
import { treesToolsImage } from "../docker/toolsImage";
import type { Task } from "../../executors/executor";
import { executor } from "../site";

interface UpDocument {
  readonly seconds: number;
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imageBytes: number;
    readonly smoke: { readonly seconds: { login: number } };
  };
}

/** Runs of a command that takes a second or two; the median counts. */
const RUNS = 5;

/**
 * Builds the dev image by kragle, and the same by the tools alone, in this order on the same machine; then measures what a
 * run without changes, with a changed script and with another format costs.
 */
export async function benchBuild(say: (line: string) => void): Promise<Figure[]> {
  const clone = new Clone();
  try {
    const up = async (...args: string[]) => {
      const started = Date.now();
      const { code, stdout, stderr } = await clone.kragle(["up", "-s", "dev", "--json", ...args]);
      if (code !== 0) throw new Error(stderr);
      const document = JSON.parse(stdout) as UpDocument;
      return { ...document, seconds: (Date.now() - started) / 1000 };
    };
    const embedded = ["--engine", "embedded"];
    // the first run builds the builder image too, which is excluded everywhere: its stages are timed by their own clocks
    say("cold build by kragle");
    const cold = await up(...embedded);
    const manifests = readManifests(clone);
    const seconds = (stage: string) => manifests.find((m) => m.stage === stage)!.seconds;
    const kragle = seconds("base") + seconds("image") + seconds("convert");
    const stages = kragle + seconds("check") + seconds("smoke") + seconds("release");
    say(`base ${seconds("base")} s, image ${seconds("image")} s, convert ${seconds("convert")} s`);

    say("the same by the tools alone");
    const alone = await toolsAlone(clone, say);
    say(`tools alone ${alone.toFixed(1)} s`);

    say("nothing changed");
    const unchanged = await median(() => up(...embedded));
    const figures: Figure[] = [
      {
        name: "base + image + convert, against the tools alone",
        value: kragle / alone,
        atMost: 1.02,
        unit: "times",
      },
      { name: "nothing changed, embedded engine", value: unchanged, atMost: 0.7, unit: "s" },
    ];
    if (await findPulumi()) {
      await up("--engine", "pulumi");
      const real = await median(() => up("--engine", "pulumi"));
      figures.push({ name: "nothing changed, Pulumi CLI", value: real, atMost: 2.5, unit: "s" });
    } else say("skipped: there is no Pulumi CLI on PATH");

    say("a changed tool of check");
    appendFileSync(clone.path("builder/stages/check/inspect_image.py"), "# changed\n");
    const tool = await up(...embedded);
    const ran = Object.entries(tool.steps)
      // the image for use by hand has the programs in it; its last layer takes a second
      .filter(([step, from]) => from === "run" && step !== "hand-image")
      .map(([step]) => step);
    if (ran.sort().join() !== "check,release") throw new Error(`it ran ${ran.join(", ")}`);
    figures.push({
      name: "changed tool of check, against a cold build",
      value: tool.seconds / stages,
      atMost: 0.15,
      unit: "times",
    });

    say("a changed provisioning script");
    writeFileSync(clone.path("script.sh"), "#!/bin/sh\necho changed > /etc/motd\n", {
      mode: 0o755,
    });
    clone.addStack("dev", { formats: ["raw"], provision: ["script.sh"] });
    const script = await up(...embedded);
    if (script.steps.base !== "store") throw new Error("a changed script ran base again");
    say("another format");
    clone.addStack("dev", { formats: ["raw", "vhdx"], provision: ["script.sh"] });
    const format = await up(...embedded);
    if (format.steps.image !== "store") throw new Error("another format ran Packer");
    return [
      ...figures,
      {
        name: "changed script, against a cold build",
        value: script.seconds / stages,
        atMost: 0.6,
        unit: "times",
      },
      {
        name: "another format, against a cold build",
        value: format.seconds / stages,
        atMost: 0.2,
        unit: "times",
      },
      { name: "a cold build, all stages", value: stages, atMost: 270, unit: "s" },
      { name: "the qcow2", value: cold.outputs.imageBytes / 2 ** 20, atMost: 450, unit: "MiB" },
      {
        name: "login prompt in the smoke boot",
        value: cold.outputs.smoke.seconds.login,
        atMost: 60,
        unit: "s",
      },
    ];
  } finally {
    clone.remove();
  }
}

async function median(run: () => Promise<{ seconds: number }>): Promise<number> {
  await run();
  const values: number[] = [];
  for (let i = 0; i < RUNS; i++) values.push((await run()).seconds);
  return values.sort((a, b) => a - b)[Math.floor(RUNS / 2)]!;
}

function readManifests(clone: Clone): Manifest[] {
  const folder = clone.path(".kragle/store");
  return readdirSync(folder).map((name) => readManifest(join(folder, name)));
}

/** mmdebstrap, mke2fs, packer build and qemu-img with the same scripts and settings, without plan, store, digests and fsync. */
async function toolsAlone(clone: Clone, say: (line: string) => void): Promise<number> {
  const image = treesToolsImage();
  const work = mkdtempSync(join(tmpdir(), "kragle-bench-"));
  const folder = (name: string) => {
    mkdirSync(join(work, name), { mode: 0o777 });
    execFileSync("chown", [`${BUILD_UID}:${BUILD_GID}`, join(work, name)]);
    return join(work, name);
  };
  const [base, built, logs, template] = [
    folder("base"),
    folder("image"),
    folder("logs"),
    folder("template"),
  ];
  cpSync(clone.path("builder/templates/debian12"), template, { recursive: true });
  const provision = join(template, "provision");
  cpSync(clone.path("builder/provision"), provision, { recursive: true });
  const common = {
    storeId: "bench",
    key: String(process.pid),
    image,
    programs: programs(),
    log: join(work, "log"),
    onLine: () => undefined,
    deadlineSeconds: 1800,
  };
  const started = Date.now();
  try {
    const steps: Task[] = [
      {
        ...common,
        run: ["/template/base.py"],
        user: "root",
        network: "outside",
        inputs: [{ at: "/template", path: template }],
        outputs: [{ at: "/result", path: base }],
        settings: {
          diskBytes: 4 * 2 ** 30,
          kernel: "cloud",
          suite: "bookworm",
          snapshot: null,
          apt: hostAptConfiguration("bookworm"),
          seed: "0".repeat(64),
          sourceDateEpoch: 1_700_000_000,
          packageBytes: 0,
          owner: [BUILD_UID, BUILD_GID],
        },
      },
      {
        ...common,
        run: ["/usr/local/lib/kragle/build_image.py"],
        user: "builder",
        network: "outside",
        inputs: [
          { at: "/template", path: template },
          { at: "/base", path: base },
        ],
        outputs: [
          { at: "/result", path: built },
          { at: "/logs", path: logs },
        ],
        secrets: buildKeySecrets(),
        settings: {
          diskBytes: 4 * 2 ** 30,
          memoryMiB: 1024,
          cpus: 2,
          accelerator: "tcg",
          timeouts: { ssh: 1800, script: 3600, shutdown: 600 },
          signs: consoleSigns(),
          freezeSeconds: null,
          packageBytes: 0,
          environment: {},
          scripts: readdirSync(provision)
            .filter((name) => /^\d\d-/.test(name))
            .sort(),
        },
      },
      {
        ...common,
        run: ["qemu-img", "convert", "-O", "raw", "/result/image.qcow2", "/result/kragle.raw"],
        user: "builder",
        network: "none",
        outputs: [{ at: "/result", path: built }],
        settings: {},
      },
    ];
    for (const step of steps) {
      const { exitCode, tail } = await executor.run(step);
      if (exitCode !== 0) throw new Error(tail.join("\n"));
      say(`  ${step.run[0]} done after ${((Date.now() - started) / 1000).toFixed(1)} s`);
    }
    return (Date.now() - started) / 1000;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
