/** How far a simulation is: examples trained of those to train, over all scenarios, and from that the time left. */
import type { Millis } from "../core/quantities.js";
import type { SimulationEvent } from "./events.js";
import type { ScenarioName } from "./result.js";
import type { PreparedSite } from "./scenarios.js";
import { runPlan, type Setup } from "./setup.js";

export interface OverallProgress {
  /** The sites are ready: now the amount of work is known. */
  readonly begin: (sites: readonly PreparedSite[]) => void;
  readonly site: (run: string, round: number, site: string, examples: number) => void;
  readonly round: (run: string, loss: number, round: number, rounds: number) => void;
}

export function overallProgress(
  setup: Setup,
  scenarios: readonly ScenarioName[],
  clock: () => Millis,
  emit: (event: SimulationEvent) => void,
): OverallProgress {
  const sites = setup.parts.length;
  const sitesDone = new Map<string, number>();
  const localRounds = new Map<string, number>();
  let total = 0;
  let done = 0;
  let since = clock();

  function secondsLeft(): number | undefined {
    const elapsed = (clock() - since) / 1000;
    return done === 0 || elapsed < 0.5 ? undefined : Math.max(0, ((total - done) / done) * elapsed);
  }

  return {
    begin(prepared) {
      since = clock();
      const examples = prepared.reduce((sum, site) => sum + site.train.count, 0);
      for (const scenario of scenarios) {
        const plan = runPlan(setup, scenario, scenario, "", undefined);
        total += examples * plan.training.epochs * plan.rounds;
      }
    },
    site(run, round, site, examples) {
      done += examples;
      const scenario = scenarioOf(run);
      if (scenario === "local") return;
      const key = `${run}/${round}`;
      const count = (sitesDone.get(key) ?? 0) + 1;
      sitesDone.set(key, count);
      emit({ kind: "site", scenario, round, site, sitesDone: count, sites: scenario === "federated" ? sites : 1 });
    },
    round(run, loss, round, rounds) {
      const scenario = scenarioOf(run);
      const common = { kind: "round", scenario, rounds, loss, secondsLeft: secondsLeft() } as const;
      if (scenario !== "local") {
        sitesDone.delete(`${run}/${round}`);
        const of = scenario === "federated" ? sites : 1;
        emit({ ...common, round, sitesDone: of, sites: of });
        return;
      }
      // Local models run side by side: a round of the scenario is done when the slowest site has done it.
      const before = slowest();
      localRounds.set(run, round);
      const now = slowest();
      if (now > before) emit({ ...common, round: now, sitesDone: sites, sites });
    },
  };

  function slowest(): number {
    if (localRounds.size < sites) return 0;
    return Math.min(...localRounds.values());
  }
}

function scenarioOf(run: string): ScenarioName {
  return run.startsWith("local/") ? "local" : (run as ScenarioName);
}
