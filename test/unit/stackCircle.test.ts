import assert from "node:assert/strict";

import { stackCircles } from "../../cli/stackCircle";
import { imageSettings } from "../../settings/images";

describe("stacks that are made on each other's releases", () => {
  const read = (settings: Readonly<Record<string, object>>) => (stack: string) =>
    imageSettings(settings[stack] as Record<string, unknown>).images;
  const circles = (settings: Readonly<Record<string, object>>, stack = "web") =>
    stackCircles(stack, read(settings)(stack), read({ gone: {}, ...settings }));
  const on = (stack: string, image?: string) => ({ from: { stack, ...(image && { image }) } });

  it("are a circle, as long as it may be", () => {
    const end = "is a circle; one of them has to begin with something else";
    assert.deepEqual(circles({ web: on("base"), base: on("web") }), [
      ["from", `stack web on stack base on stack web ${end}`],
    ]);
    const long = { web: on("base"), base: on("os"), os: on("base") };
    assert.deepEqual(circles(long), [["from", `stack base on stack os on stack base ${end}`]]);
    const images = {
      web: { images: { top: { from: { image: "low" } }, low: on("base", "os") } },
      base: { images: { os: on("web", "top"), other: {} } },
    };
    const around = "image low of stack web on image os of stack base on image top of stack web";
    assert.deepEqual(circles(images), [
      ["images.top.from", `image top of stack web on ${around} ${end}`],
      ["images.low.from", `${around} on image low of stack web ${end}`],
    ]);
  });

  it("are none where each image begins elsewhere in the end", () => {
    assert.deepEqual(circles({ web: on("base"), base: {} }), []);
    const images = {
      web: { images: { top: on("base"), low: {} } },
      base: on("web", "low"),
    };
    assert.deepEqual(circles(images), []);
    assert.deepEqual(circles({ web: on("gone") }), []);
    // told as the one or the other
    assert.deepEqual(circles({ web: on("web") }), []);
    assert.deepEqual(circles({ web: on("base"), base: { images: { a: {}, b: on("web") } } }), []);
  });
});
