/**
 * The HTML report: one self-contained page without scripts or outside resources, the same bytes for the same result. Its content security
 * policy allows nothing but its own style sheet, so even a name that slipped past escaping could not run or load anything.
 */
import { createHash } from "node:crypto";
import type { PartitionSummary } from "../../lab/result.js";
import type { ResultView } from "../show/view.js";
import { restartIds } from "./chart/frame.js";
import { type Content, Markup, markup } from "./html.js";
import { comparison } from "./parts/comparison.js";
import { learning } from "./parts/learning.js";
import { opening } from "./parts/opening.js";
import { quality } from "./parts/quality.js";
import { record, remarks } from "./parts/record.js";
import { partition, partitionPicture, siteGains } from "./parts/sites.js";
import { traffic } from "./parts/traffic.js";
import { style } from "./style.js";

/** The report of a result, as a whole HTML document. */
export function renderReport(view: ResultView): string {
  restartIds();
  const body = [opening, comparison, siteGains, learning, quality, partition, traffic, remarks, record].map((part) => part(view));
  return renderPage(`${view.first.federation} - Millwright report`, body, view.first.environment.millwright);
}

/** How a partition falls, as a page of its own. */
export function renderPartition(federation: string, summary: PartitionSummary, version: string): string {
  restartIds();
  const head = markup`<header><p class="brand">Millwright partition</p><h1>${federation}</h1><p>${summary.sites.length} sites</p></header>`;
  return renderPage(`${federation} - Millwright partition`, [head, partitionPicture(summary)], version);
}

/** A page of parts: the head, the style sheet, the policy. */
export function renderPage(title: string, body: Content, version: string): string {
  const hash = createHash("sha256").update(style).digest("base64");
  const html = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${new Markup(hash)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
${body}
<footer>Written by Millwright ${version}. This page loads nothing and sends nothing.</footer>
</main>
</body>
</html>
`;
  return html.toString();
}
