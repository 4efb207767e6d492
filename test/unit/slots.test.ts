import assert from "node:assert/strict";

import { Slots } from "../../engine/slots";

/** Works of which each ends when it is told to. */
function worksIn(slots: Slots, count: number) {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const works = Array.from({ length: count }, (_, index) =>
    slots.run(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(index);
          ends[index] = (error) => (error ? reject(error) : resolve(index));
        }),
    ),
  );
  return { begun, ends, works };
}

describe("slots", () => {
  it("let in as many as there are, and the next ones in their order, also when one fails", async () => {
    const { begun, ends, works } = worksIn(new Slots(2), 4);
    await Promise.resolve();
    assert.deepEqual(begun, [0, 1]);
    ends[1]!();
    assert.equal(await works[1], 1);
    assert.deepEqual(begun, [0, 1, 2]);
    ends[0]!(new Error("it failed"));
    await assert.rejects(works[0]!, /it failed/);
    assert.deepEqual(begun, [0, 1, 2, 3]);
    ends.forEach((end) => end());
    assert.deepEqual(await Promise.all(works.slice(1)), [1, 2, 3]);
  });

  it("are free again when nobody waits", async () => {
    const slots = new Slots(1);
    assert.equal(await slots.run(() => Promise.resolve(1)), 1);
    assert.equal(await slots.run(() => Promise.resolve(2)), 2);
  });

  it("have no end where there is no limit", async () => {
    const { begun, ends, works } = worksIn(new Slots(Infinity), 50);
    await Promise.resolve();
    assert.equal(begun.length, 50);
    ends.forEach((end) => end());
    await Promise.all(works);
  });
});
