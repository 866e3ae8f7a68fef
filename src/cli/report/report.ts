/**
 * The HTML report: one self-contained page without scripts or outside resources, the same bytes for the same result. Its content security
 * policy allows nothing but its own style sheet, so even a name that slipped past escaping could not run or load anything.
 */
import { createHash } from "node:crypto";
import type { ResultView } from "../show/view.js";
import { restartIds } from "./chart/frame.js";
import { Markup, markup } from "./html.js";
import { comparison } from "./parts/comparison.js";
import { learning } from "./parts/learning.js";
import { opening } from "./parts/opening.js";
import { quality } from "./parts/quality.js";
import { record, remarks } from "./parts/record.js";
import { partition, siteGains } from "./parts/sites.js";
import { traffic } from "./parts/traffic.js";
import { style } from "./style.js";

/** The report of a result, as a whole HTML document. */
export function renderReport(view: ResultView): string {
  restartIds();
  const hash = createHash("sha256").update(style).digest("base64");
  const body = [opening, comparison, siteGains, learning, quality, partition, traffic, remarks, record].map((part) => part(view));
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${new Markup(hash)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${view.first.federation} - Millwright report</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
${body}
<footer>Written by Millwright ${view.first.environment.millwright}. This page loads nothing and sends nothing.</footer>
</main>
</body>
</html>
`;
  return page.toString();
}
