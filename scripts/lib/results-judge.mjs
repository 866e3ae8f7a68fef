/** Means over seeds, and whether a row of results holds what it is held to. No I/O. */

/** Mean, sample standard deviation (0 for one value) and the values themselves. */
export function spread(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return { mean, sd: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)), values };
}

/** Runs of several seeds, each { scenarios: { name: { metrics, seconds } } }, as spreads of every metric that all seeds have. */
export function summarise(runs) {
  const scenarios = {};
  for (const name of ["centralised", "local", "federated"]) {
    const found = runs.flatMap((run) => run.scenarios[name] ?? []);
    if (found.length === 0) continue;
    const metrics = {};
    for (const metric of Object.keys(found[0].metrics)) {
      const values = found.flatMap((one) => one.metrics[metric] ?? []);
      if (values.length === found.length) metrics[metric] = spread(values);
    }
    scenarios[name] = { metrics, seconds: spread(found.map((one) => one.seconds)) };
  }
  return scenarios;
}

const reaches = (value, bound, better) => (better === "higher" ? value >= bound : value <= bound);

/**
 * What became of a row: { gate, goal } each true, false, or undefined where nothing is asked, and `ratio` to the centralised run where
 * that is what is asked. A metric that is missing reaches nothing.
 */
export function judgeRow(row, scenarios) {
  const value = scenarios?.federated?.metrics[row.metric]?.mean;
  const within = (row.limits ?? []).every(({ metric, most }) => scenarios?.federated?.metrics[metric]?.mean <= most);
  const verdict = {};
  if (row.gate !== undefined) verdict.gate = value !== undefined && within && reaches(value, row.gate, row.better);
  if (row.goal !== undefined) verdict.goal = value !== undefined && within && reaches(value, row.goal, row.better);
  if (row.ratio !== undefined) {
    const pooled = scenarios?.centralised?.metrics[row.metric]?.mean;
    if (value !== undefined && pooled !== undefined) verdict.ratio = value / pooled;
    verdict.gate = verdict.ratio !== undefined && verdict.ratio <= row.ratio;
  }
  return verdict;
}
