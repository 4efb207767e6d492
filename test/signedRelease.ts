import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { verifyRelease } from "../release/verify/release";
import { findSigner } from "../release/signing";
import { ReleasePlace } from "./releasePlace";
import { sha256 } from "./sha256";

/** JSON that a test tampers with. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = Record<string, any>;

interface Verified {
  /** What did not pass, as "name: detail" of a check, or "state name" of a file. */
  readonly failures: readonly string[];
  /** Why files were not even compared. */
  readonly details: readonly string[];
  readonly signature: { readonly state: string; readonly detail: string };
}

/** A signed release for the tests of one suite, which makes it by `new`; the suite is skipped where there is no ssh-keygen. */
export class SignedRelease {
  place!: ReleasePlace;
  /** Where keys, and the releases that are copied, lie. */
  keys!: string;
  unsigned!: string;
  /** A copy of the signed release, a new one for each test: alone, as on another machine. */
  folder!: string;
  private signed!: string;

  constructor() {
    const open = () => this.open();
    before(async function () {
      try {
        execFileSync("ssh-keygen", ["-Y", "none"], { stdio: "ignore" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") this.skip();
      }
      await open();
    });
    after(async () => {
      await this.place?.close();
      if (this.keys) rmSync(this.keys, { recursive: true });
    });
    beforeEach(() => {
      this.folder = mkdtempSync(join(tmpdir(), "kragle rëleased "));
      this.copy(this.signed);
    });
    afterEach(() => rmSync(this.folder, { recursive: true }));
  }

  private async open(): Promise<void> {
    this.keys = mkdtempSync(join(tmpdir(), "kragle keys "));
    this.place = new ReleasePlace();
    await this.place.open();
    await this.place.release("an image");
    cpSync(this.place.output, (this.unsigned = join(this.keys, "unsigned")), { recursive: true });
    this.makeKey("theirs");
    await this.releaseSigned(this.makeKey("ours"));
    cpSync(this.place.output, (this.signed = join(this.keys, "signed")), { recursive: true });
  }

  /** Releases the image once more, signed by this key. */
  async releaseSigned(signKey: string): Promise<void> {
    const { fingerprint: signer } = await findSigner(signKey);
    await this.place.release("an image", ["raw"], true, { signKey, signer });
  }

  /** Makes the folder a copy of another release. */
  copy(from: string): void {
    rmSync(this.folder, { recursive: true });
    cpSync(from, this.folder, { recursive: true });
  }

  readonly at = (name: string) => join(this.folder, name);

  readonly makeKey = (name: string, passphrase = "") => {
    const file = join(this.keys, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", file]);
    const allowed = `${name}@example.org ${readFileSync(`${file}.pub`, "utf8")}`;
    writeFileSync(`${file}.allowed`, allowed);
    return file;
  };

  readonly verify = async (allowedSigners?: string): Promise<Verified> => {
    const { good, checks, files } = await verifyRelease(this.folder, allowedSigners);
    const failures = [
      ...checks
        .filter(({ state }) => state === "failed")
        .map(({ name, detail }) => `${name}: ${detail}`),
      ...files
        .filter(({ state }) => !["ok", "left out"].includes(state))
        .map(({ name, state }) => `${state} ${name}`),
    ];
    assert.equal(good, failures.length === 0);
    const details = files.flatMap(({ detail }) => detail ?? []);
    return { failures, details, signature: checks[0]! };
  };

  /** What somebody would do who changes a file and hopes that nobody compares: the sums made anew, the signature not. */
  readonly sumsAnew = () => {
    const names = readFileSync(this.at("SHA256SUMS"), "utf8").trim().split("\n");
    const lines = names.map((line) => line.slice(66));
    writeFileSync(
      this.at("SHA256SUMS"),
      lines.map((name) => `${sha256(readFileSync(this.at(name)))} *${name}\n`).join(""),
    );
  };

  /** The same with what the manifest says of these files, so that only what they say of each other can tell. */
  readonly describeAnew = (...names: string[]) => {
    this.edit("manifest.json", ({ files, sizes }) => {
      for (const name of names) {
        const content = readFileSync(this.at(name));
        files[name] = sha256(content);
        sizes[name] = content.length;
      }
    });
    this.sumsAnew();
  };

  readonly edit = (name: string, change: (value: Loose) => void) => {
    const value = JSON.parse(readFileSync(this.at(name), "utf8")) as Record<string, unknown>;
    change(value);
    writeFileSync(this.at(name), JSON.stringify(value));
  };
}
