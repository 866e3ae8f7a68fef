/** How the federation learned: the loss per round, validation metrics where they were measured, and the time and bytes of each round. */
import { metricInfo } from "../../show/metrics.js";
import { bytes, seconds } from "../../show/text.js";
import type { ResultView } from "../../show/view.js";
import { roundLines, type Series } from "../chart/lines.js";
import { type Markup, markup } from "../html.js";
import { card, figures, section, table } from "./common.js";

export function learning(view: ResultView): Markup | undefined {
  const { rounds } = view.first;
  if (rounds.length === 0) return undefined;
  const several = view.runs.length > 1;
  const lossOf = (index: number): Series => ({
    label: `seed ${view.runs[index].seed}`,
    kind: "federated",
    points: view.runs[index].rounds.map((r) => [r.round, r.loss] as const),
  });
  const faint = several ? view.runs.map((_, i) => lossOf(i)) : [];
  const main: Series = several ? { label: "mean", kind: "federated", points: meanLoss(view) } : lossOf(0);
  const cards = [
    card(
      several ? "Training loss, mean of the seeds and each seed" : "Training loss",
      roundLines("Training loss per round", "loss", [main], faint),
    ),
  ];
  // Not every round need be judged; the last one always is.
  const judged = rounds.at(-1)?.metrics ?? {};
  const measured = view.headline.metric in judged ? view.headline.metric : Object.keys(judged)[0];
  if (measured !== undefined) {
    const info = metricInfo(measured);
    const series: Series = {
      label: info.label,
      kind: "federated",
      points: rounds.flatMap((r) => (r.metrics[measured] === undefined ? [] : [[r.round, r.metrics[measured]] as const])),
    };
    cards.push(card(`${info.label} on validation data`, roundLines(`${info.label} per round`, info.label, [series])));
  }
  const left = rounds.flatMap((r) => r.excluded.map((e) => ({ cells: [String(r.round), e.site, e.reason] })));
  const rows = rounds.map((r) => ({
    cells: [
      String(r.round),
      r.loss.toPrecision(4),
      `${r.included.length}`,
      seconds(r.seconds),
      bytes(r.bytesUp),
      bytes(r.bytesDown),
      bytes(r.memory),
    ],
  }));
  return section(
    "Round by round",
    several
      ? "Every round the sites train on their own rows and only model updates are averaged. The rounds in the table are those of the first seed."
      : "Every round the sites train on their own rows and only model updates are averaged.",
    markup`<div class="cards">${cards}</div>`,
    left.length === 0 ? undefined : card("Left out of a round", table("Sites left out", ["round", "site", "why"], left, "words")),
    figures(table("Rounds", ["round", "loss", "sites", "time", "bytes up", "bytes down", "peak memory"], rows)),
  );
}

function meanLoss(view: ResultView): (readonly [number, number])[] {
  return view.first.rounds.map((r, i) => {
    const values = view.runs.flatMap((run) => run.rounds[i]?.loss ?? []);
    return [r.round, values.reduce((a, b) => a + b, 0) / values.length] as const;
  });
}
