import fs from "node:fs";

const STDERR = 2;

/** Takes what kragle warns of in this process, between `beforeEach` and `afterEach`, away from the terminal. */
export class Warnings {
  private readonly write = fs.writeSync;
  text = "";

  constructor() {
    const take = (descriptor: number, bytes: Buffer, offset?: number): number => {
      if (descriptor !== STDERR) return this.write(descriptor, bytes, offset);
      this.text += bytes.toString("utf8", offset);
      return bytes.length - (offset ?? 0);
    };
    fs.writeSync = take as typeof fs.writeSync;
  }

  release(): void {
    fs.writeSync = this.write;
  }
}
