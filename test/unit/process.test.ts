import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";

import fc from "fast-check";

import { EXIT, StageFailure } from "../../host/failure";
import { endOf, outputOf, ProgramFailed, ProgramMissing, runProgram } from "../../host/process";

const sh = (script: string, ...args: string[]) => ["sh", "-c", script, "sh", ...args] as const;

describe("running a program", () => {
  it("hands arguments over as they are, and returns what was printed, whatever the bytes", async () => {
    const word = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 4 }), async (words) => {
        const { stdout } = await runProgram(sh('for w; do printf "%s\\0" "$w"; done', ...words));
        assert.equal(stdout, words.map((text) => `${text.toWellFormed()}\0`).join(""));
      }),
      { numRuns: 25 },
    );
  });

  it("tells exit code, signal and both streams", async () => {
    const failed = await runProgram(sh("echo out; echo err >&2; exit 3"));
    assert.deepEqual(failed, { exitCode: 3, signal: undefined, stdout: "out\n", stderr: "err\n" });
    assert.equal(endOf(failed), "exit code 3");
    const killed = await runProgram(sh("kill -KILL $$"));
    assert.deepEqual([killed.exitCode, killed.signal], [undefined, "SIGKILL"]);
    assert.equal(endOf(killed), "SIGKILL");
  });

  it("feeds text, bytes or a stream; without any, stdin is at its end", async () => {
    const echo = async (input?: string | Uint8Array | PassThrough) =>
      (await runProgram(["cat"], { input })).stdout;
    assert.equal(await echo("ü\n"), "ü\n");
    assert.equal(await echo(Buffer.from("bytes")), "bytes");
    const stream = new PassThrough();
    const echoed = echo(stream);
    stream.write("piece ");
    stream.end("by piece");
    assert.equal(await echoed, "piece by piece");
    assert.equal(await echo(), "");
    // nobody reads it
    assert.equal((await runProgram(["true"], { input: "x".repeat(2 ** 20) })).exitCode, 0);
  });

  it("has messages untranslated unless they are the user's", async () => {
    const locale = (options = {}) => outputOf(sh('echo "$LC_ALL $EXTRA"'), options);
    const before = process.env.LC_ALL;
    process.env.LC_ALL = "de_DE.UTF-8";
    try {
      assert.equal(await locale({ env: { EXTRA: "more" } }), "C more\n");
      assert.equal(await locale({ locale: "user" }), "de_DE.UTF-8 \n");
    } finally {
      if (before === undefined) delete process.env.LC_ALL;
      else process.env.LC_ALL = before;
    }
  });

  it("passes lines of both streams on while it runs, characters whole", async () => {
    const lines: string[] = [];
    const go = new PassThrough();
    const ended = await runProgram(
      // the second half of the character comes when the first line has been passed on
      sh("echo first; printf 'a\\303'; read -r _; printf '\\274\\nlast'; echo error >&2"),
      {
        input: go,
        onLine: (line, stream) => {
          lines.push(`${stream}: ${line}`);
          if (line === "first") go.end("go on\n");
        },
      },
    );
    assert.deepEqual(lines.sort(), [
      "stderr: error",
      "stdout: aü",
      "stdout: first",
      "stdout: last",
    ]);
    assert.deepEqual([ended.stdout, ended.stderr], ["first\naü\nlast", "error\n"]);
  });

  it("hands stdout over piece by piece instead of keeping it, in any amount", async () => {
    let bytes = 0;
    const ended = await runProgram(["head", "-c", "80000000", "/dev/zero"], {
      onOutput: (chunk) => (bytes += chunk.length),
    });
    assert.deepEqual([ended.exitCode, ended.stdout, bytes], [0, "", 80_000_000]);
  });

  it("ends a program that prints without end, rather than to keep half of it", async () => {
    await assert.rejects(runProgram(["cat", "/dev/zero"]), /^Error: cat printed more than 64 MiB$/);
  }).timeout(20_000);

  it("keeps the end of what is said on stderr", async () => {
    const { stderr } = await runProgram(sh("head -c 200000 /dev/zero >&2; echo why >&2"));
    assert.deepEqual([stderr.length, stderr.slice(-4)], [65536, "why\n"]);
  });

  it("can print into an open file, which takes both streams", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kragle-process-"));
    try {
      const file = openSync(join(folder, "log"), "a");
      const ended = await runProgram(sh("echo out; echo err >&2"), { outputTo: file });
      closeSync(file);
      assert.deepEqual([ended.stdout, ended.stderr], ["", ""]);
      assert.equal(readFileSync(join(folder, "log"), "utf8"), "out\nerr\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("gives it a session of its own where it must not ask on the terminal", async () => {
    const session = async (ownSession: boolean) =>
      (await outputOf(sh("cut -d' ' -f6 /proc/$$/stat; echo $$"), { ownSession })).split("\n");
    const [own, pid] = await session(true);
    assert.equal(own, pid);
    const [shared, other] = await session(false);
    assert.notEqual(shared, other);
  });

  it("ends it on a signal, and does not begin after one", async () => {
    const stop = new AbortController();
    const options = { signal: stop.signal, onLine: () => stop.abort() };
    const ended = await runProgram(sh("echo ready; exec sleep 60"), options);
    assert.equal(ended.signal, "SIGTERM");
    await assert.rejects(runProgram(["true"], options), /^Error: it was interrupted$/);
  });

  it("says what is not installed, with the package where it is known", async () => {
    const missing = async (program: string, cwd?: string) =>
      runProgram([program], { cwd }).then(
        () => assert.fail("it was there"),
        (error: Error) => error,
      );
    const path = process.env.PATH;
    process.env.PATH = "/nowhere";
    try {
      const virsh = await missing("virsh");
      assert.ok(virsh instanceof ProgramMissing && virsh instanceof StageFailure);
      assert.equal(virsh.message, "virsh, which talks to libvirt, is not installed");
      assert.match(virsh.details.hint!, /"libvirt-clients"/);
      assert.equal(virsh.details.exitCode, EXIT.lacking);
      assert.equal((await missing("frobnicate")).message, "frobnicate is not installed");
    } finally {
      process.env.PATH = path;
    }
    // not the program is missing there
    const folder = await missing("true", "/nowhere/at/all");
    assert.ok(!(folder instanceof ProgramMissing), folder.message);
  });

  describe("that has to succeed", () => {
    it("returns its output", async () => {
      assert.equal(await outputOf(["echo", "a b"]), "a b\n");
    });

    it("or fails in its own words, or with how it ended where it says nothing", async () => {
      const failure = (script: string, signal?: AbortSignal) =>
        outputOf(sh(script), { signal }).then(
          () => assert.fail("it succeeded"),
          (error: Error) => error,
        );
      const said = await failure("echo 'no room' >&2; exit 1");
      assert.ok(said instanceof ProgramFailed);
      assert.equal(said.message, "no room");
      assert.equal((await failure("exit 9")).message, "sh ended by exit code 9");
      assert.equal((await failure("kill -9 $$")).message, "sh ended by SIGKILL");
      const interrupted = await failure("exec sleep 60", AbortSignal.timeout(300));
      assert.ok(interrupted instanceof StageFailure);
      assert.match(interrupted.message, /interrupted/);
    });
  });
});
