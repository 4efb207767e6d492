import assert from "node:assert/strict";

import fc from "fast-check";
import { parseHTML } from "linkedom";

import { html, Html } from "../../release/report/html";
import { plain } from "../../release/report/boots";
import { renderReport } from "../../release/report/page";
import { EVIL, sampleReport } from "../reportSample";

/** As much of a page as these tests look at. */
interface Page {
  querySelector(selector: string): { textContent: string } | null;
  querySelectorAll(selector: string): Iterable<{
    textContent: string;
    getAttribute(name: string): string | null;
  }>;
}

describe("what is put into a page", () => {
  it("is text, whatever it is, and turns no writing", () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(EVIL, "\u202e<b>", "\u009b"),
    );
    fc.assert(
      fc.property(odd, odd, (attribute, text) => {
        const page = html`<p title="${attribute}">${[text, null, [text]]}</p>`.text;
        const [, inside, between] = /^<p title="([^"]*)">(.*)<\/p>$/s.exec(page)!;
        assert.doesNotMatch(inside! + between!, /[<>"'\u0080-\u009f\u202a-\u202e\u2066-\u2069]/);
        assert.doesNotMatch(inside! + between!, /&(?!#\d+;)/);
      }),
    );
  });
});

describe("the report's page", () => {
  const text = renderReport(sampleReport());
  const { document } = parseHTML(text) as unknown as { document: Page };
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  const words = (selector: string) =>
    (document.querySelector(selector)?.textContent ?? "").replace(/\s+/g, " ");

  it("tells at its top what was released and whether it is good", () => {
    const top = words("header");
    for (const expected of [
      ...["stack dev", "Debian GNU/Linux 12", "boots in 1 min 17 s", "1 rule holds", "1 waived"],
      ...["signed", "aaaaaaaaaaaa", "2026-11-25 02:02 UTC", "433 MiB", "software emulation"],
    ]) {
      assert.ok(top.includes(expected), `${expected} is missing in: ${top}`);
    }
  });

  it("has every stage with its phases, and where it is from", () => {
    const stages = all("#timeline summary .stage").map(({ textContent }) => textContent);
    assert.deepEqual(stages, ["base", "image", "check", "smoke"]);
    assert.match(
      words("#timeline .lead"),
      /3 stages ran for this release, 2 min 26 s in all; 1 came/,
    );
    assert.match(words("#timeline"), /From the store: nothing changed/);
    assert.match(words("#timeline"), /Ran: scripts\/50-1-app\.sh: 111 → 222/);
    assert.match(words("#timeline"), /smoke ends ?1 min 00 s/);
  });

  it("leaves pauses out of its time axis", () => {
    const bars = all("#timeline .bar").map((bar) =>
      /left:([\d.]+)%;width:([\d.]+)%/.exec(bar.getAttribute("style")!)!.slice(1).map(Number),
    );
    assert.deepEqual(bars.length, 3);
    const [image, check, smoke] = bars as [number, number][];
    assert.ok(Math.abs(image![0]) < 0.1 && Math.abs(image![1] - 41.1) < 0.2, String(image));
    assert.ok(Math.abs(check![0] - 41.8) < 0.2, String(check));
    assert.ok(Math.abs(smoke![0] + smoke![1] - 100) < 0.1, String(smoke));
  });

  it("names what was waived, and why", () => {
    assert.match(words("#checks .notable"), /there is no journal waived/);
    assert.match(words("#checks .notable .waiver"), /Waived: we want it/);
    assert.match(words("#checks .areas"), /the qcow2 is whole/);
  });

  it("has rungs, screen and console of each boot", () => {
    assert.match(words("#boots .rungs"), /kernel ?11 s/);
    assert.match(all("#boots img")[0]!.getAttribute("src")!, /^data:image\/png;base64,iVBOR/);
    assert.equal(all("#boots [data-log] .lines li").length, 603);
    assert.equal(all("#boots [data-log] .lines li")[0]!.textContent, "GRUB loading");
  });

  it("has the user's steps, with their digests, times and what they printed", () => {
    const rows = all("#steps tbody tr").map(({ textContent }) =>
      textContent.trim().replace(/\s+/g, " "),
    );
    assert.match(rows[0]!, /^1 ?packages nginx ?packages ?1{12}1{52} ?kept from an earlier build$/);
    assert.match(rows[1]!, /^2 ?<img src=x .* ?script ?2{64} ?12 s$/);
    assert.match(rows[2]!, /^3 ?reboot ?reboot ?3{64} ?30 s$/);
    assert.equal(all("#steps .log").length, 1);
    const lines = all("#steps .log .lines li").map((line) => line.textContent);
    assert.deepEqual(lines, ["configured", EVIL]);
  });

  it("has the user's tests, with what they printed", () => {
    const [title] = all("#boots .log:not([data-log]) summary");
    assert.match(title!.textContent, /^Your test <img src=x [^]* passed in 3 s$/);
    const lines = all("#boots .log:not([data-log]) .lines li").map((line) => line.textContent);
    assert.deepEqual(lines, ["checking", EVIL]);
  });

  it("has a row for each package, and what changed", () => {
    assert.equal(all("#packages tbody tr").length, 4);
    assert.match(words("#changes"), /1 changed, 1 added, 1 removed/);
    assert.match(words("#changes tbody"), /5\.1 → 5\.2\.15-2\+b7/);
    assert.match(words("#sizes"), /\/usr\/lib ?191 MiB/);
    assert.match(words("#provenance"), /image\/steps\/0\/script/);
  });

  it("has every setting, those first that are not as they are by default", () => {
    assert.match(words("#provenance"), /3 settings, 1 of them not as they are by default/);
    const cells = all("#provenance details:first-of-type tbody td:first-child");
    const names = cells.map(({ textContent }) => textContent.trim().replace(/\s+/g, " "));
    assert.deepEqual(names, ["note set", "diskSize", "formats"]);
  });

  it("asks for nothing from elsewhere", () => {
    for (const element of all("[src], [href]")) {
      const target = element.getAttribute("src") ?? element.getAttribute("href")!;
      assert.match(target, /^(data:|#)/);
    }
    assert.doesNotMatch(words("style"), /url\(|@import/);
    assert.match(
      all("meta[http-equiv]")[0]!.getAttribute("content")!,
      /^default-src 'none'; img-src data:; .*script-src 'sha256-[\w+/]+=*'$/,
    );
    for (const link of all("nav a")) {
      assert.ok(document.querySelector(link.getAttribute("href")!), "a link leads nowhere");
    }
  });

  it("shows harmful text as text", () => {
    assert.equal(all("script").length, 1);
    assert.deepEqual(
      all("img").map((img) => img.getAttribute("onerror")),
      [null],
    );
    const shown = all("td, li, p").filter(({ textContent }) => textContent.includes(EVIL));
    assert.ok(shown.length >= 5, `shown ${shown.length} times`);
  });

  it("does without what a release does not have", () => {
    const facts = sampleReport();
    const less = renderReport({
      ...facts,
      ...{ smoke: undefined, boots: [], signer: undefined, stages: [facts.stages[0]!] },
      packages: { distribution: null, ecosystem: null, packages: [] },
      changes: { ...facts.changes, previousImageSha256: null },
    });
    for (const expected of [
      ...["nothing was booted", "not signed", "Every stage came from the store"],
      ...["no package database that kragle can read", "first release"],
    ]) {
      assert.ok(less.includes(expected), expected);
    }
  });
});

describe("the report's templates", () => {
  it("escape values, take nested templates as they are, and leave nothing out by mistake", () => {
    assert.equal(
      html`<p title="${`"'<&>`}">${0}${null}${false}${["a", html`<b></b>`]}</p>`.text,
      `<p title="&#34;&#39;&#60;&#38;&#62;">0a<b></b></p>`,
    );
    assert.equal(html`${new Html("<i>")}`.text, "<i>");
  });

  it("show a console as a terminal would", () => {
    const cases: [string, string][] = [
      ["a\r\nb\r\n", "a\nb"],
      ["\u001b[1;32m  OK  \u001b[0m Started", "  OK   Started"],
      ["\u001b]0;title\u0007$ \u001b(B\u001b=", "$ "],
      ["10%\r50%\r100%\n", "100%"],
      ["\u0000\u0008x\u007f\ty", "x\ty"],
    ];
    for (const [raw, shown] of cases) assert.equal(plain(raw), shown, JSON.stringify(raw));
  });
});
