import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";

import { findProgram } from "../../host/program";
import { renderReport } from "../../release/report/page";
import { renderStackPage } from "../../release/report/stackPage";
import { largeReport, largeStack, sampleReport, sampleStack } from "../reportSample";

describe("the report in a browser", function () {
  this.timeout(120_000);
  let folder: string;
  let browser: Browser;
  let page: Page;
  const troubles: string[] = [];
  const requests: string[] = [];

  before(async function () {
    const executablePath = findProgram("chromium") ?? findProgram("google-chrome");
    if (!executablePath) {
      console.log("    skipped: there is no chromium on PATH (apt-get install chromium)");
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "kragle report "));
    const { chromium } = await import("playwright-core");
    // its own sandbox needs user namespaces, which containers often lack; the page is this test's own
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    writeFileSync(join(folder, "report.html"), renderReport(sampleReport()));
    writeFileSync(join(folder, "large.html"), renderReport(largeReport()));
    writeFileSync(join(folder, "stack.html"), renderStackPage("fleet", sampleStack()));
    writeFileSync(join(folder, "fleet.html"), renderStackPage("fleet", largeStack(30)));
  });
  after(async () => {
    await browser?.close();
    if (folder) rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    troubles.length = requests.length = 0;
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on("console", (message) => troubles.push(message.text()));
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(`file://${join(folder, "report.html")}`);
  });
  afterEach(() => page.close());

  const visible = (selector: string) => page.locator(`${selector}:visible`).count();

  it("asks for nothing else, and says nothing on the console", async () => {
    const elsewhere = requests.filter((url) => !url.startsWith("data:"));
    assert.equal(elsewhere.length, 1, elsewhere.join("\n"));
    assert.deepEqual(troubles, []);
    assert.equal(await page.title(), "dev: image aaaaaaaaaaaa");
  });

  it("finds packages by several words, and Escape shows all again", async () => {
    const search = page.locator("#find-package");
    await search.fill("linux 6.1");
    await page.locator("#packages output", { hasText: "1 of 4 packages" }).waitFor();
    assert.equal(await visible("#packages tbody tr"), 1);
    await search.press("Escape");
    assert.equal(await visible("#packages tbody tr"), 4);
  });

  it("sorts packages by keyboard alone", async () => {
    const size = page.locator("#packages th button", { hasText: "Size" });
    const first = () =>
      page.locator("#packages tbody tr >> nth=0").locator("td >> nth=0").textContent();
    await size.focus();
    await page.keyboard.press("Enter");
    assert.match((await first())!, /^<img/);
    await page.keyboard.press("Enter");
    assert.equal(await first(), "linux-image");
    assert.equal(await page.locator("#packages th[aria-sort=descending]").count(), 1);
  });

  it("finds lines of the console once it is opened", async () => {
    await page.locator(".log[data-log] summary").focus();
    await page.keyboard.press("Enter");
    await page.locator("#log-first").fill("line 42");
    await page.locator(".log output", { hasText: "of 603 lines" }).waitFor();
    // 42, 142 to 542, 420 to 429
    assert.equal(await visible(".lines li"), 16);
  });

  for (const [name, width] of [
    ["report", 360],
    ["large", 390],
    ["stack", 360],
  ] as const) {
    it(`fits on a phone of ${width} pixels without scrolling sideways, ${name}`, async () => {
      await page.setViewportSize({ width, height: 740 });
      await page.goto(`file://${join(folder, `${name}.html`)}`);
      await page.evaluate(
        "for (const one of document.querySelectorAll('details')) one.open = true",
      );
      const content = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert.ok(content <= width, `${content} is wider than ${width}`);
    });
  }

  it("shows the few images of a stack whole, without scrolling downwards", async () => {
    await page.setViewportSize({ width: 1100, height: 900 });
    await page.goto(`file://${join(folder, "stack.html")}`);
    const [content, shown] = await page.evaluate<[number, number]>(
      "(({ scrollHeight, clientHeight }) => [scrollHeight, clientHeight])(document.querySelector('.scroll'))",
    );
    assert.ok(content <= shown, `${content - shown} pixels more than it shows`);
  });

  it("is readable in the dark", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    const color = (property: string) =>
      page.evaluate(`getComputedStyle(document.body).getPropertyValue("${property}")`);
    assert.notEqual(await color("background-color"), "rgb(246, 247, 249)");
    assert.notEqual(await color("color"), await color("background-color"));
  });

  it("prints an image of 226 packages on twelve pages, and nothing behind the last line", async () => {
    await page.goto(`file://${join(folder, "large.html")}`);
    const pdf = join(folder, "large.pdf");
    await page.pdf({ path: pdf, format: "A4" });
    const pages = readFileSync(pdf, "latin1").match(/\/Type \/Page\b/g)!.length;
    assert.ok(pages > 4 && pages <= 12, `${pages} pages`);
    await page.emulateMedia({ media: "print" });
    const [end, footer] = await page.evaluate<[number, number]>(
      "[document.documentElement.scrollHeight, document.querySelector('footer').getBoundingClientRect().bottom]",
    );
    assert.ok(end - footer < 20, `the page goes on ${end - footer} pixels behind its footer`);
  });

  it("of a stack asks for nothing, runs nothing, and prints thirty images on one page", async () => {
    for (const name of ["stack", "fleet"]) {
      requests.length = 0;
      await page.goto(`file://${join(folder, `${name}.html`)}`);
      const elsewhere = requests.filter((url) => !url.startsWith("data:"));
      assert.equal(elsewhere.length, 1, elsewhere.join("\n"));
      assert.deepEqual(troubles, []);
      assert.match(await page.title(), /^fleet: \d+ images$/);
      const pdf = join(folder, `${name}.pdf`);
      await page.pdf({ path: pdf, format: "A4" });
      assert.equal(readFileSync(pdf, "latin1").match(/\/Type \/Page\b/g)!.length, 1, name);
    }
    // what paper would cut off
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 718, height: 1000 });
    const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
    assert.ok(wide <= 718, `${wide} pixels`);
  });

  it("prints what is folded", async () => {
    const pdf = join(folder, "report.pdf");
    await page.emulateMedia({ media: "print" });
    await page.pdf({ path: pdf });
    assert.equal(readFileSync(pdf).subarray(0, 5).toString(), "%PDF-");
    const height = await page
      .locator("#checks .areas .rules >> nth=0")
      .evaluate((e) => e.getBoundingClientRect().height);
    assert.ok(height > 10, "the rules of an area are folded on paper");
    assert.equal(await visible("nav"), 0);
  });
});
