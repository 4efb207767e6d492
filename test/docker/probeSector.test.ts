import assert from "node:assert/strict";

import { docker } from "../../executors/container";
import { PROBE_SECTOR, PROBE_SUCCESS } from "../../executors/probeSector";
import { toolsImage } from "./toolsImage";

describe("the test guest of the KVM probe", () => {
  it("runs to its end", async function () {
    this.timeout(60_000);
    const Image = await toolsImage(this);
    const script = `echo "$0" | base64 -d > /tmp/probe.img
      exec timeout 40 qemu-system-x86_64 -accel tcg -cpu max -m 16 -nodefaults -display none -no-reboot \\
        -device isa-debug-exit,iobase=0xf4,iosize=4 -drive file=/tmp/probe.img,format=raw`;
    const container = await docker.createContainer({
      Image,
      Entrypoint: ["sh", "-c", script, PROBE_SECTOR.toString("base64")],
      Cmd: [],
      HostConfig: { NetworkMode: "none" },
    });
    try {
      await container.start();
      const { StatusCode } = (await container.wait()) as { StatusCode: number };
      assert.equal(StatusCode, PROBE_SUCCESS);
    } finally {
      await container.remove({ force: true });
    }
  });
});
