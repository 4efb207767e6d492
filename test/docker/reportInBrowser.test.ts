import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";

import { findProgram } from "../../host/program";
import { renderReport } from "../../release/report/page";
import { sampleReport } from "../reportSample";

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
    await page.locator(".log summary").focus();
    await page.keyboard.press("Enter");
    await page.locator("#log-first").fill("line 42");
    await page.locator(".log output", { hasText: "of 603 lines" }).waitFor();
    // 42, 142 to 542, 420 to 429
    assert.equal(await visible(".lines li"), 16);
  });

  it("fits on a phone without scrolling sideways", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const one of await page.locator("details").all())
      await one.evaluate((e) => e.setAttribute("open", ""));
    const [content, window] = await page.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, innerWidth]",
    );
    assert.ok(content <= window, `${content} is wider than ${window}`);
  });

  it("is readable in the dark", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    const color = (property: string) =>
      page.evaluate(`getComputedStyle(document.body).getPropertyValue("${property}")`);
    assert.notEqual(await color("background-color"), "rgb(246, 247, 249)");
    assert.notEqual(await color("color"), await color("background-color"));
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
