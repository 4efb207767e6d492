/** Lets as much be at work at a time as there are slots, first come, first served. */
export class Slots {
  private readonly queue: (() => void)[] = [];

  /** @param free how many; Infinity for no limit */
  constructor(private free: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    // whoever ends hands the slot over
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.free++;
    }
  }
}
