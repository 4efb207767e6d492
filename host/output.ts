import { writeSync } from "node:fs";
import { isatty } from "node:tty";

import { EXIT } from "./failure";
import { printableStyled } from "./printable";

/**
 * What a command prints, and whether it arrived. Everything that is printed goes through here: Node's own streams lose the rest of
 * what a nearly full disk took only a part of, and report what failed when the process may have ended already.
 */

/** Milliseconds before a pipe is tried again that is full and does not wait by itself. */
const RETRY_MS = 10;

class Outlet {
  /** Why nothing can be written any more. */
  failure: NodeJS.ErrnoException | undefined;
  /** Whether something was lost that somebody needs. */
  lost = false;
  private readonly terminal: boolean;

  constructor(private readonly descriptor: number) {
    this.terminal = isatty(descriptor);
  }

  /** @param needed it is lost also where its reader has gone away, who no longer needs what only tells how the work goes on */
  write(text: string, needed: boolean): void {
    // a log or a name that others made may have words for the terminal; a file or a program gets an answer as it is
    const bytes = Buffer.from(this.terminal || !needed ? printableStyled(text) : text);
    for (let at = 0; at < bytes.length && !this.failure;) {
      try {
        at += writeSync(this.descriptor, bytes, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") pause(RETRY_MS);
        else this.failure = error as NodeJS.ErrnoException;
      }
    }
    this.judge(needed);
  }

  /** For what a library writes by a stream of Node's. */
  fail(error: NodeJS.ErrnoException): void {
    this.failure ??= error;
    this.judge(false);
  }

  private judge(needed: boolean): void {
    if (this.failure && (needed || !this.isGone(this.failure))) this.lost = true;
  }

  /** The reader is gone where its pipe was closed, or its terminal hung up. */
  private isGone({ code }: NodeJS.ErrnoException): boolean {
    return code === "EPIPE" || (code === "EIO" && this.terminal);
  }
}

const pause = (milliseconds: number) =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const stdout = new Outlet(1);
const stderr = new Outlet(2);

/** Prints an answer on stdout, which a command was called for: a document, a table, a help text. */
export const print = (text: string): void => stdout.write(text, true);

/** Tells on stdout how work goes on. Where its reader goes away, the work goes on without one. */
export const say = (text: string): void => stdout.write(text, false);

/** Tells something on stderr: a failure, a warning, or how work goes on whose answer stands on stdout. */
export const tell = (text: string): void => stderr.write(text, false);

/** Makes an error of Node's own streams, which libraries write to, count as one of ours, and end nothing. */
export function watchStreams(): void {
  process.stdout.on("error", (error: Error) => stdout.fail(error));
  process.stderr.on("error", (error: Error) => stderr.fail(error));
}

/** Tells on stderr why something of the output was lost, if it was. @returns the exit code of a command whose own is given */
export function endOutput(exitCode: number): number {
  const error = [stdout, stderr].find(({ lost }) => lost)?.failure;
  if (!error) return exitCode;
  // "ENOSPC: no space left on device, write"
  const words = error.message.replace(/^\w+: |, \w+$/g, "");
  tell(`the output could not be written: ${words}\n`);
  return exitCode === EXIT.done ? EXIT.lacking : exitCode;
}
