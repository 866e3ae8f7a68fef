/** docs/results.md from the evidence, as text. The same evidence gives the same bytes. No I/O. */

const labels = {
  rmse: "RMSE",
  rmseUncapped: "RMSE uncapped",
  mae: "MAE",
  nasaScore: "NASA score",
  nasaScoreUncapped: "NASA uncapped",
  f1: "F1",
  precision: "precision",
  recall: "recall",
  prAuc: "PR-AUC",
  accuracy: "accuracy",
  macroF1: "macro-F1",
  far: "FAR",
  mar: "MAR",
};

/** evidence: { results, "paper-0", determinism, ... } as read from evidence/*.json, each absent where it was not made. */
export function resultsPage(rows, evidence) {
  const { results } = evidence;
  return [
    "# Results",
    "",
    "Made by `node scripts/docs-results.mjs` from `evidence/*.json`; a test holds this page to the evidence. Every row is one example file that",
    "runs on public data (`millwright data fetch NAME`), federated, with pooled and local-only training beside it.",
    "",
    ...(results === undefined ? ["Not measured yet: `npm run prove -- results` writes `evidence/results.json`."] : measured(rows, results)),
    "",
    ...caveats,
    ...paper(evidence["paper-0"]),
    ...others(evidence),
  ]
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()
    .concat("\n");
}

function measured(rows, results) {
  const found = rows.flatMap((row) => (results.figures.rows[row.name] === undefined ? [] : [[row, results.figures.rows[row.name]]]));
  const missing = rows.filter((row) => results.figures.rows[row.name] === undefined).map((row) => `\`${row.name}\``);
  const held = found.filter(([, one]) => one.verdict.gate !== undefined);
  const reached = held.filter(([, one]) => one.verdict.gate === true).length;
  const aimed = found.filter(([, one]) => one.verdict.goal !== undefined);
  const done = aimed.filter(([, one]) => one.verdict.goal === true).length;
  // A gate asks for three seeds and a goal for ten: what was run on fewer says so.
  const seedsOf = (one) => one.seeds?.length ?? Number.POSITIVE_INFINITY;
  const few = (asked, of) => {
    const short = of.filter(([, one]) => seedsOf(one) < asked).map(([row, one]) => `\`${row.name}\` ${seedsOf(one)}`);
    return short.length === 0 ? "" : ` (of the ${asked} seeds asked for, ${short.join(", ")})`;
  };
  return [
    `Gates reached: ${reached} of ${held.length}${few(3, held)}. Goals reached: ${done} of ${aimed.length}${few(10, aimed)}.${missing.length > 0 ? ` Not measured: ${missing.join(", ")}.` : ""}`,
    "",
    "The gate is what a release must reach as the mean of three seeds, the goal what a good recipe reaches as the mean of ten. Figures are",
    "mean ± sample standard deviation over the seeds; a seed draws the sites, the initial values, the order of the examples and, where the data",
    "has no split of its own, the split. RMSE and MAE: less is better; the others: more.",
    "",
    "| data, federated | metric | gate | goal | **federated** | centralised | local only | verdict | of others |",
    "|---|---|---|---|---|---|---|---|---|",
    ...found.map(([row, one]) => tableRow(row, one)),
    "",
    "Local only is the mean over the sites' own models, each judged on everybody's test data.",
    "",
    "## Beside the headline",
    "",
    "| file | seeds | federated | centralised | local only | without a model | parameters | seconds | commit |",
    "|---|---|---|---|---|---|---|---|---|",
    ...found.filter(([, one]) => one.error === undefined).map(([row, one]) => besideRow(row, one)),
    "",
    "Seconds are wall-clock time of all seeds, all three scenarios together.",
    "",
    ...provenance(results),
  ];
}

function tableRow(row, one) {
  const gate = row.ratio === undefined ? (row.gate ?? "-") : `${row.ratio} x centralised`;
  const limits = (row.limits ?? []).map(({ metric, most }) => `${labels[metric]} <= ${most * 100} %`);
  const cells = [
    `${row.title} (\`${row.name}\`)`,
    labels[row.metric],
    [gate, ...limits].join(", "),
    row.goal ?? (row.ratio === undefined ? "-" : "best"),
    `**${figure(one, "federated", row.metric)}**`,
    figure(one, "centralised", row.metric),
    figure(one, "local", row.metric),
    verdict(one),
    row.reference,
  ];
  return `| ${cells.join(" | ")} |`;
}

function besideRow(row, one) {
  const all = (scenario) => row.beside.map((metric) => `${labels[metric]} ${figure(one, scenario, metric)}`).join("<br>");
  const references = one.references.flatMap(({ name, metrics }) =>
    metrics[row.metric] === undefined ? [] : [`${name}: ${labels[row.metric]} ${digits(row.metric, metrics[row.metric])}`],
  );
  const cells = [
    `\`examples/${row.name}.yaml\``,
    String(one.seeds.length),
    all("federated"),
    all("centralised"),
    all("local"),
    references.join("<br>") || "-",
    one.parameters.toLocaleString("en-US"),
    String(Math.round(one.seconds)),
    one.commit,
  ];
  return `| ${cells.join(" | ")} |`;
}

function figure(one, scenario, metric) {
  const found = one.scenarios?.[scenario]?.metrics[metric];
  if (found === undefined) return "-";
  const text = digits(metric, found.mean);
  return found.values.length < 2 ? text : `${text} ± ${digits(metric, found.sd, found.mean)}`;
}

/** Shares with three digits, alarm rates in percent, sizes with two digits, large ones with none. `like` gives the size to write by. */
function digits(metric, value, like = value) {
  if (metric === "far" || metric === "mar") return `${(value * 100).toFixed(1)} %`;
  if (/rmse|mae|nasa/i.test(metric))
    return Math.abs(like) >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toFixed(Math.abs(like) >= 100 ? 0 : 2);
  return value.toFixed(3);
}

function verdict({ error, verdict: { gate, goal, ratio } }) {
  if (error !== undefined) return `failed: ${error.replace(/[|\n]/g, " ").slice(0, 200)}`;
  const of = ratio === undefined ? "" : ` (${ratio.toFixed(3)} x)`;
  if (gate === undefined) return "reported";
  if (!gate) return `**gate missed**${of}`;
  return goal === undefined ? `gate reached${of}` : goal ? "goal reached" : "gate reached, goal missed";
}

function provenance(evidence) {
  const [first, last] = provenanceOf(evidence);
  return [first, `${last} A single row: \`millwright simulate examples/NAME.yaml --compare --seeds 3 --seed 0\`.`];
}

function provenanceOf({ command, commit, dirty, machine, date, millwright }) {
  return [
    `Measured with \`${command}\` at commit \`${commit.slice(0, 12)}\`${dirty ? " with uncommitted changes" : ""}, Millwright ${millwright},`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}, ${date.slice(0, 10)}.`,
  ];
}

const caveats = [
  "## What to know before believing a figure",
  "",
  "- **Selection.** The recipes were found on training and validation data, but while they were first developed test figures were printed beside",
  "  validation figures, so small margins are optimistic. Later changes were chosen on held-out training data alone. Thresholds are chosen on",
  "  training or validation rows of all sites, never on test rows. The test split serves the final figure only.",
  "- **C-MAPSS** is simulated. Its RMSE here is over the last window of each test engine with the true life capped at 125 cycles; the uncapped",
  "  figure stands beside it, and on FD002 and FD004 it is about twice as large, because lives of up to 195 cycles are beyond the cap. The",
  "  aerospace row follows another protocol (all windows of 50 cycles, life at the last cycle cut at 125 before counting back) and compares with",
  "  no other row.",
  "- **Azure PdM** is simulated, and its label is nearly written in the data: an error record appears 24 h before the failure. A hand rule reaches",
  "  F1 1.0 on the test month. A figure near 1 is therefore no achievement; a figure well below is a weakness.",
  "- **SKAB** under its own scoring rewards flagging much: a detector that flags every row it may reaches F1 0.805 at 49.7 % false alarms. Read F1",
  "  together with FAR and MAR. Federated, pooled and local training are alike here; no gain from federation is claimed.",
  "- **AI4I 2020** is synthetic and its test split has 68 failures: one seed moves F1 by 0.03 to 0.05.",
  "- **Steel energy** is one plant; its ten sites are ten stretches of its year.",
  "- **Steel plates and NEU** are dealt to alike sites; nothing here says how they fare when sites differ.",
  "- **The fleet** is a simulation of ours, and its constants were fixed before a model was trained on it.",
  "- In all scenarios the optimiser's state starts afresh in every round. Centralised runs have their own number of rounds or learning rate",
  "  where `compare:` in the file says so; otherwise they share those of the federation and may not be the best that pooling could do.",
  "",
];

function paper(found) {
  if (found === undefined) return [];
  return [
    "## The figures of paper 0",
    "",
    "Bataineh et al., figures 5 to 7, again with their CNN-LSTM (`millwright experiment paper-0/fig5`, ...). The paper's data and settings are not",
    "public, so its claims are compared, not its numbers.",
    "",
    summary(Object.values(found.figures)),
    "",
    ...provenanceOf(found),
    'Seconds of training are processor time; seconds on the wall ("s wall") depend on what else the machine did and measure nothing here.',
    "",
    ...Object.values(found.figures).flatMap((one) => [
      `### ${one.title}`,
      "",
      ...(one.data === undefined
        ? []
        : [
            `On ${one.data === "fleet" ? "the built-in fleet (simulated)" : one.data}, ${one.seeds} ${one.seeds === 1 ? "seed" : "seeds"}.`,
            "",
          ]),
      ...one.findings.map(({ claim, holds, because }) => `- ${holds ? "Reproduced" : "**Not reproduced**"}: ${claim} ${because}`),
      "",
      `| ${one.table[0].join(" | ")} |`,
      `|${one.table[0].map(() => "---").join("|")}|`,
      ...one.table.slice(1).map((cells) => `| ${cells.join(" | ")} |`),
      "",
    ]),
  ];
}

/** How many of the paper's own claims were borne out, and which were not; claims we added in its place are in the lists below. */
function summary(figures) {
  const own = figures.flatMap(({ findings }) => findings).filter(({ claim }) => !claim.startsWith("("));
  const failed = own.filter(({ holds }) => !holds).map(({ claim }) => claim.replace(/\.$/, ""));
  const rest = failed.length === 0 ? "" : ` Not reproduced: ${failed.join("; ")}.`;
  return `Of the paper's ${own.length} claims, ${own.length - failed.length} could be reproduced.${rest}`;
}

function others({ determinism }) {
  if (determinism === undefined) return [];
  return [
    "## The same model everywhere",
    "",
    `\`${determinism.command}\`: ${determinism.passed ? "equal hashes" : "**hashes differ**"} on ${determinism.figures.length} runtimes (commit \`${determinism.commit.slice(0, 12)}\`).`,
    "",
    ...determinism.figures.map(({ said }) => `- ${said}`),
  ];
}
