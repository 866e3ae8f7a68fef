/** What left each plant, what it costs, and what is not promised about it. */
import type { TiersResult } from "../../../lab/result.js";
import { bytes, count, seconds } from "../../show/text.js";
import { type ResultView, scenarioLabels } from "../../show/view.js";
import { type Markup, markup } from "../html.js";
import { card, section, table } from "./common.js";

interface SiteTraffic {
  up: number;
  down: number;
  seconds: number;
  memory: number;
}

export function traffic(view: ResultView): Markup {
  const { rounds, model, privacy } = view.first;
  const bySite = new Map<string, SiteTraffic>();
  for (const round of rounds) {
    for (const site of round.perSite) {
      const sum = bySite.get(site.site) ?? { up: 0, down: 0, seconds: 0, memory: 0 };
      sum.up += site.bytesUp;
      sum.down += site.bytesDown;
      sum.seconds += site.seconds;
      sum.memory = Math.max(sum.memory, site.memory);
      bySite.set(site.site, sum);
    }
  }
  const rows = [...bySite].map(([site, t]) => ({ cells: [site, bytes(t.up), bytes(t.down), seconds(t.seconds), bytes(t.memory)] }));
  const cost = view.scenarios.map((s) => ({
    kind: s.name,
    cells: [scenarioLabels[s.name], s.seconds.mean.toFixed(1), bytes(s.first.bytesUp), bytes(s.first.bytesDown)],
  }));
  const federated = view.first.scenarios.federated;
  const { tiers } = view.first;
  return section(
    "What left each plant, and what it cost",
    "Rows stay at their site. This is what crossed the fence, counted on the wire.",
    markup`<div class="cards">
${card(
  "In every message up",
  markup`<ul><li>Before round 1: count, sum, sum of squares, smallest and largest value of each column, and the labels of category columns, so that all sites scale alike. The coordinator sees them; an extreme is a value of a single row.</li>
<li>Every round: the site's model update, ${count(model.parameters)} numbers and the model's running values, its training loss, and the number of examples it learned from.</li>
<li>At the end: counts, for the threshold and for figures such as those in this report.</li>
<li>Never: other readings, whole rows, names of machines, times.</li></ul>`,
)}
${card(
  "Privacy",
  markup`<p><b>${privacy.claim === "none" ? "None claimed." : privacy.claim}</b> ${privacy.explanation}</p>
<p class="note">A model update is computed from rows and can betray something of them to whoever sees it. That rows stay at home is not by itself a guarantee of privacy.</p>`,
)}
${card(
  "Scenarios",
  table("Cost per scenario", ["", "seconds", "bytes up", "bytes down"], cost),
  markup`<p class="note">What the centralised run moved is the raw training data itself. Seconds are processor time of training.</p>`,
)}
${
  rows.length === 0
    ? federated === undefined
      ? undefined
      : card("Moved in all", markup`<p>${bytes(federated.bytesUp)} up, ${bytes(federated.bytesDown)} down.</p>`)
    : card("Federated run, per site, all rounds", table("Traffic per site", ["site", "up", "down", "training", "peak memory"], rows))
}
${tiers === undefined ? undefined : tierCard(tiers)}</div>`,
  );
}

/** What crossed between the tiers, beside what the flat federation would have sent over the same distance. */
function tierCard({ links, wan, flat }: TiersResult): Markup {
  const rows = [
    ...links.map(({ name, parent, sites, bytesUp, bytesDown }) => ({
      cells: [`${name} to ${parent}`, count(sites), bytes(bytesUp), bytes(bytesDown)],
    })),
    { cells: ["all links between tiers", "", bytes(wan.bytesUp), bytes(wan.bytesDown)], kind: "federated" },
    { cells: ["without tiers", "", bytes(flat.bytesUp), bytes(flat.bytesDown)] },
  ];
  return card(
    "Between the tiers",
    table("Traffic between tiers", ["link", "sites below", "up", "down"], rows),
    markup`<p class="note">A tier adds up what is below it and sends one sum; the links of sites to their tier stay on their own premises.</p>`,
  );
}
