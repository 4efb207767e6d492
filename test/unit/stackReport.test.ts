import assert from "node:assert/strict";

import { parseHTML } from "linkedom";

import { renderStackPage } from "../../release/report/stackPage";
import type { Root } from "../../store/roots";
import { standing } from "../../store/standing";
import { EVIL, sampleStack } from "../reportSample";

/** As much of a page as these tests look at. */
interface Page {
  querySelectorAll(selector: string): Iterable<{
    textContent: string;
    getAttribute(name: string): string | null;
  }>;
}

describe("the page of a stack with several images", () => {
  const { document } = parseHTML(renderStackPage("fleet", sampleStack())) as unknown as {
    document: Page;
  };
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  const words = (selector: string) =>
    all(selector).map(({ textContent }) => textContent.trim().replace(/\s+/g, " "));

  it("has a row for each image, with what its release is", () => {
    assert.match(words("header")[0]!, /stack fleet 3 images 2 released 1 without a release/);
    const [base, web, db, ...others] = words("tbody tr");
    assert.match(
      base!,
      /^base ?1\.4 ?2026-11-25 02:02 UTC ?433 MiB ?4\.0 GiB ?226 ?boots in 1 min 17 s ?qcow2, raw ?signed ?a{64}$/,
    );
    assert.match(web!, /^web on base ?<img src=x .*not booted ?qcow2 ?not signed/);
    assert.match(db!, /^db on base ?not released yet: <img src=x/);
    assert.deepEqual(others, []);
    assert.equal(all("thead th").length, 10);
  });

  it("leads to each release's own page, and to nothing else", () => {
    assert.deepEqual(
      all("a").map((link) => link.getAttribute("href")),
      ["../../build/base/output/report.html", "../../build/w%20%3A/report.html"],
    );
    assert.deepEqual(all("[src]"), []);
  });

  it("runs no script, whatever text it is given, and shows that as text", () => {
    assert.match(
      all("meta[http-equiv]")[0]!.getAttribute("content")!,
      /^default-src 'none'; img-src data:; .*; script-src 'none'$/,
    );
    assert.deepEqual([...all("script"), ...all("img")], []);
    assert.equal(all("td").filter(({ textContent }) => textContent.includes(EVIL)).length, 2);
  });
});

describe("which images stand on which", () => {
  const root = (stage: string, key: string, image?: string): Root => ({
    ...{ stage, key, publishedAt: "" },
    description: { stage, version: 1, inputs: {}, upstream: image ? { image } : {} },
  });
  const of = (roots: Record<string, Root>, meant?: string) =>
    Object.fromEntries(standing(new Map(Object.entries(roots)), () => meant));

  it("is told by their keys, also of several layers", () => {
    const roots = {
      builder: root("builder", "0"),
      "base.base": root("base", "1"),
      "base.image": root("image", "2"),
      "web.image": root("image", "3", "2"),
      "shop.image": root("image", "4", "3"),
      "alone.image": root("image", "5", "9"),
    };
    assert.deepEqual(of(roots), { web: ["base"], shop: ["web"] });
  });

  it("is the one of several alike that is meant, else each, and nothing for a stack of one image", () => {
    const twins = { "a.image": root("image", "2"), "b.image": root("image", "2") };
    assert.deepEqual(of({ ...twins, "web.image": root("image", "3", "2") }), { web: ["a", "b"] });
    const roots = { ...twins, "web.image": root("image", "3", "2") };
    assert.deepEqual(of(roots, "b"), { web: ["b"] });
    assert.deepEqual(of(roots, "other"), { web: ["a", "b"] });
    assert.deepEqual(of({ image: root("image", "2") }), {});
  });
});
