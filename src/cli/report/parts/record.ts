/** What a reader needs to believe or repeat the figures: caveats, the exact file, the machine, the hash of the model. */
import { stringify } from "yaml";
import { seconds } from "../../show/text.js";
import type { ResultView } from "../../show/view.js";
import { type Markup, markup } from "../html.js";
import { card, section, table } from "./common.js";

export function remarks(view: ResultView): Markup | undefined {
  if (view.first.remarks.length === 0) return undefined;
  return section(
    "Before you believe the figures",
    "What the authors of the run want a reader to know.",
    markup`<div class="card"><ul>${view.first.remarks.map((r) => markup`<li>${r}</li>`)}</ul></div>`,
  );
}

export function record(view: ResultView): Markup {
  const { environment, model } = view.first;
  const file = typeof view.first.file === "string" ? view.first.file : stringify(view.first.file, { lineWidth: 100 });
  const facts: readonly (readonly [string, string])[] = [
    ["Millwright", environment.millwright],
    ["training kernels", environment.kernels],
    ["Node", environment.node],
    ["platform", environment.platform],
    ["processor", environment.cpu],
    ["workers", String(environment.workers)],
    ["date", environment.date],
    ["whole run", seconds(view.runs.reduce((sum, run) => sum + run.environment.seconds, 0))],
    ["parameters", String(model.parameters)],
    ...view.runs.map((run) => [`SHA-256 of the model, seed ${run.seed}`, run.model.sha256] as const),
  ];
  return section(
    "Do it again",
    "The same file, seed and version give the same model bytes on any machine and with any number of workers.",
    markup`<div class="cards">${card("The federation file", markup`<pre tabindex="0">${file.trimEnd()}</pre>`)}${card(
      "Where it ran",
      table(
        "Environment",
        ["", ""],
        facts.map(([k, v]) => ({ cells: [k, markup`<code>${v}</code>`] })),
        "words",
      ),
    )}</div>`,
  );
}
