/** Takes what kragle warns of in this process, between `beforeEach` and `afterEach`, away from the terminal. */
export class Warnings {
  private readonly write = process.stderr.write.bind(process.stderr);
  text = "";

  constructor() {
    process.stderr.write = (chunk: Uint8Array | string) => {
      this.text += String(chunk);
      return true;
    };
  }

  release(): void {
    process.stderr.write = this.write;
  }
}
