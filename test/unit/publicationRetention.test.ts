import assert from "node:assert/strict";

import fc from "fast-check";

import { expired, originOf, versionName } from "../../destinations/retention";

const STORE = "9f8e7d6c-0000-4000-8000-000000000000";
const key = (n: number) => n.toString(16).padStart(64, "0").split("").reverse().join("");
const version = (n: number, series = "dev-nightly", origin = STORE) =>
  versionName({
    series,
    releasedAt: new Date(Date.UTC(2026, 10, 1, 0, n)).toISOString(),
    key: key(n),
    origin,
  });

const retention = (keep: number, usedKeys: string[] = []) => ({
  ...{ series: "dev-nightly", origin: STORE, keep, usedKeys },
});

describe("retention of published versions", () => {
  const three = [version(1), version(2), version(3)];

  it("names versions by series, time, key and store", () => {
    assert.equal(version(1), "dev-nightly-20261101T000100000Z-100000000000-9f8e7d6c");
  });

  it("tells stacks apart whose series has one name", () => {
    const origins = [
      originOf("store", "dev's", "dev-a-b"),
      originOf("store", "dev-a's", "dev-a-b"),
      originOf("another", "dev's", "dev-a-b"),
    ];
    const names = origins.map((origin) => version(1, "dev-a-b", origin));
    assert.equal(new Set(names).size, names.length);
    for (const origin of origins) {
      const own = { series: "dev-a-b", origin, keep: 0, usedKeys: [] };
      assert.deepEqual(expired(names, own), [version(1, "dev-a-b", origin)]);
    }
  });

  it("lets the oldest go, whatever the order in which they are listed", () => {
    assert.deepEqual(expired(three, retention(3)), []);
    assert.deepEqual(expired(three, retention(2)), [version(1)]);
    assert.deepEqual(expired([...three].reverse(), retention(1)), [version(2), version(1)]);
  });

  it("keeps what a stack uses", () => {
    assert.deepEqual(expired(three, retention(1, [key(1)])), [version(2)]);
  });

  it("keeps what another store, another series or a person put there", () => {
    const foreign = [
      version(1, "dev-nightly", "aaaaaaaa-0000-4000-8000-000000000000"),
      version(1, "prod-nightly"),
      version(1, "dev-nightly-2"),
      "dev-nightly-backup",
      "dev-nightly-20261101T000000000Z-old",
      "precious",
    ];
    assert.deepEqual(expired([...foreign, version(9)], retention(1)), []);
  });

  it("never lets go of a version in use or of one of the newest, and always of the rest", () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { maxLength: 20 });
    fc.assert(
      fc.property(numbers, numbers, fc.integer({ min: 1, max: 5 }), (there, used, keep) => {
        const gone = expired(
          there.map((n) => version(n)),
          retention(keep, used.map(key)),
        );
        const newest = [...there].sort((a, b) => b - a).slice(0, keep);
        const stay = there.filter((n) => used.includes(n) || newest.includes(n));
        const expected = there.filter((n) => !stay.includes(n)).map((n) => version(n));
        assert.deepEqual([...gone].sort(), expected.sort());
      }),
    );
  });
});
