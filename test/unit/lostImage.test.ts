import assert from "node:assert/strict";

import Docker from "dockerode";

import { requireImage } from "../../executors/images";
import { EXIT, type StageFailure } from "../../host/failure";
import { FakeDaemon } from "../fakeDaemon";

describe("a Docker image that is gone while a run needs it", () => {
  it("is told with what makes it anew", async () => {
    const daemon = await new FakeDaemon("docker").open();
    try {
      const docker = new Docker({ socketPath: daemon.socket });
      await assert.rejects(requireImage({ docker }, "kragle-tools:1"), (error: StageFailure) => {
        assert.match(
          error.text,
          /^Docker has no image kragle-tools:1\n {2}next: .* run the same command again/,
        );
        assert.equal(error.details.exitCode, EXIT.lacking);
        return true;
      });
    } finally {
      await daemon.close();
    }
  });
});
