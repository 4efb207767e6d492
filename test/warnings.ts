import fs from "node:fs";

const STDERR = 2;

/** Takes what kragle warns of in this process, in each test of a suite, away from the terminal. */
export function takeWarnings(): { text: string } {
  const { writeSync } = fs;
  const taken = { text: "" };
  const take = (descriptor: number, bytes: Buffer, offset?: number): number => {
    if (descriptor !== STDERR) return writeSync(descriptor, bytes, offset);
    taken.text += bytes.toString("utf8", offset);
    return bytes.length - (offset ?? 0);
  };
  beforeEach(() => {
    taken.text = "";
    fs.writeSync = take as typeof fs.writeSync;
  });
  afterEach(() => {
    fs.writeSync = writeSync;
  });
  return taken;
}
