import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import type { base } from "../../plan/stages/base";
import { provideSource } from "../../stages/base/provideSource";
import { EXIT, StageFailure } from "../../host/failure";
import { cachedSource, findSource, isNoFile } from "../../store/sourceFile";
import type { Task } from "../../executors/executor";
import type { StageContext } from "../../run/stage";
import { TemporaryStore } from "../temporaryStore";
import { sha256 } from "../sha256";

const CONTENT = "an installation medium, in a very small format";
const SHA256 = sha256(CONTENT);
const SHA512 = createHash("sha512").update(CONTENT).digest("hex");
const OTHER = sha256("x");
const WANTED = { kind: "iso", digest: { algorithm: "sha256", hex: SHA256 } } as const;

describe("the installation ISO", () => {
  let at: TemporaryStore;
  let folder: string;
  let path: string;
  let phases: string[];
  let fetched: Record<string, string>[];
  let allowed: readonly string[];
  let settings: unknown;

  beforeEach(() => {
    at = new TemporaryStore();
    folder = mkdtempSync(join(tmpdir(), "kragle ïso "));
    path = join(folder, "os", "x.iso");
    mkdirSync(dirname(path));
    writeFileSync(path, CONTENT);
    phases = [];
    fetched = [];
  });
  afterEach(() => {
    at.remove();
    rmSync(folder, { recursive: true });
  });

  /** What the stage base hands over, with a container that fetches `served`, or fails. */
  function context(
    secrets: Record<string, string> = {},
    served?: string,
    to = cachedSource(at.home, WANTED),
  ) {
    return {
      request: { toolsImage: "none", silenceSeconds: 1, allow: [] },
      store: at.store,
      secrets,
      signal: new AbortController().signal,
      phase: (name: string) => phases.push(name),
      detail: () => undefined,
      container: (options: Required<Pick<Task, "secrets" | "allow" | "settings">>) => {
        fetched.push(options.secrets);
        allowed = options.allow;
        settings = options.settings;
        if (served === undefined) return Promise.resolve({ exitCode: 1, tail: ["error: nowhere"] });
        mkdirSync(dirname(to), { recursive: true });
        writeFileSync(to, served);
        return Promise.resolve({ exitCode: 0, tail: [] });
      },
    } as unknown as StageContext<typeof base>;
  }
  const provide = (hex = SHA256, ...more: Parameters<typeof context>) =>
    provideSource(context(...more), { kind: "iso", path, digest: { algorithm: "sha256", hex } });

  const refused = (promise: Promise<unknown>, message: RegExp) =>
    assert.rejects(promise, (error: unknown) => {
      assert.ok(error instanceof StageFailure, String((error as Error).stack));
      assert.match(error.message, message);
      assert.equal(error.details.exitCode, EXIT.lacking);
      assert.ok(error.details.hint);
      return true;
    });

  it("is read once, and again only when the file is another one", async () => {
    assert.equal(await provide(), path);
    assert.deepEqual(phases, ["verify the installation ISO"]);
    assert.equal(await provide(), path);
    assert.deepEqual(phases, ["verify the installation ISO"]);
    utimesSync(path, 1, 1);
    assert.equal(await provide(), path);
    assert.deepEqual(phases, ["verify the installation ISO", "verify the installation ISO"]);
  });

  it("is refused when it is another file, cut short or changed later, with both digests", async () => {
    await refused(
      provide(OTHER),
      new RegExp(`has the SHA-256 ${SHA256}, but .* asks for ${OTHER}`),
    );
    await provide();
    truncateSync(path, 10);
    await refused(provide(), /\(10 bytes\) has the SHA-256 .*not whole/);
    writeFileSync(`${path}.new`, CONTENT.replace("small", "SMALL"));
    renameSync(`${path}.new`, path);
    await refused(provide(), /is another file/);
  });

  it("is verified by the digest that its publisher gives, SHA-512 too", async () => {
    const by512 = (hex: string) =>
      provideSource(context(), { kind: "disk", path, digest: { algorithm: "sha512", hex } });
    assert.equal(await by512(SHA512), path);
    assert.equal(await by512(SHA512), path);
    assert.deepEqual(phases, ["verify the disk"], "read once");
    const other = "f".repeat(128);
    await refused(
      by512(other),
      new RegExp(`has the SHA-512 ${SHA512}, but the setting from asks for ${other}`),
    );
    rmSync(path);
    await refused(by512(SHA512), /the disk x\.iso is missing/);
    await assert.rejects(by512(SHA512), (error: StageFailure) => {
      assert.match(error.details.hint!, new RegExp(`its SHA-512 is given in from, now ${SHA512}`));
      return true;
    });
  });

  it("is verified by it where it is large, too, holes included", async () => {
    truncateSync(path, 65 * 2 ** 20);
    const whole = Buffer.concat([Buffer.from(CONTENT), Buffer.alloc(65 * 2 ** 20)]);
    const hash = createHash("sha512").update(whole.subarray(0, 65 * 2 ** 20));
    const digest = { algorithm: "sha512", hex: hash.digest("hex") } as const;
    assert.equal(await provideSource(context(), { kind: "disk", path, digest }), path);
  });

  it("is fetched by that digest, into a file named by it", async () => {
    const digest = { algorithm: "sha512", hex: SHA512 } as const;
    const wanted = { kind: "disk", path: null, digest } as const;
    const cached = cachedSource(at.home, wanted);
    const at512 = context({ sourceUrls: '["https://host/x"]' }, CONTENT, cached);
    assert.equal(await provideSource(at512, wanted), cached);
    assert.equal(basename(cached), `${SHA512}.disk`);
    assert.deepEqual(settings, { algorithm: "sha512", digest: SHA512, kind: "disk", name: "disk" });
    // another content under that name is not believed
    writeFileSync(cached, "damaged");
    await refused(provideSource(context(), wanted), /has the SHA-512/);
  });

  it("is refused when it is no file", async () => {
    rmSync(path);
    mkdirSync(path);
    await refused(provide(), /x\.iso is not a file/);
    assert.equal(findSource(at.home, { ...WANTED, path }), undefined);
    assert.ok(isNoFile({ path }) && !isNoFile({ path: null }));
  });

  it("is missing with its place and its checksum", async () => {
    rmSync(path);
    assert.equal(findSource(at.home, { ...WANTED, path }), undefined);
    await refused(provide(), /the installation ISO x\.iso is missing: .*x\.iso does not exist/);
    await assert.rejects(provide(), (error: StageFailure) => {
      assert.match(error.details.hint!, new RegExp(`isoPath.*isoUrls.*isoSha256, now ${SHA256}`));
      return true;
    });
  });

  it("is fetched where it is not there, into a file named by its content, once", async () => {
    rmSync(path);
    const secrets = { sourceUrls: '["https://host/x.iso?token=1"]' };
    const cached = cachedSource(at.home, WANTED);
    assert.equal(await provide(SHA256, secrets, CONTENT), cached);
    assert.deepEqual(fetched, [{ urls: secrets.sourceUrls }]);
    assert.equal(await provide(SHA256, secrets, CONTENT), cached);
    assert.equal(fetched.length, 1);
    assert.deepEqual(phases, [], "what was just verified is not read again");
    writeFileSync(cached, "damaged");
    assert.equal(await provide(SHA256, secrets, CONTENT), cached);
    assert.equal(fetched.length, 2, "what was fetched can be fetched again");
    writeFileSync(cached, "damaged");
    await refused(provide(SHA256), /has the SHA-256/);
  });

  it("is fetched by a container that reaches the hosts of its addresses, at their ports", async () => {
    rmSync(path);
    const urls = ["https://u:p@host/x.iso", "http://[fd00::2]:8080/x", "http://192.0.2.7/x"];
    await provide(SHA256, { sourceUrls: JSON.stringify(urls) }, CONTENT);
    assert.deepEqual(allowed, ["host:443", "[fd00::2]:8080", "192.0.2.7:80"]);
  });

  it("that cannot be fetched is lacking, with the fetcher's words", async () => {
    rmSync(path);
    await refused(provide(SHA256, { sourceUrls: "[]" }), /could not be fetched\nerror: nowhere/);
  });
});
