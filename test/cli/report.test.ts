import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeText, markup } from "../../src/cli/report/html.js";
import { renderReport } from "../../src/cli/report/report.js";
import { mergeSeeds, viewOf } from "../../src/cli/show/view.js";
import { fixture } from "./fixture.js";
import { millwright, temporary } from "./harness.js";

/** Tags of a page by name, found as an HTML tokeniser would: text cannot contain "<" once it is escaped. */
function tags(html: string): Set<string> {
  const body = html.replace(/<style>[\s\S]*?<\/style>/, "");
  return new Set([...body.matchAll(/<\/?([a-zA-Z][a-zA-Z0-9]*)/g)].map((m) => m[1].toLowerCase()));
}

/** Attribute names of all tags. */
function attributes(html: string): Set<string> {
  const body = html.replace(/<style>[\s\S]*?<\/style>/, "");
  return new Set(
    [...body.matchAll(/<[a-zA-Z][^>]*>/g)].flatMap((tag) => [...tag[0].matchAll(/\s([a-zA-Z-]+)=/g)].map((m) => m[1].toLowerCase())),
  );
}

const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(2)><style>*{display:none}</style>&amp;\u202e\u0000`;

describe("report", () => {
  it("is one page that loads nothing and runs nothing", () => {
    const html = renderReport(viewOf(fixture()));
    for (const tag of ["script", "link", "img", "iframe", "object", "embed", "form", "base", "a"]) expect(tags(html)).not.toContain(tag);
    expect([...attributes(html)].filter((a) => a.startsWith("on") || ["src", "href", "style", "srcset", "action"].includes(a))).toEqual([]);
    expect(html).toContain("default-src &#39;none&#39;".replaceAll("&#39;", "'"));
    expect(html).not.toMatch(/url\(|@import|https?:\/\//);
  });

  it("allows its own style sheet by the hash it really has", async () => {
    const { createHash } = await import("node:crypto");
    const html = renderReport(viewOf(fixture()));
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
    expect(html).toContain(`'sha256-${createHash("sha256").update(style).digest("base64")}'`);
  });

  it.each(["failure", "rul", "class"] as const)("escapes hostile names everywhere (%s)", (kind) => {
    const clean = renderReport(viewOf(fixture({ kind })));
    const html = renderReport(viewOf(fixture({ kind, hostile })));
    expect(tags(html)).toEqual(tags(clean));
    expect([...attributes(html)].sort()).toEqual([...attributes(clean)].sort());
    expect(html).not.toMatch(/\p{Bidi_Control}/u);
    expect(html).not.toContain("\u0000");
    expect(html).toContain("&lt;script&gt;");
  });

  it("keeps any text from becoming markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escapeText(text)).not.toMatch(/[<>"']/);
        expect(markup`<b title="${text}">${text}</b>`.toString().match(/[<>]/g)).toHaveLength(4);
      }),
    );
  });

  it("is the same bytes for the same result, also after others were drawn", () => {
    const first = renderReport(viewOf(fixture()));
    renderReport(viewOf(fixture({ kind: "class" })));
    expect(renderReport(viewOf(fixture()))).toBe(first);
  });

  it("has unique ids, and a title and description for every drawing", () => {
    const html = renderReport(viewOf(mergeSeeds([1, 2, 3].map((seed) => fixture({ seed })))));
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
    const drawings = html.match(/<svg /g)?.length ?? 0;
    expect(drawings).toBeGreaterThan(8);
    expect(html.match(/<svg [^>]*role="img" aria-labelledby="c\d+t c\d+d"/g)).toHaveLength(drawings);
    expect(html.match(/<title id=/g)).toHaveLength(drawings);
  });

  it("draws no coordinate that is not a number", () => {
    for (const kind of ["failure", "rul", "class"] as const)
      expect(renderReport(viewOf(fixture({ kind })))).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  it("survives results with little in them", () => {
    const bare = fixture({ sites: 1, rounds: 1 });
    const { federated } = bare.scenarios;
    const html = renderReport(
      viewOf({
        ...bare,
        scenarios: { federated: federated && { ...federated, curves: {}, perSite: [] } },
        rounds: [],
        references: [],
        remarks: [],
      }),
    );
    expect(html).toContain("Nothing to compare with");
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it("shows the figures it was given", () => {
    const result = fixture();
    const html = renderReport(viewOf(result));
    for (const scenario of Object.values(result.scenarios)) expect(html).toContain(scenario?.metrics.f1.toFixed(3));
    expect(html).toContain(result.model.sha256);
    expect(html).toContain("horizon: 24h");
    expect(html).toContain("None claimed.");
  });

  it("shows mean and spread over seeds", () => {
    const seeds = mergeSeeds([1, 2, 3, 4, 5].map((seed) => fixture({ seed })));
    const html = renderReport(viewOf(seeds));
    const f1 = seeds.scenarios.federated?.metrics.f1;
    expect(html).toContain(`${f1?.mean.toFixed(3)} \u00b1 ${f1?.sd.toFixed(3)}`);
    expect(html).toContain("seeds 1, 2, 3, 4, 5");
  });

  it("is written by `millwright report` and refuses what is no result", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "result.json"), JSON.stringify(fixture()));
    const ran = await millwright(["report", "result.json"], folder);
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toContain("report.html");
    writeFileSync(join(folder, "other.json"), JSON.stringify({ format: "something-else/1" }));
    const refused = await millwright(["report", "other.json"], folder);
    expect(refused.code).toBe(4);
    expect(refused.err).toContain('format "something-else/1"');
  });
});
